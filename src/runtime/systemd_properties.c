/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "kernel/bitlist.h"
#include "kernel/cgroup.h"
#include "runtime/systemd_properties.h"

#define US_PER_SECOND 1000000
#define QUOTA_STEP    10000 /* systemd counts hundredths of a processor */
#define PERIOD_US     100000

void systemd_put_name(DbusMessage *m, const char *name, const char *signature) {
        dbus_open_struct(m);
        dbus_put_string(m, name);
        dbus_put_variant(m, signature);
}

static void put_u64(DbusMessage *m, const char *name, uint64_t value) {
        systemd_put_name(m, name, "t");
        dbus_put_u64(m, value);
}

/* 0 is not said, negative is unlimited. */
static void put_size(DbusMessage *m, const char *name, int64_t value) {
        if (value != 0)
                put_u64(m, name, value < 0 ? UINT64_MAX : (uint64_t) value);
}

static void put_memory(DbusMessage *m, const CgroupLimits *l, bool unified) {
        if (!unified) {
                put_size(m, "MemoryLimit", l->memory);
                return;
        }
        put_size(m, "MemoryMax", l->memory);
        put_size(m, "MemoryLow", l->memory_reservation);
        if (l->memory_swap < 0)
                put_u64(m, "MemorySwapMax", UINT64_MAX);
        else if (l->memory > 0 && l->memory_swap >= l->memory)
                put_u64(m, "MemorySwapMax", (uint64_t) (l->memory_swap - l->memory));
}

/* How much of a second it may run, rounded up to what systemd can say. */
static void put_quota(DbusMessage *m, const CgroupLimits *l) {
        uint64_t period = l->cpu_period ? l->cpu_period : PERIOD_US, each;

        if (l->cpu_period != 0)
                put_u64(m, "CPUQuotaPeriodUSec", l->cpu_period);
        if (l->cpu_quota == 0)
                return;
        if (l->cpu_quota < 0) {
                put_u64(m, "CPUQuotaPerSecUSec", UINT64_MAX);
                return;
        }
        each = (uint64_t) l->cpu_quota > UINT64_MAX / US_PER_SECOND
                       ? UINT64_MAX - QUOTA_STEP
                       : (uint64_t) l->cpu_quota * US_PER_SECOND / period;
        put_u64(m, "CPUQuotaPerSecUSec", (each + QUOTA_STEP - 1) / QUOTA_STEP * QUOTA_STEP);
}

/* "0-2,7" as bytes, the lowest first; left out if it is no such list, which our own files refuse.
 */
static void put_set(DbusMessage *m, const char *name, const char *list) {
        Bitlist set = {};
        DbusArray array;

        if (!list || bitlist_parse(list, &set) < 0 || set.n == 0)
                return;
        systemd_put_name(m, name, "ay");
        array = dbus_open_array(m, 1);
        for (size_t number = 0, left = set.n; left > 0;) {
                uint8_t mask = 0;

                for (unsigned bit = 0; bit < 8; bit++)
                        if (bitlist_has(&set, number++)) {
                                mask |= (uint8_t) (1u << bit);
                                left--;
                        }
                dbus_put_byte(m, mask);
        }
        dbus_close_array(m, array);
}

/* Files of version 2 that are properties by another name. */
static void put_unified(DbusMessage *m, const char *setting) {
        static const struct {
                const char *file, *property;
        } known[] = {
                { "cpu.weight=", "CPUWeight" }, { "memory.high=", "MemoryHigh" },
                { "memory.low=", "MemoryLow" }, { "memory.max=", "MemoryMax" },
                { "memory.min=", "MemoryMin" }, { "memory.swap.max=", "MemorySwapMax" },
                { "pids.max=", "TasksMax" },
        };

        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
                const char *text = str_after(setting, known[i].file);
                uint64_t value = UINT64_MAX;

                if (text && (str_equal(text, "max") || parse_u64(text, &value) >= 0))
                        put_u64(m, known[i].property, value);
        }
}

void systemd_put_limits(DbusMessage *m, const CgroupLimits *l, bool unified) {
        bool idle = l->has_cpu_idle && l->cpu_idle != 0;

        put_memory(m, l, unified);
        if (l->cpu_shares != 0 && !idle && unified)
                put_u64(m, "CPUWeight", cgroup_weight(l->cpu_shares));
        else if (l->cpu_shares != 0 && !idle)
                put_u64(m, "CPUShares", l->cpu_shares);
        put_quota(m, l);
        /* It has no word for 0, which is in the file then. */
        if (l->has_pids)
                put_u64(m, "TasksMax",
                        l->pids < 0    ? UINT64_MAX
                        : l->pids == 0 ? 1
                                       : (uint64_t) l->pids);
        if (!unified)
                return;
        put_set(m, "AllowedCPUs", l->cpuset_cpus);
        put_set(m, "AllowedMemoryNodes", l->cpuset_mems);
        strv_foreach(setting, l->unified)
                put_unified(m, *setting);
}
