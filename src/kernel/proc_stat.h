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

typedef struct ProcessUsage {
        uint64_t cpu_ns; /* its own, and that of children that have ended and were waited for */
        uint64_t memory; /* resident, bytes; what processes share counts for each */
} ProcessUsage;
/* -ESRCH. */
int process_usage(pid_t pid, ProcessUsage *ret);
/* The inode that names its namespace of a kind ("pid", "net"); -ESRCH, -EACCES. */
int process_namespace(pid_t pid, const char *kind, ino_t *ret);
