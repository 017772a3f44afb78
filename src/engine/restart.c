/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "engine/restart.h"
#include "base/str.h"

bool restart_is_wanted(const RestartPolicy *policy, int exit_code, int count) {
        if (str_equal(policy->name, "always") || str_equal(policy->name, "unless-stopped"))
                return true;
        if (!str_equal(policy->name, "on-failure") || exit_code == 0)
                return false;
        return policy->maximum_retry_count == 0 || count < policy->maximum_retry_count;
}

int restart_delay_ms(int previous_ms, int64_t ran_ms) {
        if (previous_ms == 0 || ran_ms >= RESTART_RESET_MS)
                return RESTART_DELAY_FIRST_MS;
        return previous_ms > RESTART_DELAY_MAX_MS / 2 ? RESTART_DELAY_MAX_MS : previous_ms * 2;
}
