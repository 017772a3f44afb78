/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What /proc/PID/stat tells of a process (proc(5)). */

#include <stdint.h>
#include <sys/types.h>

/*
 * Field 22, the time it started in clock ticks since boot: together with the pid and the boot id
 * it names a process for ever.  -ESRCH if there is none, also for one that is dead but not reaped.
 */
int process_start_time(pid_t pid, uint64_t *ret);
