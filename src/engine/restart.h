/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Restart policies: whether and when a container that ended is started again
 *
 * Docker's rules: 100 ms before the first restart, twice as long before each
 * further one up to a minute, and from the beginning once it has run for 10 s.
 * A container that a user stopped or killed stays stopped.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/container.h"

#define RESTART_DELAY_FIRST_MS 100
#define RESTART_DELAY_MAX_MS   60000
#define RESTART_RESET_MS       10000

/* @count: restarts so far. */
bool restart_is_wanted(const RestartPolicy *policy, int exit_code, int count);
/* @previous_ms: the delay before the run that just ended, 0 for the first one; @ran_ms: its length.
 */
int restart_delay_ms(int previous_ms, int64_t ran_ms);
