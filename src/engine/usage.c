/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "engine/group.h"
#include "engine/spec.h"
#include "engine/usage.h"
#include "kernel/cgroup_usage.h"
#include "kernel/proc_stat.h"

#define DEVICES_MAX (1u << 20) /* /proc/PID/net/dev */

static int not_running(const Container *c, Err *err) {
        return err_hint(err, refuse(err, ESRCH, "container '%s' is not running", c->name),
                        "'isola start %s' starts it", c->name);
}

/* ---- processes ---- */

static int by_namespace(const Container *c, pid_t **ret, size_t *ret_n) {
        autofree pid_t *pids = NULL;
        autostrv names = NULL;
        ino_t ours, theirs;
        size_t n = 0;
        int r = process_namespace(c->state.pid, "pid", &theirs);

        if (r >= 0)
                r = process_namespace(getpid(), "pid", &ours);
        if (r < 0)
                return r;
        /* Of one that shares the host's processes the first is all that can be told. */
        r = ours == theirs ? strv_addf(&names, "%d", c->state.pid)
                           : dir_list(AT_FDCWD, "/proc", &names);
        pids = r < 0 ? NULL : calloc(strv_length(names) + 1, sizeof *pids);
        if (!pids)
                return r < 0 ? r : -ENOMEM;
        strv_foreach(name, names) {
                ino_t its;
                int pid;

                if (parse_int(*name, 1, INT32_MAX, &pid) >= 0 &&
                    process_namespace(pid, "pid", &its) >= 0 && its == theirs)
                        pids[n++] = pid;
        }
        *ret = take_ptr(pids);
        *ret_n = n;
        return 0;
}

static int list_processes(const Container *c, const Cgroup *cgroup, pid_t **ret, size_t *ret_n,
                          Err *err) {
        int r = cgroup ? cgroup_pids(cgroup, ret, ret_n) : by_namespace(c, ret, ret_n);

        if (r == -ESRCH || r == -ENOENT)
                return not_running(c, err);
        return r < 0 ? fail(err, r, "cannot list the processes of container '%s'", c->name) : 0;
}

static int open_group(const Container *c, Cgroup **ret, Err *err) {
        int r = container_pidfd(c);

        if (r < 0)
                return not_running(c, err);
        close_fd(r);
        r = container_cgroup_open(c, ret);
        return r < 0 ? fail(err, r, "cannot open the cgroup of container '%s'", c->name) : 0;
}

int container_processes(const Container *c, pid_t **ret, size_t *ret_n, Err *err) {
        autoptr(Cgroup) cgroup = NULL;
        int r = open_group(c, &cgroup, err);

        return r < 0 ? r : list_processes(c, cgroup, ret, ret_n, err);
}

/* ---- what they use ---- */

static uint64_t count_named(const CgroupUsage *u, const char *name) {
        for (size_t i = 0; i < u->n_memory_counts; i++)
                if (str_equal(u->memory_counts[i].name, name))
                        return u->memory_counts[i].value;
        return 0;
}

static void add_blocks(const CgroupUsage *u, ContainerUsage *ret) {
        for (size_t i = 0; i < u->n_io_bytes; i++) {
                if (str_equal(u->io_bytes[i].op, "Read"))
                        ret->blocks_read += u->io_bytes[i].value;
                if (str_equal(u->io_bytes[i].op, "Write"))
                        ret->blocks_written += u->io_bytes[i].value;
        }
}

/* @limit: none if it is more than there is. */
static uint64_t limit_or_all(uint64_t limit) {
        struct sysinfo machine;
        uint64_t all = sysinfo(&machine) < 0 ? 0 : (uint64_t) machine.totalram * machine.mem_unit;

        return limit && limit < all ? limit : all;
}

static int from_group(const Cgroup *cgroup, ContainerUsage *ret) {
        autousage u = {};
        uint64_t idle;
        int r = cgroup_usage(cgroup, &u);

        if (r < 0)
                return r;
        idle = count_named(&u, "inactive_file");
        if (!idle)
                idle = count_named(&u, "total_inactive_file");
        ret->cpu_ns = u.cpu_total;
        ret->memory = u.memory.usage > idle ? u.memory.usage - idle : u.memory.usage;
        ret->memory_limit = u.memory.limit;
        add_blocks(&u, ret);
        return 0;
}

/* What the group has not counted. */
static void from_processes(const pid_t *pids, size_t n, ContainerUsage *ret) {
        uint64_t cpu_ns = 0, memory = 0;

        for (size_t i = 0; i < n; i++) {
                ProcessUsage usage;

                if (process_usage(pids[i], &usage) < 0)
                        continue; /* it has ended */
                cpu_ns += usage.cpu_ns;
                memory += usage.memory;
        }
        if (!ret->cpu_ns)
                ret->cpu_ns = cpu_ns;
        if (!ret->memory)
                ret->memory = memory;
}

/* "  eth0: BYTES packets errs drop fifo frame compressed multicast BYTES …", after two lines of
 * headings. */
static void from_devices(const Container *c, ContainerUsage *ret) {
        autofree char *path = str_format("/proc/%d/net/dev", c->state.pid), *text = NULL;
        autostrv lines = NULL;

        ret->has_network = container_has_netns(c);
        if (!ret->has_network || !path || file_read(AT_FDCWD, path, DEVICES_MAX, &text, NULL) < 0 ||
            strv_split(text, "\n", true, &lines) < 0)
                return;
        strv_foreach(line, lines) {
                const char *colon = strchr(*line, ':');
                uint64_t received, sent;

                if (!colon || str_after(*line + strspn(*line, " "), "lo:") ||
                    sscanf(colon + 1, "%" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &received,
                           &sent) != 2)
                        continue;
                ret->received += received;
                ret->sent += sent;
        }
}

int container_usage(const Container *c, ContainerUsage *ret, Err *err) {
        autoptr(Cgroup) cgroup = NULL;
        autofree pid_t *pids = NULL;
        size_t n = 0;
        int r = open_group(c, &cgroup, err);

        if (r < 0)
                return r;
        *ret = (ContainerUsage){ .at_ns = clock_monotonic_ms() * 1000000 };
        r = cgroup ? from_group(cgroup, ret) : 0;
        if (r == -ENOENT)
                return not_running(c, err);
        if (r < 0)
                return fail(err, r, "cannot tell what container '%s' uses", c->name);
        r = list_processes(c, cgroup, &pids, &n, err);
        if (r < 0)
                return r;
        if (!ret->cpu_ns || !ret->memory)
                from_processes(pids, n, ret);
        from_devices(c, ret);
        ret->processes = n;
        ret->memory_limit = limit_or_all(ret->memory_limit);
        return 0;
}
