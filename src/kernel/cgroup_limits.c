/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Limits as the texts that both versions' files take; no system call is made here. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "kernel/cgroup_internal.h"

#define PERIOD_US    100000 /* the kernel's own default of both versions */
#define V1_UNLIMITED "-1"
#define NONE         "" /* the file of a limit that a version does not have */

void cgroup_settings_clear(CgroupSettings *settings) {
        for (size_t i = 0; i < settings->n; i++)
                free(settings->items[i].owned);
        free(settings->items);
        *settings = (CgroupSettings){};
}

CgroupSetting *cgroup_settings_add(CgroupSettings *settings, CgroupController controller,
                                   const char *limit, const char *file) {
        CgroupSetting *s;

        /* Room grows at each power of two. */
        if ((settings->n & (settings->n - 1)) == 0) {
                size_t room = settings->n ? 2 * settings->n : 1;
                CgroupSetting *more = realloc(settings->items, room * sizeof *more);

                if (!more) {
                        settings->failed = true;
                        return NULL;
                }
                settings->items = more;
        }
        s = &settings->items[settings->n++];
        *s = (CgroupSetting){ .controller = controller, .limit = limit };
        (void) snprintf(s->file, sizeof s->file, "%s", file);
        return s;
}

const char *cgroup_setting_text(const CgroupSetting *s) {
        return s->text ? s->text : s->owned ? s->owned : s->number;
}

static CgroupSetting *add_text(CgroupSettings *settings, CgroupController controller,
                               const char *limit, const char *file, const char *text) {
        CgroupSetting *s = cgroup_settings_add(settings, controller, limit, file);

        if (s)
                s->text = text;
        return s;
}

/* Negative numbers become @unlimited. */
static CgroupSetting *add_number(CgroupSettings *settings, CgroupController controller,
                                 const char *limit, const char *file, int64_t value,
                                 const char *unlimited) {
        CgroupSetting *s = cgroup_settings_add(settings, controller, limit, file);

        if (s && value < 0)
                s->text = unlimited;
        else if (s)
                (void) snprintf(s->number, sizeof s->number, "%" PRId64, value);
        return s;
}

static int check_memory(const CgroupLimits *l, Err *err) {
        if (l->memory > 0 && l->memory_swap > 0 && l->memory_swap < l->memory)
                return refuse(err, EINVAL,
                              "cannot set the limit of memory and swap to '%" PRId64
                              "': it is below that of memory alone, '%" PRId64 "'",
                              l->memory_swap, l->memory);
        return 0;
}

static int check_hugepages(const CgroupLimits *l, Err *err) {
        for (size_t i = 0; i < l->n_hugepages; i++)
                if (str_empty(l->hugepages[i].size) || strchr(l->hugepages[i].size, '/'))
                        return refuse(err, EINVAL, "'%s' is not a size of huge pages",
                                      l->hugepages[i].size);
        return 0;
}

/* What swap a memory limit brings along by itself: unlimited memory cannot have less than unlimited
 * memory and swap. */
static int64_t memory_and_swap(const CgroupLimits *l) {
        return l->memory_swap == 0 && l->memory < 0 ? -1 : l->memory_swap;
}

static void add_v1_memory(CgroupSettings *settings, const CgroupLimits *l) {
        int64_t both = memory_and_swap(l);
        CgroupSetting *s;

        if (l->memory_use_hierarchy)
                add_text(settings, CGROUP_MEMORY, "memory hierarchy", "memory.use_hierarchy", "1");
        if (l->memory != 0)
                add_number(settings, CGROUP_MEMORY, "memory limit", "memory.limit_in_bytes",
                           l->memory, V1_UNLIMITED);
        if (both != 0) {
                s = add_number(settings, CGROUP_MEMORY, "limit of memory and swap",
                               "memory.memsw.limit_in_bytes", both, V1_UNLIMITED);
                if (s)
                        s->wish = l->memory_swap_wish || l->memory_swap == 0;
        }
        if (l->memory_reservation != 0)
                add_number(settings, CGROUP_MEMORY, "memory reservation",
                           "memory.soft_limit_in_bytes", l->memory_reservation, V1_UNLIMITED);
        if (l->memory_kernel != 0)
                add_number(settings, CGROUP_MEMORY, "kernel memory limit",
                           "memory.kmem.limit_in_bytes", l->memory_kernel, V1_UNLIMITED);
        if (l->memory_kernel_tcp != 0)
                add_number(settings, CGROUP_MEMORY, "limit of memory for TCP",
                           "memory.kmem.tcp.limit_in_bytes", l->memory_kernel_tcp, V1_UNLIMITED);
        if (l->has_memory_swappiness)
                add_number(settings, CGROUP_MEMORY, "swappiness", "memory.swappiness",
                           (int64_t) l->memory_swappiness, V1_UNLIMITED);
        if (l->memory_no_oom_killer)
                add_text(settings, CGROUP_MEMORY, "out-of-memory killer off", "memory.oom_control",
                         "1");
}

