/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "kernel/scheduler.h"
#include "test.h"

TEST(policies_and_flags_have_the_kernels_numbers) {
        uint64_t flags = 0;

        expect(scheduler_policy("SCHED_OTHER") == SCHED_OTHER);
        expect(scheduler_policy("SCHED_FIFO") == SCHED_FIFO);
        expect(scheduler_policy("SCHED_RR") == SCHED_RR);
        expect(scheduler_policy("SCHED_BATCH") == SCHED_BATCH);
        expect(scheduler_policy("SCHED_IDLE") == SCHED_IDLE);
        expect(scheduler_policy("SCHED_DEADLINE") == 6);
        expect(scheduler_policy("SCHED_ISO") == -EOPNOTSUPP);
        expect(scheduler_policy("sched_rr") == -EINVAL);
        expect_ok(scheduler_add_flag("SCHED_FLAG_RESET_ON_FORK", &flags));
        expect_ok(scheduler_add_flag("SCHED_FLAG_UTIL_CLAMP_MAX", &flags));
        expect(flags == 0x41 && scheduler_add_flag("SCHED_FLAG", &flags) == -EINVAL);
}

TEST(a_policy_is_taken_on) {
        expect_ok(scheduler_set(0, &(SchedulerAttr){ .policy = SCHED_BATCH, .nice = 7 }));
        expect(sched_getscheduler(0) == SCHED_BATCH);
        expect(getpriority(PRIO_PROCESS, 0) == 7);
        expect(scheduler_set(0, &(SchedulerAttr){ .policy = SCHED_FIFO }) == -EINVAL);
}

TEST(an_io_priority_is_taken_on) {
        expect(io_priority_class("IOPRIO_CLASS_RT") == 1);
        expect(io_priority_class("IOPRIO_CLASS_BE") == 2);
        expect(io_priority_class("IOPRIO_CLASS_IDLE") == 3);
        expect(io_priority_class("IOPRIO_CLASS_NONE") == -EINVAL);
        expect_ok(io_priority_set(0, 2, 6));
        expect(syscall(SYS_ioprio_get, 1, 0) == (2 << 13 | 6));
}

TEST(processors_are_taken_on) {
        Bitlist before, one = {}, after;

        expect_ok(affinity_get(0, &before));
        expect(before.n > 0);
        for (size_t i = 0; i < BITLIST_MAX && !one.n; i++)
                if (bitlist_has(&before, i)) {
                        one.bits[i / (8 * sizeof *one.bits)] = 1UL << i % (8 * sizeof *one.bits);
                        one.n = 1;
                }
        expect_ok(affinity_set(0, &one));
        expect_ok(affinity_get(0, &after));
        expect(memcmp(&one, &after, sizeof one) == 0);
}
