/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <math.h>
#include <sys/eventfd.h>

#include "measure/stream.h"
#include "pair.h"

static void arrives(int family) {
        autostream result = {};
        StreamOptions o;
        Station a, b;
        autoerr err = {};

        pair_make(family, &a, &b);
        o = stream_defaults(&a, &b);
        o.count = 50;
        o.rate_bps = stream_rate(&b, o.size, 1000);
        expect_well(stream(&o, &result, &err), err);
        expect(result.sent == 50 && result.received == 50 && result.delay.count == 50);
        expect(result.duplicates == 0 && result.reordered == 0 && result.refused == 0);
        expect(result.delay.min > 0 && result.received_bps > 0 && !result.stopped);
        expect(stream_loss(&result) < 0.01);
}

TEST_IN(all_of_a_stream_arrives, CLONE_NEWNET) {
        arrives(AF_INET);
}

TEST_IN(all_of_a_stream_arrives_over_ipv6, CLONE_NEWNET) {
        arrives(AF_INET6);
}

TEST_IN(without_a_way_there_is_no_stream, CLONE_NEWNET) {
        autostream result = {};
        StreamOptions o;
        Station a, b;
        autoerr err = {};

        pair_make(AF_INET, &a, &b);
        o = stream_defaults(&a, &b);
        pair_cut(a.netns, "left");
        o.count = 3;
        o.grace_ns = NS_PER_MS;
        expect(stream(&o, &result, &err) == -ENETUNREACH);
        printf("# %s\n", err.message);
        expect(strstr(err.message, "there is no way"));
}

TEST_IN(stopped_it_has_what_it_has, CLONE_NEWNET) {
        autoclose int stop = eventfd(1, EFD_CLOEXEC);
        autostream result = {};
        StreamOptions o;
        Station a, b;
        autoerr err = {};

        pair_make(AF_INET, &a, &b);
        o = stream_defaults(&a, &b);
        o.duration_ns = 1000 * NS_PER_S;
        o.stop = stop;
        expect_well(stream(&o, &result, &err), err);
        expect(result.stopped && result.sent < 1000);
}

TEST(too_many_datagrams_are_refused) {
        autostream result = {};
        StreamOptions o;
        Station a = { .netns = -EBADF };
        autoerr err = {};

        expect_ok(addr_parse("10.0.0.1", &a.address));
        o = stream_defaults(&a, &a);
        o.rate_bps = 1e15;
        expect(stream(&o, &result, &err) == -EINVAL);
        printf("# %s\n", err.message);
        expect(strstr(err.message, "at most 50000000 datagrams") && err.hint);
}

TEST(rate_counts_headers) {
        Station a = { .netns = -EBADF };

        expect_ok(addr_parse("10.0.0.1", &a.address));
        expect(fabs(stream_rate(&a, 72, 10) - 8000) < 1e-6);
        expect_ok(addr_parse("fd00::1", &a.address));
        expect(fabs(stream_rate(&a, 52, 10) - 8000) < 1e-6);
}
