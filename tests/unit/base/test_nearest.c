/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/nearest.h"
#include "test.h"

static const char *const verbs[] = { "run", "rm", "start", "stop", "network create", "ps", NULL };

TEST(typos_find_their_name) {
        expect_str(nearest_name("strat", verbs), "start");
        expect_str(nearest_name("stopp", verbs), "stop");
        expect_str(nearest_name("rnu", verbs), "run");
        expect_str(nearest_name("network craete", verbs), "network create");
}

TEST(strangers_find_nothing) {
        expect(!nearest_name("frobnicate", verbs));
        expect(!nearest_name("xy", verbs));
        expect(!nearest_name("", verbs));
}
