/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Hosts at a switch's ports: network namespaces with an interface "eth0" and an address. */

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/str.h"
#include "kernel/ns.h"
#include "netlink/addr.h"
#include "netlink/link.h"
#include "openflow/ovs_change.h"
#include "test.h"

#define TRIES 60 /* of half a second each */

static int make_host(void) {
        int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there;

        expect(here >= 0 && unshare(CLONE_NEWNET) == 0);
        there = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        expect(there >= 0 && setns(here, CLONE_NEWNET) == 0);
        close(here);
        return there;
}

static int set_up_host(void *context) {
        autoclose int nl = expect_ok(nl_open());
        autonl NlMessage m;
        Address a;

        expect_ok(addr_parse(context, &a));
        nl_begin_empty(&m);
        link_next_up(&m, (int) if_nametoindex("eth0"));
        addr_next_add(&m, (int) if_nametoindex("eth0"), &a);
        expect_ok(nl_call(nl, &m, NULL));
        return 0;
}

/* @host: where its network namespace goes; @port: the other end of its cable. */
__attribute__((__unused__)) static void add_host(int *host, const char *port, const char *address) {
        autoclose int nl = expect_ok(nl_open());
        autonl NlMessage m;

        *host = make_host();
        expect_ok(link_add_veth(nl, &(LinkEnd){ .name = port, .netns = -EBADF },
                                &(LinkEnd){ .name = "eth0", .netns = *host }, NULL));
        nl_begin_empty(&m);
        link_next_up(&m, (int) if_nametoindex(port));
        expect_ok(nl_call(nl, &m, NULL));
        expect_ok(netns_run(*host, set_up_host, (void *) address));
}

static int open_icmp(void *context) {
        (void) context;
        return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
}

/* Sends echo requests until one is answered; there is no answer before the switch has its
 * controller. */
__attribute__((__unused__)) static bool ping(int host, const char *address, int tries) {
        struct sockaddr_in to = { .sin_family = AF_INET };
        struct icmphdr request = { .type = ICMP_ECHO, .un.echo.id = htons(77) };
        autoclose int s = expect_ok(netns_run(host, open_icmp, NULL));
        uint8_t answer[256];

        expect(inet_pton(AF_INET, address, &to.sin_addr) == 1);
        request.checksum = htons((uint16_t) ~((ICMP_ECHO << 8) + 77));
        while (tries-- > 0) {
                struct pollfd p = { .fd = s, .events = POLLIN };

                expect(sendto(s, &request, sizeof request, 0, (struct sockaddr *) &to, sizeof to) >
                       0);
                while (poll(&p, 1, 500) > 0) {
                        ssize_t n = recv(s, answer, sizeof answer, 0);

                        if (n >= 28 && answer[20] == ICMP_ECHOREPLY && answer[25] == 77)
                                return true;
                }
        }
        return false;
}

__attribute__((__unused__)) static void add_cable(const char *a, const char *b) {
        const LinkEnd x = { .name = a, .netns = -EBADF }, y = { .name = b, .netns = -EBADF };
        autoclose int nl = expect_ok(nl_open());

        expect_ok(link_add_veth(nl, &x, &y, NULL));
}

/* A cable whose ends are ports of two bridges. */
__attribute__((__unused__)) static void add_link(OvsChange *change, const char *a, const char *b) {
        autofree char *left = str_format("%s-%s", a, b), *right = str_format("%s-%s", b, a);
        autoclose int nl = expect_ok(nl_open());
        autonl NlMessage m;

        add_cable(left, right);
        nl_begin_empty(&m);
        link_next_up(&m, (int) if_nametoindex(left));
        link_next_up(&m, (int) if_nametoindex(right));
        expect_ok(nl_call(nl, &m, NULL));
        ovs_change_add_port(change, &(OvsPort){ .bridge = a, .name = left });
        ovs_change_add_port(change, &(OvsPort){ .bridge = b, .name = right });
}
