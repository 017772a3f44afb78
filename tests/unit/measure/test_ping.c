/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <sys/eventfd.h>

#include "measure/echo.h"
#include "measure/ping.h"
#include "pair.h"

static PingOptions quick(const Station *from, const Address *to) {
        PingOptions o = ping_defaults(from->netns, to);

        o.count = 5;
        o.interval_ns = NS_PER_MS;
        return o;
}

static void answered(int family) {
        autoping result = {};
        PingOptions o;
        Station a, b;
        autoerr err = {};

        pair_make(family, &a, &b);
        o = quick(&a, &b.address);
        expect_well(ping(&o, &result, &err), err);
        expect(result.sent == 5 && result.received == 5 && result.rtt.count == 5);
        expect(result.duplicates == 0 && result.error == 0 && !result.stopped);
        expect(result.rtt.min > 0);
}

TEST_IN(every_request_is_answered, CLONE_NEWNET) {
        answered(AF_INET);
}

TEST_IN(every_request_is_answered_over_ipv6, CLONE_NEWNET) {
        answered(AF_INET6);
}

TEST_IN(without_interval_the_next_follows_the_answer, CLONE_NEWNET) {
        autoping result = {};
        PingOptions o;
        Station a, b;
        autoerr err = {};

        pair_make(AF_INET, &a, &b);
        o = quick(&a, &b.address);
        o.count = 200;
        o.interval_ns = 0;
        o.size = 1400;
        expect_well(ping(&o, &result, &err), err);
        expect(result.sent == 200 && result.received == 200 && result.reordered == 0);
}

TEST_IN(who_is_not_there_does_not_answer, CLONE_NEWNET) {
        autoping result = {};
        Address nobody;
        PingOptions o;
        Station a, b;
        autoerr err = {};

        pair_make(AF_INET, &a, &b);
        expect_ok(addr_parse("10.9.0.77", &nobody));
        o = quick(&a, &nobody);
        o.count = 2;
        o.timeout_ns = 20 * NS_PER_MS;
        expect_well(ping(&o, &result, &err), err);
        expect(result.sent == 2 && result.received == 0);
        expect(ping_loss(&result) > 0.99);
}

TEST_IN(without_a_route_there_is_a_reason, CLONE_NEWNET) {
        autoping result = {};
        Address far;
        PingOptions o;
        Station a, b;
        autoerr err = {};

        pair_make(AF_INET, &a, &b);
        expect_ok(addr_parse("192.0.2.1", &far));
        o = quick(&a, &far);
        o.count = 1;
        o.timeout_ns = 10 * NS_PER_MS;
        expect_well(ping(&o, &result, &err), err);
        expect(result.received == 0 && result.error == -ENETUNREACH);
}

TEST_IN(stopped_it_has_what_it_has, CLONE_NEWNET) {
        autoclose int stop = eventfd(1, EFD_CLOEXEC);
        autoping result = {};
        PingOptions o;
        Station a, b;
        autoerr err = {};

        pair_make(AF_INET, &a, &b);
        o = quick(&a, &b.address);
        o.count = PING_COUNT_MAX;
        o.interval_ns = NS_PER_S;
        o.stop = stop;
        expect_well(ping(&o, &result, &err), err);
        expect(result.stopped && result.sent == 1);
}

TEST_IN(packets_of_others_are_none_of_its_own, CLONE_NEWNET) {
        Station a, b;
        Echo echo = { .session = 1, .sequence = 3 }, got;
        autoclose int fd = -EBADF;
        autoerr err = {};
        int r = 0;

        pair_make(AF_INET, &a, &b);
        fd = echo_open(a.netns, AF_INET, &err);
        expect_well(fd, err);
        expect_ok(echo_send(fd, &b.address, &echo, 56));
        expect(probe_wait(fd, 1 /* POLLIN */, -EBADF, monotonic_ns() + 10 * NS_PER_S) == 1);
        expect(echo_receive(fd, AF_INET, 2, &got) == 0);
        expect_ok(echo_send(fd, &b.address, &echo, 56));
        expect(probe_wait(fd, 1, -EBADF, monotonic_ns() + 10 * NS_PER_S) == 1);
        r = echo_receive(fd, AF_INET, 1, &got);
        expect(r == 1 && got.sequence == 3);
}

TEST(impossible_wishes_are_refused) {
        autoping result = {};
        Address to;
        PingOptions o;
        autoerr err = {};

        expect_ok(addr_parse("10.0.0.1", &to));
        o = ping_defaults(-EBADF, &to);
        o.size = 3;
        expect(ping(&o, &result, &err) == -EINVAL);
        printf("# %s\n", err.message);
        expect(strstr(err.message, "24 to 65000 bytes"));
}
