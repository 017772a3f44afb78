/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <linux/ioprio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/scheduler.h"

/* linux/sched.h and linux/sched/types.h, which glibc's <sched.h> cannot be included with. */
enum { SCHED_OTHER_, SCHED_FIFO_, SCHED_RR_, SCHED_BATCH_, SCHED_IDLE_ = 5, SCHED_DEADLINE_ };

struct attr {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
};

int scheduler_policy(const char *name) {
        static const struct {
                const char *name;
                int policy;
        } policies[] = {
                { "SCHED_OTHER", SCHED_OTHER_ }, { "SCHED_FIFO", SCHED_FIFO_ },
                { "SCHED_RR", SCHED_RR_ },       { "SCHED_BATCH", SCHED_BATCH_ },
                { "SCHED_IDLE", SCHED_IDLE_ },   { "SCHED_DEADLINE", SCHED_DEADLINE_ },
                { "SCHED_ISO", -EOPNOTSUPP },
        };

        for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
                if (strcmp(name, policies[i].name) == 0)
                        return policies[i].policy;
        return -EINVAL;
}

int scheduler_add_flag(const char *name, uint64_t *flags) {
        /* In the order of their bits (linux/sched.h). */
        static const char *const names[] = {
                "SCHED_FLAG_RESET_ON_FORK",  "SCHED_FLAG_RECLAIM",     "SCHED_FLAG_DL_OVERRUN",
                "SCHED_FLAG_KEEP_POLICY",    "SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN",
                "SCHED_FLAG_UTIL_CLAMP_MAX",
        };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (strcmp(name, names[i]) == 0) {
                        *flags |= UINT64_C(1) << i;
                        return 0;
                }
        return -EINVAL;
}

int scheduler_set(pid_t pid, const SchedulerAttr *a) {
        struct attr attr = { .size = sizeof attr,
                             .policy = (uint32_t) a->policy,
                             .flags = a->flags,
                             .nice = a->nice,
                             .priority = a->priority,
                             .runtime = a->runtime,
                             .deadline = a->deadline,
                             .period = a->period };

        return syscall(SYS_sched_setattr, pid, &attr, 0) < 0 ? -errno : 0;
}

int io_priority_class(const char *name) {
        if (strcmp(name, "IOPRIO_CLASS_RT") == 0)
                return IOPRIO_CLASS_RT;
        if (strcmp(name, "IOPRIO_CLASS_BE") == 0)
                return IOPRIO_CLASS_BE;
        if (strcmp(name, "IOPRIO_CLASS_IDLE") == 0)
                return IOPRIO_CLASS_IDLE;
        return -EINVAL;
}

int io_priority_set(pid_t pid, int class, int level) {
        int value = class << IOPRIO_CLASS_SHIFT | level;

        return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, value) < 0 ? -errno : 0;
}

int affinity_set(pid_t pid, const Bitlist *processors) {
        return syscall(SYS_sched_setaffinity, pid, sizeof processors->bits, processors->bits) < 0
                       ? -errno
                       : 0;
}

int affinity_get(pid_t pid, Bitlist *ret) {
        *ret = (Bitlist){};
        if (syscall(SYS_sched_getaffinity, pid, sizeof ret->bits, ret->bits) < 0)
                return -errno;
        for (size_t i = 0; i < BITLIST_MAX; i++)
                ret->n += bitlist_has(ret, i);
        return 0;
}
