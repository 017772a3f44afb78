/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/auto.h"
#include "test.h"
#include "wire/plan.h"

#define SECOND 1000000000LL

static Quality quality_of(const char *key, const char *value) {
        Quality q = {};

        expect(quality_set(&q, key, value, NULL) == 0);
        return q;
}

TEST(a_schedule_is_carried_out_in_advance_each_step_on_top_of_the_one_before) {
        autoquality q = quality_of("delay", "10ms");
        autoptr(Plan) p = NULL;

        expect(quality_set(&q, "schedule", "10s rate=1mbit; 20s delay=30ms loss=5%; 30s loss=none",
                           NULL) == 0);
        expect(plan_new(&q, -1, &p, NULL) == 0);
        expect(p->n == 4 && p->stages[0].plain && !p->stages[2].plain && p->stages[3].plain);
        expect(p->stages[0].quality.rate_bps == 0 && p->stages[1].path.rate_bps == 1000000);
        expect(p->stages[2].quality.rate_bps == 1000000 && p->stages[2].quality.loss_p == 0.05);
        expect(p->stages[2].quality.delay_ns == 30000000 &&
               p->stages[1].quality.delay_ns == 10000000);
        expect(plan_stage(p, 0) == 0 && plan_stage(p, 10 * SECOND - 1) == 0);
        expect(plan_stage(p, 10 * SECOND) == 1 && plan_stage(p, 25 * SECOND) == 2);
        expect(plan_stage(p, 3600 * SECOND) == 3);
}

TEST(steps_that_are_over_can_be_left_out) {
        autoquality q = quality_of("schedule", "10s delay=1ms; 20s delay=2ms");
        autoptr(Plan) p = NULL;

        expect(plan_new(&q, 10 * SECOND, &p, NULL) == 0);
        expect(p->n == 2 && p->stages[0].quality.delay_ns == 0);
        expect(plan_stage(p, 10 * SECOND) == 0 && plan_stage(p, 20 * SECOND) == 1);
}

TEST(a_stage_that_cannot_be_is_refused) {
        autoquality q = quality_of("schedule", "10s queue=20ms");
        autoerr err = {};
        Plan *p = NULL;

        expect(plan_new(&q, -1, &p, &err) == -EINVAL && !p);
        expect_str(err.message, "a queue in time needs a rate");
}

TEST(files_that_are_not_there_are_named) {
        autoquality q = quality_of("trace", "/nonexistent/trace"),
                    r = quality_of("loss", "pattern /nonexistent/losses");
        autoerr err = {}, other = {};
        Plan *p = NULL;

        expect(plan_new(&q, -1, &p, &err) == -ENOENT &&
               strstr(err.message, "'/nonexistent/trace'"));
        expect(plan_new(&r, -1, &p, &other) == -ENOENT && strstr(other.message, "losses'"));
}

TEST(what_has_a_beginning_is_compared) {
        autoquality a = quality_of("schedule", "1s delay=1ms"),
                    b = quality_of("schedule", "1s delay=2ms"),
                    c = quality_of("schedule", "1s delay=1ms");

        expect(!plan_same_schedule(&a, &b) && plan_same_schedule(&a, &c));
        expect(quality_set(&a, "loss", "1%", NULL) == 0 && plan_same_schedule(&a, &c));
        expect(!plan_same_loss(&a, &c) && plan_same_loss(&b, &c) && plan_same_trace(&a, &b));
        expect(quality_set(&a, "trace", "x", NULL) == 0 && !plan_same_trace(&a, &c));
}
