/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <signal.h>

#include "base/clock.h"
#include "engine/monitor.h"
#include "kernel/proc_stat.h"
#include "test.h"

TEST(process_is_known_by_number_and_start) {
        uint64_t start;

        expect_ok(process_start_time(getpid(), &start));
        expect(process_is(getpid(), start));
        expect(!process_is(getpid(), start + 1));
        expect(!process_is(0, start));
}

TEST(waiting_for_another_process_of_the_same_number_ends_at_once) {
        uint64_t start;

        expect_ok(process_start_time(getpid(), &start));
        expect(process_wait(getpid(), start + 1, -1) == 0);
}

TEST(waiting_ends_with_the_process) {
        pid_t pid = fork();
        uint64_t start;

        if (pid == 0) {
                usleep(50000);
                _exit(0);
        }
        expect_ok(process_start_time(pid, &start));
        expect(process_wait(pid, start, 10000) == 0);
}

TEST(waiting_is_bounded) {
        int64_t before = clock_monotonic_ms();
        uint64_t start;

        expect_ok(process_start_time(getpid(), &start));
        expect(process_wait(getpid(), start, 30) == -ETIMEDOUT);
        expect(clock_monotonic_ms() - before >= 30);
}

TEST(container_of_another_boot_has_no_monitor) {
        uint64_t start;
        Container c = { .state.boot_id = (char *) "another", .state.monitor_pid = getpid() };

        expect_ok(process_start_time(getpid(), &start));
        c.state.monitor_start = start;
        expect(!monitor_is_alive(&c));
        expect(monitor_wait_finish(&c) == 0);
}
