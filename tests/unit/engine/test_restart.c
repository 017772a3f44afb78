/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "engine/restart.h"
#include "test.h"

TEST(no_policy_never_restarts) {
        expect(!restart_is_wanted(&(RestartPolicy){ .name = (char *) "no" }, 1, 0));
        expect(!restart_is_wanted(&(RestartPolicy){}, 1, 0));
}

TEST(always_restarts_whatever_the_code) {
        expect(restart_is_wanted(&(RestartPolicy){ .name = (char *) "always" }, 0, 99));
        expect(restart_is_wanted(&(RestartPolicy){ .name = (char *) "unless-stopped" }, 1, 99));
}

TEST(on_failure_counts) {
        const RestartPolicy three = { .name = (char *) "on-failure", .maximum_retry_count = 3 };

        expect(!restart_is_wanted(&three, 0, 0));
        expect(restart_is_wanted(&three, 1, 2));
        expect(!restart_is_wanted(&three, 1, 3));
        expect(restart_is_wanted(&(RestartPolicy){ .name = (char *) "on-failure" }, 1, 1000));
}

TEST(delay_doubles_up_to_a_minute_and_begins_anew_after_ten_seconds) {
        int delay = 0;

        delay = restart_delay_ms(delay, 5);
        expect(delay == 100);
        delay = restart_delay_ms(delay, 5);
        expect(delay == 200);
        for (int i = 0; i < 20; i++)
                delay = restart_delay_ms(delay, 5);
        expect(delay == 60000);
        expect(restart_delay_ms(delay, 10000) == 100);
}
