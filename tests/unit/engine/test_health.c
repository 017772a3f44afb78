/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "engine/health.h"
#include "test.h"

#define S INT64_C(1000000000)

static HealthResult result(int code) {
        return (HealthResult){
                .start = strdup("a"), .end = strdup("b"), .exit_code = code, .output = strdup("")
        };
}

static void add(Health *h, const OciHealthcheck *check, int64_t age_ns, int code) {
        HealthResult r = result(code);

        expect(health_add(h, check, age_ns, &r) == 0);
}

TEST(three_failures_in_a_row_make_it_unhealthy_and_one_success_healthy) {
        const OciHealthcheck check = {};
        autohealth h = {};

        expect(health_reset(&h) == 0);
        expect_str(h.status, "starting");
        add(&h, &check, 0, 1);
        add(&h, &check, 0, 1);
        expect_str(h.status, "starting");
        add(&h, &check, 0, HEALTH_TIMED_OUT);
        expect_str(h.status, "unhealthy");
        add(&h, &check, 0, 0);
        expect_str(h.status, "healthy");
        expect(h.failing_streak == 0);
        add(&h, &check, 0, 2);
        expect_str(h.status, "healthy");
        expect(h.failing_streak == 1);
}

TEST(start_period_forgives_until_the_first_success) {
        const OciHealthcheck check = { .start_period = 60 * S, .retries = 1 };
        autohealth h = {};

        expect(health_reset(&h) == 0);
        add(&h, &check, 59 * S, 1);
        expect_str(h.status, "starting");
        add(&h, &check, 1 * S, 0);
        add(&h, &check, 2 * S, 1);
        expect_str(h.status, "unhealthy");
}

TEST(start_period_ends) {
        const OciHealthcheck check = { .start_period = 60 * S, .retries = 1 };
        autohealth h = {};

        expect(health_reset(&h) == 0);
        add(&h, &check, 60 * S, 1);
        expect_str(h.status, "unhealthy");
}

TEST(checks_come_faster_while_it_starts) {
        const OciHealthcheck check = { .interval = 20 * S, .start_period = 60 * S };
        autohealth h = {};

        expect(health_reset(&h) == 0);
        expect(health_interval_ns(&h, &check, 0) == HEALTH_START_INTERVAL_NS);
        expect(health_interval_ns(&h, &check, 61 * S) == 20 * S);
        add(&h, &check, 0, 0);
        expect(health_interval_ns(&h, &check, 0) == 20 * S);
        expect(health_interval_ns(&h, &(OciHealthcheck){}, 0) == HEALTH_INTERVAL_NS);
}

TEST(only_the_last_results_are_kept) {
        const OciHealthcheck check = {};
        autohealth h = {};

        expect(health_reset(&h) == 0);
        for (int i = 0; i < 9; i++)
                add(&h, &check, 0, i);
        expect(h.n_log == HEALTH_LOG_MAX);
        expect(h.log[0].exit_code == 4 && h.log[4].exit_code == 8);
}
