/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a place uses, from whichever hierarchy counts it. */

#include <errno.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/cgroup_internal.h"

#define NS_PER_US   1000
#define V1_NO_LIMIT (UINT64_C(1) << 62) /* v1 says the highest multiple of a page */

/* Reads one number, or "max"; leaves @ret alone where the file is missing. */
static void read_number(int dir, const char *file, uint64_t *ret) {
        autofree char *text = NULL;
        uint64_t value;

        if (dir < 0 || file_read_line(dir, file, &text) < 0)
                return;
        if (str_equal(text, "max"))
                *ret = UINT64_MAX;
        else if (parse_u64(text, &value) >= 0)
                *ret = value;
}

static void read_memory(const Cgroup *c, CgroupStats *s) {
        int v1 = c->v1[CGROUP_MEMORY];

        if (v1 >= 0) {
                read_number(v1, "memory.usage_in_bytes", &s->memory_bytes);
                read_number(v1, "memory.limit_in_bytes", &s->memory_limit);
                if (s->memory_limit >= V1_NO_LIMIT)
                        s->memory_limit = UINT64_MAX;
                (void) cgroup_read_key(v1, "memory.oom_control", "oom_kill", &s->oom_kills);
                return;
        }
        read_number(c->v2, "memory.current", &s->memory_bytes);
        read_number(c->v2, "memory.max", &s->memory_limit);
        if (c->v2 >= 0)
                (void) cgroup_read_key(c->v2, "memory.events", "oom_kill", &s->oom_kills);
}

int cgroup_stats(const Cgroup *c, CgroupStats *ret) {
        int pids = c->v1[CGROUP_PIDS] >= 0 ? c->v1[CGROUP_PIDS] : c->v2;
        CgroupStats s = { .memory_limit = UINT64_MAX, .pids_limit = UINT64_MAX };
        uint64_t cpu_us;
        int r;

        read_memory(c, &s);
        read_number(pids, "pids.max", &s.pids_limit);
        read_number(pids, "pids.current", &s.pids);
        if (s.pids == 0) {
                autofree pid_t *list = NULL;
                size_t n = 0;

                r = cgroup_pids(c, &list, &n);
                if (r < 0)
                        return r;
                s.pids = n;
        }
        /* cpu.stat counts in v2 without the controller as well (since 4.15). */
        if (c->v2 >= 0 && cgroup_read_key(c->v2, "cpu.stat", "usage_usec", &cpu_us) >= 0)
                s.cpu_ns = cpu_us * NS_PER_US;
        *ret = s;
        return 0;
}
