/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/cgroup_internal.h"

#define OPEN_DIRECTORY  (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define PIDS_FILE_MAX   (16 << 20)
#define KILL_TIMEOUT_MS 10000
#define DEPTH_MAX       32 /* of cgroups that a container made below its own */
#define RACES_MAX       64

const char *cgroup_controller_name(CgroupController controller) {
        static const char *const names[] = {
                [CGROUP_MEMORY] = "memory",   [CGROUP_CPU] = "cpu",
                [CGROUP_CPUSET] = "cpuset",   [CGROUP_PIDS] = "pids",
                [CGROUP_FREEZER] = "freezer",
        };

        return names[controller];
}

static bool is_unified(void) {
        struct statfs fs;

        return statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* True if some controller has a v1 hierarchy. */
static bool has_v1(void) {
        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++) {
                autoclose int root = cgroup_v1_root(i);

                if (root >= 0)
                        return true;
        }
        return false;
}

CgroupLayout cgroup_layout(void) {
        autoclose int v2 = -EBADF;

        if (is_unified())
                return CGROUP_UNIFIED;
        v2 = cgroup_v2_root();
        if (v2 >= 0)
                return has_v1() ? CGROUP_HYBRID : CGROUP_UNIFIED;
        return has_v1() ? CGROUP_LEGACY : CGROUP_NONE;
}

/* --- directories --- */

static int make_parents(int root, const char *name) {
        autofree char *path = strdup(name);

        if (!path)
                return -ENOMEM;
        for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = 0;
                if (mkdirat(root, path, 0755) < 0 && errno != EEXIST)
                        return -errno;
                *slash = '/';
        }
        return 0;
}

int cgroup_make_directory(int root, const char *name) {
        int r;

        for (int i = 0; i < RACES_MAX; i++) {
                if (mkdirat(root, name, 0755) == 0)
                        return 0;
                if (errno != ENOENT)
                        return -errno;
                r = make_parents(root, name);
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return -ENOENT;
}

static void remove_parents(int root, const char *name) {
        autofree char *path = strdup(name);

        for (char *slash = path ? strrchr(path, '/') : NULL; slash; slash = strrchr(path, '/')) {
                *slash = 0;
                if (unlinkat(root, path, AT_REMOVEDIR) < 0)
                        return;
        }
}

/* Removes the directories below @dir, deepest first; takes the descriptor. */
static int remove_children(int dir, int depth) {
        DIR *list = fdopendir(dir);
        int r = 0;

        if (!list) {
                r = -errno;
                close_fd(dir);
                return r;
        }
        for (struct dirent *e = readdir(list); e; e = readdir(list)) {
                int child;

                if (e->d_type != DT_DIR || e->d_name[0] == '.')
                        continue;
                child = depth < DEPTH_MAX ? openat(dirfd(list), e->d_name, OPEN_DIRECTORY) : -1;
                if (child >= 0)
                        (void) remove_children(child, depth + 1);
                if (unlinkat(dirfd(list), e->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                        r = -errno;
        }
        (void) closedir(list);
        return r;
}

int cgroup_remove_directory(int root, const char *name, int timeout_ms) {
        int64_t end = clock_monotonic_ms() + timeout_ms;
        autoclose int dir = -EBADF;
        int r, pause = 1;

        while (unlinkat(root, name, AT_REMOVEDIR) < 0) {
                int64_t left = end - clock_monotonic_ms();

                if (errno == ENOENT)
                        break;
                if (errno != EBUSY)
                        return -errno;
                if (dir < 0)
                        dir = openat(root, name, OPEN_DIRECTORY);
                if (dir < 0)
                        continue;

                r = left > 0 ? cgroup_v2_wait(dir, "populated", 0, (int) left) : -EBUSY;
                if (r == -ENOENT) { /* v1 has no events */
                        (void) poll(NULL, 0, pause);
                        pause = pause < 32 ? 2 * pause : pause;
                } else if (r < 0 && r != -ENODEV)
                        return r == -ETIMEDOUT ? -EBUSY : r;
                r = openat(dir, ".", OPEN_DIRECTORY);
                if (r >= 0)
                        (void) remove_children(r, 0);
        }
        remove_parents(root, name);
        return 0;
}

/* The usual case, on the path of every container: the places are empty, at the usual mounts. */
static int remove_quickly(const char *name, const char *hierarchy) {
        autofree char *path = str_format("/sys/fs/cgroup%s/%s", hierarchy, name);
        char *slash;

        if (!path)
                return -ENOMEM;
        if (rmdir(path) < 0)
                return errno == ENOENT ? 0 : -errno;
        slash = strrchr(path, '/');
        if (strchr(name, '/')) {
                *slash = 0;
                (void) rmdir(path);
        }
        return 0;
}

static int remove_slowly(const char *name, int timeout_ms) {
        autoclose int root = cgroup_v2_root();
        int r = 0, last;

        if (root >= 0)
                r = cgroup_remove_directory(root, name, timeout_ms);
        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++) {
                autoclose int v1 = cgroup_v1_root(i);

                if (v1 < 0 || faccessat(v1, name, F_OK, 0) < 0)
                        continue;
                last = cgroup_remove_directory(v1, name, timeout_ms);
                r = r < 0 ? r : last;
        }
        return r;
}

int cgroup_remove(const char *name, int timeout_ms) {
        static const char *const usual[] = { "/unified", "/memory", "/cpu",
                                             "/cpuset",  "/pids",   "/freezer" };
        struct statfs fs;

        if (statfs("/sys/fs/cgroup", &fs) < 0)
                return -errno;
        if (fs.f_type == CGROUP2_SUPER_MAGIC && remove_quickly(name, "") == 0)
                return 0;
        if (fs.f_type != TMPFS_MAGIC)
                return remove_slowly(name, timeout_ms);
        for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
                if (remove_quickly(name, usual[i]) < 0)
                        return remove_slowly(name, timeout_ms);
        return 0;
}

/* --- places --- */

Cgroup *cgroup_free(Cgroup *c) {
        if (c) {
                close_fd(c->root);
                close_fd(c->v2);
                for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++)
                        close_fd(c->v1[i]);
                free(c->name);
                free(c);
        }
        return NULL;
}

static Cgroup *new_handle(const char *name) {
        autoptr(Cgroup) c = calloc(1, sizeof *c);

        if (!c)
                return NULL;
        c->root = c->v2 = -EBADF;
        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++)
                c->v1[i] = -EBADF;
        c->name = strdup(name);
        return c->name ? take_ptr(c) : NULL;
}

