/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Limits as the texts that both versions' files take; no system call is made here. */

#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "kernel/cgroup_internal.h"

#define SHARES_MIN   2
#define SHARES_MAX   262144
#define WEIGHT_MAX   10000
#define PERIOD_US    100000 /* the kernel's own default of both versions */
#define V1_UNLIMITED "-1"

static CgroupSetting *add(CgroupSetting *settings, size_t *n, CgroupController controller,
                          const char *limit, const char *file) {
        CgroupSetting *s = &settings[(*n)++];

        *s = (CgroupSetting){ .controller = controller, .limit = limit, .file = file };
        return s;
}

static void set_number(CgroupSetting *s, int64_t value, const char *unlimited) {
        if (value < 0)
                s->text = unlimited;
        else
                (void) snprintf(s->number, sizeof s->number, "%" PRId64, value);
}

/* How much swap goes with a memory limit: what was asked for, else as much again, as Docker. */
static int64_t memory_and_swap(const CgroupLimits *l) {
        if (l->memory_swap != 0)
                return l->memory_swap;
        if (l->memory <= 0)
                return l->memory;
        return l->memory > INT64_MAX / 2 ? -1 : 2 * l->memory;
}

static void add_cpuset(CgroupSetting *settings, size_t *n, const CgroupLimits *l) {
        if (!str_empty(l->cpuset_cpus))
                add(settings, n, CGROUP_CPUSET, "processors", "cpuset.cpus")->text = l->cpuset_cpus;
        if (!str_empty(l->cpuset_mems))
                add(settings, n, CGROUP_CPUSET, "memory nodes", "cpuset.mems")->text =
                        l->cpuset_mems;
}

size_t cgroup_v1_settings(const CgroupLimits *l, CgroupSetting *settings) {
        CgroupSetting *s;
        size_t n = 0;

        if (l->memory != 0) {
                s = add(settings, &n, CGROUP_MEMORY, "memory limit", "memory.limit_in_bytes");
                set_number(s, l->memory, V1_UNLIMITED);
        }
        if (l->memory != 0 || l->memory_swap != 0) {
                s = add(settings, &n, CGROUP_MEMORY, "limit of memory and swap",
                        "memory.memsw.limit_in_bytes");
                set_number(s, memory_and_swap(l), V1_UNLIMITED);
                s->wish = l->memory_swap == 0;
        }
        if (l->memory_reservation != 0) {
                s = add(settings, &n, CGROUP_MEMORY, "memory reservation",
                        "memory.soft_limit_in_bytes");
                set_number(s, l->memory_reservation, V1_UNLIMITED);
        }
        if (l->cpu_period != 0) {
                s = add(settings, &n, CGROUP_CPU, "processor time", "cpu.cfs_period_us");
                set_number(s, (int64_t) l->cpu_period, V1_UNLIMITED);
        }
        if (l->cpu_quota != 0) {
                s = add(settings, &n, CGROUP_CPU, "processor time", "cpu.cfs_quota_us");
                set_number(s, l->cpu_quota, V1_UNLIMITED);
        }
        if (l->cpu_shares != 0) {
                s = add(settings, &n, CGROUP_CPU, "processor shares", "cpu.shares");
                set_number(s, (int64_t) l->cpu_shares, V1_UNLIMITED);
        }
        add_cpuset(settings, &n, l);
        if (l->pids != 0) {
                s = add(settings, &n, CGROUP_PIDS, "number of processes", "pids.max");
                set_number(s, l->pids, "max");
        }
        return n;
}

size_t cgroup_v2_settings(const CgroupLimits *l, CgroupSetting *settings) {
        int64_t both = memory_and_swap(l);
        CgroupSetting *s;
        size_t n = 0;

        if (l->memory != 0) {
                s = add(settings, &n, CGROUP_MEMORY, "memory limit", "memory.max");
                set_number(s, l->memory, "max");
        }
        if (l->memory != 0 || l->memory_swap != 0) {
                /* v2 counts swap apart; without a memory limit there is nothing to take off. */
                s = add(settings, &n, CGROUP_MEMORY, "limit of memory and swap", "memory.swap.max");
                set_number(s, both < 0 || l->memory <= 0 ? -1 : both - l->memory, "max");
                s->wish = l->memory_swap == 0;
        }
        if (l->memory_reservation != 0) {
                s = add(settings, &n, CGROUP_MEMORY, "memory reservation", "memory.low");
                set_number(s, l->memory_reservation, "max");
        }
        if (l->cpu_quota != 0 || l->cpu_period != 0) {
                uint64_t period = l->cpu_period ? l->cpu_period : PERIOD_US;

                s = add(settings, &n, CGROUP_CPU, "processor time", "cpu.max");
                if (l->cpu_quota > 0)
                        (void) snprintf(s->number, sizeof s->number, "%" PRId64 " %" PRIu64,
                                        l->cpu_quota, period);
                else
                        (void) snprintf(s->number, sizeof s->number, "max %" PRIu64, period);
        }
        if (l->cpu_shares != 0) {
                s = add(settings, &n, CGROUP_CPU, "processor shares", "cpu.weight");
                set_number(s, cgroup_weight(l->cpu_shares), "max");
        }
        add_cpuset(settings, &n, l);
        if (l->pids != 0) {
                s = add(settings, &n, CGROUP_PIDS, "number of processes", "pids.max");
                set_number(s, l->pids, "max");
        }
        return n;
}

/* Binary logarithm of x >= 1 by repeated squaring: libm would be all of it for one number. */
static double log2_of(double x) {
        double whole = 0, part = 0;

        for (; x >= 2; x /= 2)
                whole++;
        for (double bit = 0.5; bit > 1e-15; bit /= 2) {
                x *= x;
                if (x >= 2) {
                        x /= 2;
                        part += bit;
                }
        }
        return whole + part;
}

/* 2 to the power of x >= 0: the whole part by doubling, the rest by its Taylor series. */
static double exp2_of(double x) {
        const double ln2 = 0.69314718055994530942;
        double term = 1, sum = 1, whole = 1;

        for (; x >= 1; x--)
                whole *= 2;
        for (int i = 1; i < 24; i++) {
                term *= x * ln2 / i;
                sum += term;
        }
        return whole * sum;
}

unsigned cgroup_weight(uint64_t shares) {
        const double log2_10 = 3.32192809488736234787;
        double l, exponent, weight;

        if (shares <= SHARES_MIN)
                return 1;
        if (shares >= SHARES_MAX)
                return WEIGHT_MAX;

        /* runc's curve since 2025: a parabola in the exponent through (2, 1), (1024, 100) and
         * (262144, 10000); the straight line before it made 1024 a weight of 39. */
        l = log2_of((double) shares);
        exponent = (l * l + 125 * l) / 612 - 7.0 / 34;
        weight = exponent <= 0 ? 1 : exp2_of(exponent * log2_10);
        return (unsigned) (weight + 1 - 1e-6); /* rounded up */
}
