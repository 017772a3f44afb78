/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a place has used, in full
 *
 * Everything that both versions count, in version 1's terms, which is how OCI
 * runtimes report it: swap includes memory, times are nanoseconds.  What no
 * hierarchy of the place counts is 0, and no list has an entry for it.
 */

#include <stdbool.h>

#include "kernel/cgroup.h"

typedef struct CgroupAmount {
        uint64_t usage, max, fail_count;
        uint64_t limit; /* none: UINT64_MAX; on version 1 the last page below INT64_MAX */
} CgroupAmount;

typedef struct CgroupCount {
        char *name;
        uint64_t value;
} CgroupCount;

typedef struct CgroupIo {
        uint64_t major, minor;
        char *op; /* "Read", "Write", … */
        uint64_t value;
} CgroupIo;

typedef struct CgroupPages {
        char *size; /* "2MB" */
        uint64_t usage, max, fail_count;
} CgroupPages;

typedef struct CgroupUsage {
        uint64_t cpu_total, cpu_kernel, cpu_user; /* nanoseconds */
        int64_t *cpu_each;                        /* nanoseconds by processor; version 1 only */
        size_t n_cpu_each;
        uint64_t periods, throttled_periods, throttled_time;
        CgroupAmount memory, swap, kernel, kernel_tcp;
        uint64_t cache;
        CgroupCount *memory_counts; /* memory.stat */
        size_t n_memory_counts;
        uint64_t pids, pids_limit; /* 0: no limit */
        CgroupIo *io_bytes, *io_operations;
        size_t n_io_bytes, n_io_operations;
        CgroupPages *pages;
        size_t n_pages;
} CgroupUsage;

/* Return: 0; -ENOENT if the place is gone; negative errno. */
int cgroup_usage(const Cgroup *c, CgroupUsage *ret);
void cgroup_usage_clear(CgroupUsage *usage);
#define autousage __attribute__((__cleanup__(cgroup_usage_clear))) CgroupUsage

/*
 * Out of memory
 *
 * How often the kernel has killed for want of memory in the place is counted; -ENOENT where
 * no hierarchy of the place does.
 */
int cgroup_oom_kills(const Cgroup *c, uint64_t *ret);

/*
 * The descriptor of a watch becomes ready (POLLPRI on version 2, POLLIN on version 1: poll for
 * both) when the kernel may have killed for want of memory in the place or below it, and when the
 * place is removed.
 *
 *         r = cgroup_oom_watch(cgroup, &watch);
 *         … poll(watch.fd) …
 *         r = cgroup_oom_read(&watch);
 */
typedef struct CgroupOomWatch {
        int fd;
        int memory; /* the directory that counts */
        bool v1;
        uint64_t seen;
} CgroupOomWatch;

/* Return: 0; -EOPNOTSUPP if no hierarchy of the place counts memory; negative errno. */
int cgroup_oom_watch(const Cgroup *c, CgroupOomWatch *ret);
/* How often since the last time (0 or more); -ENODEV once the place is gone. */
int cgroup_oom_read(CgroupOomWatch *watch);
void cgroup_oom_clear(CgroupOomWatch *watch);
