/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The processes of a place: listing, signalling, freezing. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/cgroup_internal.h"

#define PIDS_FILE_MAX     (16 << 20)
#define KILL_TIMEOUT_MS   10000
#define FREEZE_TIMEOUT_MS 100
#define DEPTH_MAX         128 /* of cgroups that a container made below its own */

/* A directory that holds all of its processes. */
static int members(const Cgroup *c) {
        if (c->v2 >= 0)
                return c->v2;
        for (CgroupController i = CGROUP_N_CONTROLLERS; i-- > 0;)
                if (c->v1[i] >= 0)
                        return c->v1[i];
        return -EBADF;
}

static int add_pids(int dir, pid_t **pids, size_t *n) {
        autofree char *text = NULL;
        int r;

        r = file_read(dir, "cgroup.procs", PIDS_FILE_MAX, &text, NULL);
        if (r < 0)
                return r == -ENODEV || r == -EOPNOTSUPP ? 0 : r;
        for (char *p = text; *p; p = strchr(p, '\n') + 1) {
                pid_t *more = realloc(*pids, (*n + 1) * sizeof **pids);

                if (!more)
                        return -ENOMEM;
                *pids = more;
                (*pids)[(*n)++] = (pid_t) strtol(p, NULL, 10);
                if (!strchr(p, '\n'))
                        break;
        }
        return 0;
}

/* The processes here and, for a container that made cgroups of its own, below; takes @dir. */
static int collect(int dir, int depth, pid_t **pids, size_t *n) {
        DIR *list;
        int r;

        r = add_pids(dir, pids, n);
        list = r < 0 ? NULL : fdopendir(dir);
        if (!list) {
                r = r < 0 ? r : -errno;
                close_fd(dir);
                return r;
        }
        for (struct dirent *e = readdir(list); e && r >= 0; e = readdir(list)) {
                int child;

                if (!cgroup_is_child(e))
                        continue;
                child = depth < DEPTH_MAX ? openat(dirfd(list), e->d_name, OPEN_DIRECTORY) : -1;
                if (child >= 0)
                        r = collect(child, depth + 1, pids, n);
                else if (depth >= DEPTH_MAX)
                        r = -ELOOP;
                else if (errno != ENOENT)
                        r = -errno;
        }
        (void) closedir(list);
        return r;
}

int cgroup_pids(const Cgroup *c, pid_t **ret, size_t *ret_n) {
        autofree pid_t *pids = NULL;
        size_t n = 0;
        int dir, r;

        dir = openat(members(c), ".", OPEN_DIRECTORY);
        if (dir < 0)
                return -errno;
        r = collect(dir, 0, &pids, &n);
        if (r < 0)
                return r;
        *ret = take_ptr(pids);
        *ret_n = n;
        return 0;
}

static bool has_pid(const pid_t *pids, size_t n, pid_t pid) {
        for (size_t i = 0; i < n; i++)
                if (pids[i] == pid)
                        return true;
        return false;
}

/*
 * Signals what is inside now.  A pid may be reused between reading and use: the
 * pidfd is opened first and the list read again, so either the descriptor is of
 * the process that the second list names, or of one that has ended.
 */
static int signal_all(const Cgroup *c, int signal) {
        autofree pid_t *pids = NULL;
        size_t n = 0;
        int r;

        r = cgroup_pids(c, &pids, &n);
        for (size_t i = 0; i < n && r >= 0; i++) {
                autoclose int process = (int) syscall(SYS_pidfd_open, pids[i], 0);
                autofree pid_t *now = NULL;
                size_t n_now = 0;

                if (process < 0)
                        continue;
                r = cgroup_pids(c, &now, &n_now);
                if (r >= 0 && has_pid(now, n_now, pids[i]) &&
                    syscall(SYS_pidfd_send_signal, process, signal, NULL, 0) < 0 && errno != ESRCH)
                        r = -errno;
        }
        return r;
}

static int set_frozen(const Cgroup *c, bool frozen, int timeout_ms) {
        int r;

        if (c->v2 < 0)
                return cgroup_v1_freeze(c, frozen, timeout_ms);
        r = file_write(c->v2, "cgroup.freeze", frozen ? "1" : "0");
        return r < 0 ? r : cgroup_v2_wait(c->v2, "frozen", frozen, timeout_ms);
}

/* What is frozen does not fork while we look; where there is no freezer, what does is met in the
 * next round.  On version 1 a frozen process dies when it is thawed. */
int cgroup_kill_each(const Cgroup *c) {
        int64_t end = clock_monotonic_ms() + KILL_TIMEOUT_MS;
        int r;

        do {
                (void) set_frozen(c, true, FREEZE_TIMEOUT_MS);
                r = signal_all(c, SIGKILL);
                (void) set_frozen(c, false, 0);
                if (r < 0 || cgroup_is_populated(c) == 0)
                        return r;
                (void) poll(NULL, 0, 1);
        } while (clock_monotonic_ms() < end);
        return -ETIMEDOUT;
}

int cgroup_kill(const Cgroup *c, int signal) {
        int r;

        if (signal != SIGKILL)
                return signal_all(c, signal);
        r = c->v2 < 0 ? -ENOENT : file_write(c->v2, "cgroup.kill", "1");
        return r == -ENOENT ? cgroup_kill_each(c) : r;
}

int cgroup_freeze(const Cgroup *c, bool frozen, int timeout_ms) {
        int r = set_frozen(c, frozen, timeout_ms);

        /* Half frozen is nobody's wish. */
        if (r == -ETIMEDOUT && frozen)
                (void) set_frozen(c, false, 0);
        return r;
}

int cgroup_is_frozen(const Cgroup *c) {
        uint64_t frozen;
        int r;

        if (c->v2 < 0)
                return cgroup_v1_is_frozen(c);
        r = cgroup_read_key(c->v2, "cgroup.events", "frozen", &frozen);
        return r < 0 ? r : frozen != 0;
}

int cgroup_name_is_frozen(const char *name) {
        static const char *const roots[] = { CGROUP_V2_BESIDE_V1, CGROUP_MOUNTS };
        autoptr(Cgroup) c = NULL;
        int r;

        /* Only a v2 hierarchy has this file, so that what is found is right. */
        for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
                autofree char *path = str_format("%s/%s/cgroup.events", roots[i], name);
                uint64_t frozen;

                if (!path)
                        return -ENOMEM;
                r = cgroup_read_key(AT_FDCWD, path, "frozen", &frozen);
                if (r >= 0)
                        return frozen != 0;
        }
        r = cgroup_open(name, &c);
        return r < 0 ? r : cgroup_is_frozen(c);
}

int cgroup_is_populated(const Cgroup *c) {
        autofree pid_t *pids = NULL;
        uint64_t populated;
        size_t n;
        int r;

        if (c->v2 >= 0) {
                r = cgroup_read_key(c->v2, "cgroup.events", "populated", &populated);
                return r < 0 ? r : populated != 0;
        }
        r = cgroup_pids(c, &pids, &n);
        return r < 0 ? r : n > 0;
}
