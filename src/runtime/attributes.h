/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a process is like, besides who it is (runtime/identity.h)
 *
 * Scheduler and I/O priority are set from outside: for whatever is better than
 * before, the kernel wants rights in the first user namespace.  Personality,
 * memory policy and security labels only a process itself can take on.
 */

#include "kernel/scheduler.h"
#include "oci/spec.h"

typedef struct Attributes {
        bool has_scheduler, has_io_priority;
        SchedulerAttr scheduler;
        int io_class, io_level;
} Attributes;

/*
 * Before there is a process: reads what is to be set from outside, and refuses labels where the
 * kernel has no such module.
 */
int attributes_make(const OciProcess *process, Attributes *ret, Err *err);
/* Whether there is anything for attributes_set() to do. */
bool attributes_any(const Attributes *attributes);
/* Sets them on that process; runs in the host. */
int attributes_set(const Attributes *attributes, pid_t pid, Err *err);

/* Whether the process will write a label, and needs a trusted /proc for it. */
bool attributes_need_proc(const OciProcess *process);
/*
 * In the process itself, before it becomes the user.
 * @linux_:	of its container; NULL: nothing said
 * @proc:	the host's /proc, if attributes_need_proc()
 */
int attributes_take_on(const OciProcess *process, const OciLinux *linux_, int proc, Err *err);

/* For a process that is not a container's first: takes on the processors of before it is in the
 * container's cgroup (in its parent), or with @final those from then on (in itself). */
int attributes_set_processors(const OciProcess *process, bool final, Err *err);

/* Warns of capabilities that are wanted but that this process has not, so cannot give. */
void attributes_warn_of_capabilities(const OciProcess *process);