/* Where a controller lives: its v1 hierarchy if it has one, else v2. */
static int apply(Cgroup *c, const CgroupLimits *limits, Err *err) {
        CgroupSetting v1[CGROUP_SETTINGS_MAX], v2[CGROUP_SETTINGS_MAX];
        size_t n1 = cgroup_v1_settings(limits, v1), n2 = cgroup_v2_settings(limits, v2), kept = 0;
        bool unified;
        int r;

        if (n1 == 0)
                return 0;
        unified = is_unified();
        for (size_t i = 0; i < n1 && !unified; i++) {
                r = cgroup_v1_make(c, v1[i].controller);
                if (r == -ENOENT && c->v2 >= 0)
                        continue; /* not here: then it is for v2 below */
                if (r == -ENOENT)
                        return refuse(err, EOPNOTSUPP,
                                      "cannot set the %s: cgroup controller '%s' is not available "
                                      "here",
                                      v1[i].limit, cgroup_controller_name(v1[i].controller));
                if (r < 0)
                        return fail(err, r, "cannot set the %s: cannot make cgroup '%s'",
                                    v1[i].limit, c->name);
                v1[kept++] = v1[i];
        }
        r = cgroup_v1_apply(c, v1, kept, err);
        for (size_t i = 0; i < n2 && r >= 0; i++)
                if (c->v1[v2[i].controller] < 0)
                        r = cgroup_v2_apply(c, &v2[i], err);
        return r;
}

static int make(Cgroup *c, const CgroupLimits *limits, Err *err) {
        int r;

        c->root = cgroup_v2_root();
        if (c->root >= 0) {
                for (int i = 0; i < RACES_MAX && c->v2 < 0; i++) {
                        r = cgroup_make_directory(c->root, c->name);
                        if (r == -EEXIST)
                                return refuse(err, r, "cgroup '%s' is there already", c->name);
                        if (r < 0)
                                return fail(err, r, "cannot make cgroup '%s'", c->name);
                        c->v2 = openat(c->root, c->name, OPEN_DIRECTORY);
                }
                if (c->v2 < 0)
                        return fail(err, errno, "cannot open cgroup '%s'", c->name);
        } else {
                r = cgroup_v1_make(c, CGROUP_FREEZER);
                if (r > 0)
                        return refuse(err, EEXIST, "cgroup '%s' is there already", c->name);
                if (r < 0)
                        return fail(err, r, "cannot make cgroup '%s'", c->name);
        }
        return limits ? apply(c, limits, err) : 0;
}

int cgroup_create(const char *name, const CgroupLimits *limits, Cgroup **ret, Err *err) {
        autoptr(Cgroup) c = new_handle(name);
        int r;

        if (!c)
                return fail(err, ENOMEM, "cannot make cgroup '%s'", name);
        r = make(c, limits, err);
        if (r < 0) {
                if (r != -EEXIST)
                        (void) cgroup_remove(name, 0);
                return r;
        }
        *ret = take_ptr(c);
        return 0;
}

