/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Two network namespaces with a cable between them, for tests in TEST_IN(…, CLONE_NEWNET). */

#include <net/if.h>
#include <sys/ioctl.h>

#include "base/auto.h"
#include "measure/ping.h"
#include "netlink/addr.h"
#include "netlink/link.h"
#include "netlink/nl.h"
#include "test.h"

/* The namespace that the calling thread is in. */
static inline int pair_here(void) {
        return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static inline void pair_address(int netns, const char *name, const Address *addresses, size_t n) {
        autonl NlMessage m;
        autoclose int nl = -EBADF, own = pair_here();
        Link link;
        autoerr err = {};

        expect(setns(netns, CLONE_NEWNET) == 0);
        nl = expect_ok(nl_open());
        expect_well(link_get(nl, name, &link, &err), err);
        nl_begin_empty(&m);
        for (size_t i = 0; i < n; i++)
                addr_next_add(&m, link.index, &addresses[i]);
        link_next_up(&m, link.index);
        expect_well(nl_call(nl, &m, &err), err);
        expect(setns(own, CLONE_NEWNET) == 0);
}

/* IPv6 answers only once the kernel has noticed that the cable is plugged in, in its own time. */
static inline void pair_await(const Station *a, const Station *b) {
        PingOptions o = ping_defaults(a->netns, &b->address);
        bool there = false;
        autoerr err = {};

        o.count = 1;
        for (int i = 0; i < 60 && !there; i++) {
                autoping result = {};

                expect_well(ping(&o, &result, &err), err);
                there = result.received > 0;
        }
        expect(there);
}

/* @family: whose addresses the stations have. */
static inline void pair_make(int family, Station *a, Station *b) {
        Address first[2], second[2];
        LinkEnd left = { .name = "left" }, right = { .name = "right" };
        autoclose int nl = -EBADF, own = pair_here();
        autoerr err = {};

        expect_ok(addr_parse("10.9.0.1/24", &first[0]));
        expect_ok(addr_parse("fd09::1/64", &first[1]));
        expect_ok(addr_parse("10.9.0.2/24", &second[0]));
        expect_ok(addr_parse("fd09::2/64", &second[1]));
        expect(unshare(CLONE_NEWNET) == 0);
        a->netns = left.netns = expect_ok(pair_here());
        expect(unshare(CLONE_NEWNET) == 0);
        b->netns = right.netns = expect_ok(pair_here());
        expect(setns(own, CLONE_NEWNET) == 0);
        nl = expect_ok(nl_open());
        expect_well(link_add_veth(nl, &left, &right, &err), err);
        pair_address(a->netns, "left", first, 2);
        pair_address(b->netns, "right", second, 2);
        a->address = first[family == AF_INET6];
        b->address = second[family == AF_INET6];
        pair_await(a, b);
        pair_await(b, a);
}

/* Sets an interface of a namespace down: from then on nothing gets through. */
static inline void pair_cut(int netns, const char *name) {
        autoclose int own = pair_here(), fd = -EBADF;
        struct ifreq request = {};

        expect(setns(netns, CLONE_NEWNET) == 0);
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
        expect(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0);
        expect(setns(own, CLONE_NEWNET) == 0);
}
