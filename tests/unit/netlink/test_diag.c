/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "netlink/diag.h"
#include "netlink/nl.h"
#include "test.h"

typedef struct Seen {
        DiagSocket sockets[16];
        size_t n;
} Seen;

static int see(const DiagSocket *socket, void *context) {
        Seen *seen = context;

        expect(seen->n < 16);
        seen->sockets[seen->n++] = *socket;
        return 0;
}

static Seen dump(bool all) {
        autoclose int nl = expect_ok(nl_open_protocol(NETLINK_SOCK_DIAG));
        Seen seen = {};

        expect_ok(diag_dump(nl, all, see, &seen, NULL));
        return seen;
}

static void lo_up(void) {
        struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
        autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        expect(ioctl(fd, SIOCSIFFLAGS, &request) == 0);
}

static int bound(int type, const char *ip, int port) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };
        int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

        expect(inet_pton(AF_INET, ip, &a.sin_addr) == 1);
        expect(bind(fd, (struct sockaddr *) &a, sizeof a) == 0);
        return fd;
}

static int connected(int type, const char *ip, int port) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };
        int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

        expect(inet_pton(AF_INET, ip, &a.sin_addr) == 1);
        expect(connect(fd, (struct sockaddr *) &a, sizeof a) == 0);
        return fd;
}

TEST_IN(fresh_namespace_has_no_sockets, CLONE_NEWNET) {
        expect(dump(true).n == 0);
}

TEST_IN(listeners_are_told_from_connections, CLONE_NEWNET) {
        autoclose int tcp = -EBADF, udp = -EBADF, silent = -EBADF, client = -EBADF, asker = -EBADF;
        struct stat st;
        Seen seen;

        lo_up();
        tcp = bound(SOCK_STREAM, "127.0.0.1", 8080);
        expect(listen(tcp, 5) == 0);
        silent = bound(SOCK_STREAM, "127.0.0.1", 8081);
        udp = bound(SOCK_DGRAM, "0.0.0.0", 53);
        client = connected(SOCK_STREAM, "127.0.0.1", 8080);
        asker = connected(SOCK_DGRAM, "127.0.0.1", 53);

        seen = dump(false);
        expect(seen.n == 2);
        expect(seen.sockets[0].protocol == IPPROTO_TCP && seen.sockets[0].port == 8080);
        expect(memcmp(seen.sockets[0].address, "\x7f\0\0\1", 4) == 0);
        expect(fstat(tcp, &st) == 0 && seen.sockets[0].inode == st.st_ino);
        expect(seen.sockets[1].protocol == IPPROTO_UDP && seen.sockets[1].port == 53);
        expect(diag_is_listening(&seen.sockets[0]) && diag_is_listening(&seen.sockets[1]));

        seen = dump(true);
        /* Both ends of the connection, the connected asker, and since Linux 6.8 the silent one. */
        expect(seen.n == 5 || seen.n == 6);
        for (size_t i = 0; i < seen.n; i++)
                if (seen.sockets[i].state == TCP_ESTABLISHED)
                        expect(!diag_is_listening(&seen.sockets[i]));
}

TEST_IN(addresses_of_ipv6_are_whole, CLONE_NEWNET) {
        struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(443) };
        autoclose int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        Seen seen;

        if (fd < 0)
                skip("no IPv6 here");
        lo_up();
        a.sin6_addr.s6_addr[15] = 1;
        if (bind(fd, (struct sockaddr *) &a, sizeof a) < 0)
                skip("no IPv6 address on lo");
        expect(listen(fd, 5) == 0);
        seen = dump(false);
        expect(seen.n == 1 && seen.sockets[0].family == AF_INET6 && seen.sockets[0].port == 443);
        expect(memcmp(seen.sockets[0].address, &a.sin6_addr, 16) == 0);
}

static int count(const DiagSocket *socket, void *context) {
        *(int *) context += socket->port >= 1000 && socket->port < 1800;
        return 0;
}

TEST_IN(many_sockets_come_in_several_parts, CLONE_NEWNET) {
        autoclose int nl = expect_ok(nl_open_protocol(NETLINK_SOCK_DIAG));
        int n = 0;

        lo_up();
        for (int port = 1000; port < 1800; port++)
                (void) bound(SOCK_DGRAM, "127.0.0.1", port);
        expect_ok(diag_dump(nl, false, count, &n, NULL));
        expect(n == 800);
}