static int add_v2_memory(CgroupSettings *settings, const CgroupLimits *l, Err *err) {
        int64_t both = memory_and_swap(l);
        CgroupSetting *s;

        if (l->memory != 0)
                add_number(settings, CGROUP_MEMORY, "memory limit", "memory.max", l->memory, "max");
        if (both > 0 && l->memory <= 0)
                return refuse(err, EINVAL,
                              "cannot set the limit of memory and swap to '%" PRId64
                              "': there is no limit of memory to subtract",
                              both);
        if (both != 0) {
                s = add_number(settings, CGROUP_MEMORY, "limit of memory and swap",
                               "memory.swap.max", both < 0 ? -1 : both - l->memory, "max");
                /* None or as much as there is: that is so without the file, too. */
                if (s)
                        s->wish = l->memory_swap_wish || both < 0 || both == l->memory;
        }
        if (l->memory_reservation != 0)
                add_number(settings, CGROUP_MEMORY, "memory reservation", "memory.low",
                           l->memory_reservation, "max");
        if (l->memory_kernel > 0)
                add_number(settings, CGROUP_MEMORY, "kernel memory limit", NONE, l->memory_kernel,
                           V1_UNLIMITED);
        if (l->memory_kernel_tcp > 0)
                add_number(settings, CGROUP_MEMORY, "limit of memory for TCP", NONE,
                           l->memory_kernel_tcp, V1_UNLIMITED);
        if (l->has_memory_swappiness)
                add_number(settings, CGROUP_MEMORY, "swappiness", NONE,
                           (int64_t) l->memory_swappiness, V1_UNLIMITED);
        if (l->memory_no_oom_killer)
                add_text(settings, CGROUP_MEMORY, "out-of-memory killer off", NONE, "1");
        return 0;
}

static void add_cpuset(CgroupSettings *settings, const CgroupLimits *l) {
        if (!str_empty(l->cpuset_cpus))
                add_text(settings, CGROUP_CPUSET, "processors", "cpuset.cpus", l->cpuset_cpus);
        if (!str_empty(l->cpuset_mems))
                add_text(settings, CGROUP_CPUSET, "memory nodes", "cpuset.mems", l->cpuset_mems);
}

static void add_pids(CgroupSettings *settings, const CgroupLimits *l) {
        if (l->has_pids)
                add_number(settings, CGROUP_PIDS, "number of processes", "pids.max", l->pids,
                           "max");
}

/* Before its shares: an idle one takes none. */
static void add_idle(CgroupSettings *settings, const CgroupLimits *l) {
        if (l->has_cpu_idle)
                add_number(settings, CGROUP_CPU, "idle scheduling", "cpu.idle", l->cpu_idle,
                           V1_UNLIMITED);
}

static bool has_shares(const CgroupLimits *l) {
        return l->cpu_shares != 0 && !(l->has_cpu_idle && l->cpu_idle != 0);
}

static void add_v1_cpu(CgroupSettings *settings, const CgroupLimits *l) {
        add_idle(settings, l);
        if (has_shares(l))
                add_number(settings, CGROUP_CPU, "processor shares", "cpu.shares",
                           (int64_t) l->cpu_shares, V1_UNLIMITED);
        if (l->cpu_realtime_period != 0)
                add_number(settings, CGROUP_CPU, "realtime period", "cpu.rt_period_us",
                           (int64_t) l->cpu_realtime_period, V1_UNLIMITED);
        if (l->cpu_realtime_runtime != 0)
                add_number(settings, CGROUP_CPU, "realtime runtime", "cpu.rt_runtime_us",
                           l->cpu_realtime_runtime, V1_UNLIMITED);
        if (l->cpu_period != 0)
                add_number(settings, CGROUP_CPU, "processor time", "cpu.cfs_period_us",
                           (int64_t) l->cpu_period, V1_UNLIMITED);
        if (l->cpu_quota != 0)
                add_number(settings, CGROUP_CPU, "processor time", "cpu.cfs_quota_us", l->cpu_quota,
                           V1_UNLIMITED);
        if (l->has_cpu_burst)
                add_number(settings, CGROUP_CPU, "processor burst", "cpu.cfs_burst_us",
                           (int64_t) l->cpu_burst, V1_UNLIMITED);
}

