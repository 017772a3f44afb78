/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "measure/load.h"
#include "pair.h"

TEST_IN(round_trips_are_taken_before_and_under_load, CLONE_NEWNET) {
        autoload result = {};
        LoadOptions o;
        Station a, b;
        autoerr err = {};

        pair_make(AF_INET, &a, &b);
        o = load_defaults(&a, &b);
        o.idle_ns = 60 * NS_PER_MS;
        o.tcp.duration_ns = 300 * NS_PER_MS;
        expect_well(load(&o, &result, &err), err);
        expect(result.idle.received > 0 && result.loaded.sent > 0);
        expect(result.tcp.received > 0 && result.tcp.n_flows == 4);
}

TEST_IN(without_a_way_it_says_why, CLONE_NEWNET) {
        autoload result = {};
        LoadOptions o;
        Station a, b;
        autoerr err = {};

        pair_make(AF_INET, &a, &b);
        pair_cut(a.netns, "left");
        o = load_defaults(&b, &b);
        o.tcp.from.netns = a.netns;
        o.idle_ns = 0;
        o.tcp.duration_ns = 50 * NS_PER_MS;
        expect(load(&o, &result, &err) == -ENETUNREACH);
        printf("# %s\n", err.message);
}