int cgroup_open(const char *name, Cgroup **ret) {
        CgroupController n = is_unified() ? 0 : CGROUP_N_CONTROLLERS;
        autoptr(Cgroup) c = new_handle(name);
        bool found;

        if (!c)
                return -ENOMEM;
        c->root = cgroup_v2_root();
        if (c->root >= 0)
                c->v2 = openat(c->root, name, OPEN_DIRECTORY);
        found = c->v2 >= 0;
        for (CgroupController i = 0; i < n; i++) {
                autoclose int root = cgroup_v1_root(i);

                if (root >= 0)
                        c->v1[i] = openat(root, name, OPEN_DIRECTORY);
                found = found || c->v1[i] >= 0;
        }
        if (!found)
                return -ENOENT;
        *ret = take_ptr(c);
        return 0;
}

int cgroup_share(const char *name, Cgroup **ret, Err *err) {
        for (int i = 0; i < RACES_MAX; i++) {
                autoptr(Cgroup) c = new_handle(name);

                if (!c)
                        return fail(err, ENOMEM, "cannot open cgroup '%s'", name);
                c->root = cgroup_v2_root();
                if (c->root >= 0) {
                        c->v2 = openat(c->root, name, OPEN_DIRECTORY);
                        if (c->v2 < 0 && errno == ENOENT &&
                            cgroup_make_directory(c->root, name) >= 0)
                                c->v2 = openat(c->root, name, OPEN_DIRECTORY);
                        if (c->v2 < 0 && (errno == ENOENT || errno == EEXIST))
                                continue; /* made or removed under our hands: look again */
                        if (c->v2 < 0)
                                return fail(err, errno, "cannot open cgroup '%s'", name);
                } else {
                        int r = cgroup_v1_make(c, CGROUP_FREEZER);

                        if (r < 0)
                                return fail(err, r, "cannot open cgroup '%s'", name);
                }
                *ret = take_ptr(c);
                return 0;
        }
        return fail(err, EAGAIN, "cannot open cgroup '%s'", name);
}

int cgroup_fd(const Cgroup *c) {
        return c->v2;
}

bool cgroup_needs_join(const Cgroup *c) {
        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++)
                if (c->v1[i] >= 0)
                        return true;
        return false;
}

int cgroup_join(const Cgroup *c, pid_t pid, Err *err) {
        char text[16];
        int r;

        (void) snprintf(text, sizeof text, "%d", pid);
        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++) {
                if (c->v1[i] < 0)
                        continue;
                r = file_write(c->v1[i], "cgroup.procs", text);
                if (r < 0)
                        return fail(err, r, "cannot move process %d into %s cgroup '%s'", pid,
                                    cgroup_controller_name(i), c->name);
        }
        return 0;
}

int cgroup_update(Cgroup *c, const CgroupLimits *limits, Err *err) {
        bool joined[CGROUP_N_CONTROLLERS], late = false;
        autofree pid_t *pids = NULL;
        size_t n = 0;
        int r;

        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++)
                joined[i] = c->v1[i] >= 0;
        r = cgroup_pids(c, &pids, &n);
        if (r < 0)
                return fail(err, r, "cannot list the processes of cgroup '%s'", c->name);
        r = apply(c, limits, err);
        if (r < 0)
                return r;

        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++)
                late = late || (c->v1[i] >= 0 && !joined[i]);
        for (size_t i = 0; late && i < n; i++) {
                r = cgroup_join(c, pids[i], err);
                if (r == -ESRCH)
                        err_clear(err); /* ended meanwhile */
                else if (r < 0)
                        return r;
        }
        return 0;
}

/* --- processes --- */

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

                if (e->d_type != DT_DIR || e->d_name[0] == '.' || depth >= DEPTH_MAX)
                        continue;
                child = openat(dirfd(list), e->d_name, OPEN_DIRECTORY);
                if (child >= 0)
                        r = collect(child, depth + 1, pids, n);
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

int cgroup_kill(const Cgroup *c, int signal) {
        int64_t end = clock_monotonic_ms() + KILL_TIMEOUT_MS;
        int r;

        if (signal != SIGKILL)
                return signal_all(c, signal);
        r = c->v2 < 0 ? -ENOENT : file_write(c->v2, "cgroup.kill", "1"); /* Linux 5.14 */
        if (r != -ENOENT)
                return r;

        /* What forks while we look is met in the next round; a frozen one dies when thawed. */
        do {
                r = signal_all(c, SIGKILL);
                if (r >= 0 && c->v1[CGROUP_FREEZER] >= 0)
                        (void) cgroup_v1_freeze(c, false, 0);
                if (r < 0 || cgroup_is_populated(c) == 0)
                        return r;
                (void) poll(NULL, 0, 1);
        } while (clock_monotonic_ms() < end);
        return -ETIMEDOUT;
}

int cgroup_freeze(const Cgroup *c, bool frozen, int timeout_ms) {
        int r;

        if (c->v2 < 0)
                return cgroup_v1_freeze(c, frozen, timeout_ms);
        r = file_write(c->v2, "cgroup.freeze", frozen ? "1" : "0");
        return r < 0 ? r : cgroup_v2_wait(c->v2, "frozen", frozen, timeout_ms);
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
        static const char *const roots[] = { "/sys/fs/cgroup/unified", "/sys/fs/cgroup" };
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