static void add_v2_cpu(CgroupSettings *settings, const CgroupLimits *l) {
        CgroupSetting *s;

        add_idle(settings, l);
        if (has_shares(l))
                add_number(settings, CGROUP_CPU, "processor shares", "cpu.weight",
                           cgroup_weight(l->cpu_shares), "max");
        if (l->cpu_realtime_period != 0)
                add_number(settings, CGROUP_CPU, "realtime period", NONE,
                           (int64_t) l->cpu_realtime_period, V1_UNLIMITED);
        if (l->cpu_realtime_runtime != 0)
                add_number(settings, CGROUP_CPU, "realtime runtime", NONE, l->cpu_realtime_runtime,
                           V1_UNLIMITED);
        if (l->cpu_quota != 0 || l->cpu_period != 0) {
                uint64_t period = l->cpu_period ? l->cpu_period : PERIOD_US;

                s = cgroup_settings_add(settings, CGROUP_CPU, "processor time", "cpu.max");
                if (s && l->cpu_quota > 0)
                        (void) snprintf(s->number, sizeof s->number, "%" PRId64 " %" PRIu64,
                                        l->cpu_quota, period);
                else if (s)
                        (void) snprintf(s->number, sizeof s->number, "max %" PRIu64, period);
        }
        if (l->has_cpu_burst)
                add_number(settings, CGROUP_CPU, "processor burst", "cpu.max.burst",
                           (int64_t) l->cpu_burst, V1_UNLIMITED);
}

static void add_network(CgroupSettings *settings, const CgroupLimits *l, bool v2) {
        if (l->has_class_id)
                add_number(settings, CGROUP_NET_CLS, "network class", v2 ? NONE : "net_cls.classid",
                           l->class_id, V1_UNLIMITED);
        for (size_t i = 0; i < l->n_priorities; i++) {
                CgroupSetting *s =
                        cgroup_settings_add(settings, CGROUP_NET_PRIO, "network priority",
                                            v2 ? NONE : "net_prio.ifpriomap");

                if (s)
                        s->owned = str_format("%s %" PRIu32, l->priorities[i].interface,
                                              l->priorities[i].priority);
                settings->failed = settings->failed || !s || !s->owned;
        }
}

/* One line of a file of version 2, which says by its name what controller it belongs to. */
static int add_unified_line(CgroupSettings *settings, const char *file, size_t file_length,
                            const char *line, size_t length) {
        CgroupSetting *s = cgroup_settings_add(settings, CGROUP_N_CONTROLLERS, NULL, NONE);

        if (!s)
                return -ENOMEM;
        memcpy(s->file, file, file_length);
        s->v2_only = true;
        s->owned = strndup(line, length);
        return s->owned ? 0 : -ENOMEM;
}

static int add_unified(CgroupSettings *settings, const CgroupLimits *l, Err *err) {
        strv_foreach(setting, l->unified) {
                const char *equals = strchr(*setting, '='), *line;
                size_t n = equals ? (size_t) (equals - *setting) : strlen(*setting);

                if (!equals || n == 0 || n >= CGROUP_FILE_MAX || memchr(*setting, '/', n) ||
                    !memchr(*setting, '.', n))
                        return refuse(err, EINVAL, "'%.*s' is not a file of cgroup version 2",
                                      (int) n, *setting);
                line = equals + 1;
                do {
                        size_t length = strcspn(line, "\n");

                        if ((length > 0 || line == equals + 1) &&
                            add_unified_line(settings, *setting, n, line, length) < 0)
                                return fail(err, ENOMEM, "cannot set '%.*s'", (int) n, *setting);
                        line += length;
                        line += *line == '\n';
                } while (*line);
        }
        return 0;
}

static int finish(const CgroupSettings *settings, Err *err) {
        return settings->failed ? fail(err, ENOMEM, "cannot set limits") : 0;
}

int cgroup_v1_settings(const CgroupLimits *l, CgroupSettings *settings, Err *err) {
        int r = check_memory(l, err);

        if (r >= 0)
                r = check_hugepages(l, err);
        if (r < 0)
                return r;
        add_v1_memory(settings, l);
        add_v1_cpu(settings, l);
        add_cpuset(settings, l);
        add_pids(settings, l);
        cgroup_io_settings(l, false, settings);
        add_network(settings, l, false);
        return finish(settings, err);
}

int cgroup_v2_settings(const CgroupLimits *l, CgroupSettings *settings, Err *err) {
        int r = check_memory(l, err);

        if (r >= 0)
                r = check_hugepages(l, err);
        if (r >= 0)
                r = add_v2_memory(settings, l, err);
        if (r < 0)
                return r;
        add_v2_cpu(settings, l);
        add_cpuset(settings, l);
        add_pids(settings, l);
        cgroup_io_settings(l, true, settings);
        add_network(settings, l, true);
        /* Last: what is said in version 2's own words counts more. */
        r = add_unified(settings, l, err);
        return r < 0 ? r : finish(settings, err);
}
