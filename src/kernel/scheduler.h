/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * When a process runs: policy, I/O priority and processors, by the runtime
 * specification's names
 *
 * All can be set on another process; the kernel wants the rights of the host
 * (CAP_SYS_NICE in the first user namespace) for whatever is better than what
 * the process has, so it is done from outside.
 */

#include <stdint.h>
#include <sys/types.h>

#include "kernel/bitlist.h"

typedef struct SchedulerAttr {
        int policy;
        uint64_t flags;
        int nice;
        unsigned priority;
        uint64_t runtime, deadline, period; /* nanoseconds */
} SchedulerAttr;

/* "SCHED_FIFO"; -EINVAL for no such name, -EOPNOTSUPP for SCHED_ISO, which Linux has not. */
int scheduler_policy(const char *name);
/* Adds the bit of "SCHED_FLAG_RECLAIM"; 0 or -EINVAL. */
int scheduler_add_flag(const char *name, uint64_t *flags);
/* sched_setattr(2); @pid 0: the calling thread. */
int scheduler_set(pid_t pid, const SchedulerAttr *attr);

/* "IOPRIO_CLASS_BE"; -EINVAL. */
int io_priority_class(const char *name);
/* ioprio_set(2) of one process; @level: 0 (first) to 7. */
int io_priority_set(pid_t pid, int class, int level);

/* sched_setaffinity(2). */
int affinity_set(pid_t pid, const Bitlist *processors);
int affinity_get(pid_t pid, Bitlist *ret);
