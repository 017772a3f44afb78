/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "kernel/cgroup_internal.h"
#include "kernel/process.h"

#define RACES_MAX    64
#define SELF_MAX     65536
#define DELEGATE_MAX 65536
#define BIT(i)       (1u << (i))

/* Fewer than this are set only when the first process is in place: before it comes, up to two of
 * ours are there for a moment, and a service manager's scope holds one more. */
#define PIDS_LATE 8

const char *cgroup_controller_name(CgroupController controller) {
        static const char *const names[] = {
                [CGROUP_MEMORY] = "memory",   [CGROUP_CPU] = "cpu",
                [CGROUP_CPUACCT] = "cpuacct", [CGROUP_CPUSET] = "cpuset",
                [CGROUP_PIDS] = "pids",       [CGROUP_IO] = "blkio",
                [CGROUP_HUGETLB] = "hugetlb", [CGROUP_RDMA] = "rdma",
                [CGROUP_NET_CLS] = "net_cls", [CGROUP_NET_PRIO] = "net_prio",
                [CGROUP_DEVICES] = "devices", [CGROUP_SYSTEMD] = "systemd",
                [CGROUP_FREEZER] = "freezer",
        };

        return names[controller];
}

bool cgroup_is_unified(void) {
        return cgroup_v2_is_at(CGROUP_MOUNTS);
}

/* True if some controller has a v1 hierarchy. */
static bool has_v1(void) {
        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++) {
                autoclose int root = i == CGROUP_SYSTEMD ? -EBADF : cgroup_v1_root(i);

                if (root >= 0)
                        return true;
        }
        return false;
}

CgroupLayout cgroup_layout(void) {
        autoclose int v2 = -EBADF;

        if (cgroup_is_unified())
                return CGROUP_UNIFIED;
        v2 = cgroup_v2_root();
        if (v2 >= 0)
                return has_v1() ? CGROUP_HYBRID : CGROUP_UNIFIED;
        return has_v1() ? CGROUP_LEGACY : CGROUP_NONE;
}

bool cgroup_root_is_writable(void) {
        autoclose int v2 = -EBADF, v1 = -EBADF;

        if (file_access(AT_FDCWD, CGROUP_V2_BESIDE_V1, W_OK) == 0)
                return true; /* where it usually is on a hybrid machine: no closer look is needed */
        v2 = cgroup_v2_root();
        if (v2 < 0)
                v1 = cgroup_v1_root(CGROUP_FREEZER);
        return file_access(v2 >= 0 ? v2 : v1, ".", W_OK) == 0;
}

/* --- handles --- */

static void end_keeper(const Cgroup *c) {
        if (c->keeper >= 0)
                process_kill_and_reap(c->keeper);
}

void cgroup_set_keeper(Cgroup *c, int pidfd) {
        c->keeper = pidfd;
}

Cgroup *cgroup_free(Cgroup *c) {
        if (c) {
                end_keeper(c);
                close_fd(c->keeper);
                close_fd(c->root);
                close_fd(c->v2);
                for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++)
                        close_fd(c->v1[i]);
                free(c->name);
                free(c);
        }
        return NULL;
}

static int new_handle(const char *name, Cgroup **ret) {
        autoptr(Cgroup) c = calloc(1, sizeof *c);
        int r;

        if (!c)
                return -ENOMEM;
        c->root = c->v2 = c->keeper = -EBADF;
        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++)
                c->v1[i] = -EBADF;
        r = cgroup_clean_path(name, &c->name);
        if (r < 0)
                return r;
        *ret = take_ptr(c);
        return 0;
}

/* Asked for only where it matters: most containers ask for nothing that version 1 has. */
static int learn_v1(Cgroup *c) {
        int r = 0;

        if (!c->knows_v1 && !cgroup_is_unified())
                r = cgroup_v1_mounted(&c->v1_mounted);
        c->knows_v1 = r >= 0;
        return r;
}

/* No hierarchy is one thing, one that cannot be looked at another. */
static int open_root(Cgroup *c) {
        c->root = cgroup_v2_root();
        return c->root < 0 && c->root != -ENOENT ? c->root : 0;
}

const char *cgroup_path(const Cgroup *c) {
        return c->name;
}

int cgroup_fd(const Cgroup *c) {
        return c->v2;
}

int cgroup_birth_fd(const Cgroup *c) {
        return c->move ? -EBADF : c->v2;
}

void cgroup_set_mover(Cgroup *c, CgroupMover move) {
        c->move = move;
}

int cgroup_devices_fd(const Cgroup *c) {
        return c->v1[CGROUP_DEVICES];
}

int cgroup_open(const char *name, Cgroup **ret) {
        autoptr(Cgroup) c = NULL;
        bool found;
        int r;

        r = new_handle(name, &c);
        if (r >= 0)
                r = open_root(c);
        if (r >= 0)
                r = learn_v1(c);
        if (r < 0)
                return r;
        if (c->root >= 0)
                c->v2 = openat(c->root, c->name, OPEN_DIRECTORY);
        if (c->root >= 0 && c->v2 < 0 && errno != ENOENT)
                return -errno;
        found = c->v2 >= 0;
        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++) {
                if (c->v1_mounted & BIT(i))
                        c->v1[i] = cgroup_v1_open(i, c->name);
                if (c->v1[i] < 0 && c->v1[i] != -ENOENT && c->v1[i] != -EBADF)
                        return c->v1[i];
                found = found || c->v1[i] >= 0;
        }
        if (!found)
                return -ENOENT;
        *ret = take_ptr(c);
        return 0;
}

/* --- limits --- */

const char *cgroup_setting_words(const CgroupSetting *s, char words[CGROUP_WORDS_MAX]) {
        if (s->limit)
                (void) snprintf(words, CGROUP_WORDS_MAX, "the %s", s->limit);
        else
                (void) snprintf(words, CGROUP_WORDS_MAX, "'%s'", s->file);
        return words;
}

int cgroup_cannot_set(const CgroupSetting *s, int code, Err *err) {
        const char *text = cgroup_setting_text(s);
        char words[CGROUP_WORDS_MAX];

        cgroup_setting_words(s, words);
        if (code != -ENOENT && s->limit)
                return fail(err, code, "cannot set %s to '%s' (%s)", words, text, s->file);
        if (code != -ENOENT)
                return fail(err, code, "cannot set %s to '%s'", words, text);
        return err_hint(err,
                        refuse(err, EOPNOTSUPP, "cannot set %s to '%s': this kernel has no '%s'",
                               words, text, s->file),
                        strstr(s->file, "memsw") || strstr(s->file, "swap")
                                ? "swap is counted only with swapaccount=1 on the kernel's command "
                                  "line"
                                : "it is too old for it, or was built without it");
}

const char *cgroup_first_limit(const CgroupLimits *limits) {
        autosettings settings = {};

        /* Both versions have words for the same limits, but for "unified"; one that contradicts
         * itself is one, too, which is said where it is set. */
        if (cgroup_v1_settings(limits, &settings, NULL) < 0)
                return "limit";
        if (settings.n > 0)
                return settings.items[0].limit;
        return limits->unified && *limits->unified ? "limit of cgroup version 2" : NULL;
}

static int write_setting(const Cgroup *c, const CgroupSetting *s, Err *err) {
        if (!s->v2_only && c->v1[s->controller] >= 0)
                return cgroup_v1_write(c, s, err);
        if (c->v2 < 0)
                return refuse(err, EOPNOTSUPP, "cannot set '%s': there is no cgroup version 2 here",
                              s->file);
        return cgroup_v2_write(c, s, err);
}

/*
 * Writes them in order.  Some may not contradict each other on the way: memory.memsw.limit_in_bytes
 * is never below memory.limit_in_bytes, a burst never above its quota, a share of processor time
 * never above the parent's.  Whether the old or the new value is in the way is not for us to
 * compute: what is refused is tried again after the others, as long as some are taken.
 */
static int write_settings(const Cgroup *c, const CgroupSettings *settings, Err *err) {
        autofree bool *done = calloc(settings->n + 1, sizeof *done);
        size_t left = settings->n, before;
        bool again = true;

        if (!done)
                return fail(err, ENOMEM, "cannot set limits");
        do {
                before = left;
                for (size_t i = 0; i < settings->n; i++) {
                        const CgroupSetting *s = &settings->items[i];
                        int r;

                        if (done[i])
                                continue;
                        r = write_setting(c, s, err);
                        if (r == -EINVAL && again) {
                                if (err)
                                        err_clear(err);
                                continue;
                        }
                        if (r < 0 && r != -ENOENT)
                                return r;
                        done[i] = true;
                        left--;
                        if (s->alternative && r >= 0 && !done[i + 1]) {
                                done[i + 1] = true;
                                left--;
                        }
                }
                again = left < before;
        } while (left > 0);
        return 0;
}

/* Opens the v1 directories of the controllers that settings need; where there is none, v2 has it.
 */
static int make_v1(Cgroup *c, const CgroupSettings *settings, Err *err) {
        for (size_t i = 0; i < settings->n; i++) {
                const CgroupSetting *s = &settings->items[i];
                int r;

                if (c->v1[s->controller] >= 0)
                        continue;
                r = c->v1_mounted & BIT(s->controller) ? cgroup_v1_make(c, s->controller) : -ENOENT;
                if (r == -ENOENT && c->v2 < 0)
                        return refuse(err, EOPNOTSUPP,
                                      "cannot set the %s: cgroup controller '%s' is not available "
                                      "here",
                                      s->limit, cgroup_controller_name(s->controller));
                if (r < 0 && r != -ENOENT)
                        return fail(err, r, "cannot set the %s: cannot make %s cgroup '%s'",
                                    s->limit, cgroup_controller_name(s->controller), c->name);
        }
        return 0;
}

/* Drops what is for the other version: each setting has its place in one hierarchy. */
static void keep_those(CgroupSettings *settings, const Cgroup *c, bool v1) {
        size_t kept = 0;

        for (size_t i = 0; i < settings->n; i++) {
                CgroupSetting *s = &settings->items[i];

                if ((!s->v2_only && c->v1[s->controller] >= 0) == v1)
                        settings->items[kept++] = *s;
                else
                        free(s->owned);
        }
        settings->n = kept;
}

static int apply(Cgroup *c, const CgroupLimits *limits, Err *err) {
        CgroupLimits rest = *limits;
        autosettings v1 = {}, v2 = {};
        int r;

        r = learn_v1(c);
        if (r < 0)
                return fail(err, r, "cannot set limits");
        if (c->v1_mounted) {
                r = cgroup_v1_settings(limits, &v1, err);
                if (r >= 0)
                        r = make_v1(c, &v1, err);
        }
        keep_those(&v1, c, true);
        if (r >= 0)
                r = write_settings(c, &v1, err);
        if (r < 0)
                return r;
        if (c->v1[CGROUP_MEMORY] >= 0)
                rest.memory = rest.memory_swap = 0; /* what v1 takes may contradict itself in v2 */
        r = cgroup_v2_settings(&rest, &v2, err);
        keep_those(&v2, c, false);
        return r < 0 ? r : write_settings(c, &v2, err);
}

/* --- making places --- */

/* Says why there is no place; never with ENOENT, see cgroup_cannot_set(). */
static int cannot_make(const char *name, int code, Err *err) {
        if (code == -ENOENT)
                return refuse(err, EOPNOTSUPP,
                              "cannot make cgroup '%s': no cgroup hierarchy is mounted here", name);
        return fail(err, code, "cannot make cgroup '%s'", name);
}

static int make_v2(Cgroup *c, bool adopt, Err *err) {
        int r;

        for (int i = 0; i < RACES_MAX && c->v2 < 0; i++) {
                r = cgroup_make_directory(c->root, c->name, &c->v2_made);
                if (r == -EEXIST && !adopt)
                        return refuse(err, r, "cgroup '%s' is there already", c->name);
                if (r < 0 && r != -EEXIST)
                        return cannot_make(c->name, r, err);
                c->v2 = openat(c->root, c->name, OPEN_DIRECTORY);
                if (c->v2 < 0 && errno != ENOENT)
                        return cannot_make(c->name, -errno, err);
        }
        return c->v2 < 0 ? cannot_make(c->name, -EAGAIN, err) : 0;
}

/* Without version 2: the freezer first, by which processes are found, then all that count or limit;
 * the service manager's own hierarchy is for its own places only. */
static int make_legacy(Cgroup *c, bool adopt, Err *err) {
        int r = cgroup_v1_make(c, CGROUP_FREEZER);

        if (r > 0 && !adopt)
                return refuse(err, EEXIST, "cgroup '%s' is there already", c->name);
        if (r < 0)
                return cannot_make(c->name, r, err);
        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++) {
                if (!(c->v1_mounted & BIT(i)) || i == CGROUP_SYSTEMD)
                        continue;
                r = cgroup_v1_make(c, i);
                if (r < 0 && r != -ENOENT)
                        return fail(err, r, "cannot make %s cgroup '%s'", cgroup_controller_name(i),
                                    c->name);
        }
        return 0;
}

/* The v1 hierarchies in which somebody has prepared the place or the one above it. */
static int join_prepared(Cgroup *c, int flags, Err *err) {
        autofree char *parent = strdup(c->name);
        char *slash = parent ? strrchr(parent, '/') : NULL;

        if (!parent)
                return fail(err, ENOMEM, "cannot make cgroup '%s'", c->name);
        if (slash)
                *slash = 0;
        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++) {
                autoclose int prepared = -EBADF;
                int r;

                if (!(c->v1_mounted & BIT(i)) || (i == CGROUP_SYSTEMD && !(flags & CGROUP_NAMED)))
                        continue;
                prepared = cgroup_v1_open(i, parent);
                if (prepared == -ENOENT)
                        continue;
                if (prepared < 0)
                        return fail(err, prepared, "cannot open %s cgroup '%s'",
                                    cgroup_controller_name(i), parent);
                r = cgroup_v1_make(c, i);
                if (r < 0)
                        return fail(err, r, "cannot make %s cgroup '%s'", cgroup_controller_name(i),
                                    c->name);
        }
        return 0;
}

static int make(Cgroup *c, bool adopt, int flags, Err *err) {
        bool prepared = adopt && !(flags & CGROUP_OWN_PARENT);
        int r;

        r = open_root(c);
        if (r >= 0 && (c->root < 0 || prepared))
                r = learn_v1(c);
        if (r < 0)
                return fail(err, r, "cannot make cgroup '%s'", c->name);
        r = c->root >= 0 ? make_v2(c, adopt, err) : make_legacy(c, adopt, err);
        if (r >= 0 && prepared && c->v1_mounted)
                r = join_prepared(c, flags, err);
        if (r >= 0 && c->v2 >= 0 && flags & CGROUP_ALL_CONTROLLERS)
                (void) cgroup_v2_enable_all(c);
        return r;
}

static int refuse_occupied(const Cgroup *c, Err *err) {
        autofree pid_t *pids = NULL;
        size_t n = 0;
        int r;

        if (c->v2_made > 0)
                return 0; /* nobody has been there yet */
        if (cgroup_is_frozen(c) > 0)
                return refuse(err, EBUSY, "cgroup '%s' is frozen", c->name);
        r = cgroup_pids(c, &pids, &n);
        if (r < 0)
                return fail(err, r, "cannot list the processes of cgroup '%s'", c->name);
        if (n > 0)
                return refuse(err, EBUSY, "cgroup '%s' is not empty: it has %zu processes", c->name,
                              n);
        return 0;
}

/* Takes back what was made. */
static void unmake(const Cgroup *c, bool adopt) {
        if (!adopt) {
                (void) cgroup_remove(c->name, 0);
                return;
        }
        if (c->root >= 0)
                cgroup_unmake_directory(c->root, c->name, c->v2_made);
        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++) {
                autoclose int root = c->v1_made[i] ? cgroup_v1_root(i) : -EBADF;

                if (root >= 0)
                        cgroup_unmake_directory(root, c->name, c->v1_made[i]);
        }
}

static int set_first_limits(Cgroup *c, int flags, const CgroupLimits *limits, Err *err) {
        CgroupLimits now = *limits;
        int r;

        if (!cgroup_first_limit(limits))
                return 0;
        r = learn_v1(c);
        if (r < 0)
                return fail(err, r, "cannot set limits");
        if (now.has_pids && now.pids >= 0 && now.pids < PIDS_LATE &&
            !(c->v1_mounted & BIT(CGROUP_PIDS))) {
                c->has_late_pids = true;
                c->late_pids = now.pids;
                /* A service manager that was told of the limit has set it already. */
                now.has_pids = flags & CGROUP_INHABITED;
                now.pids = -1;
        }
        return apply(c, &now, err);
}

static int create(const char *name, bool adopt, int flags, const CgroupLimits *limits, Cgroup **ret,
                  Err *err) {
        autoptr(Cgroup) c = NULL;
        int r;

        r = new_handle(name, &c);
        if (r == -EINVAL)
                return refuse(err, r, "'%s' is not a place for a container", name);
        if (r < 0)
                return fail(err, r, "cannot make cgroup '%s'", name);
        r = make(c, adopt, flags, err);
        if (r >= 0 && adopt && !(flags & CGROUP_INHABITED))
                r = refuse_occupied(c, err);
        if (r >= 0 && limits)
                r = set_first_limits(c, flags, limits, err);
        if (r < 0) {
                if (r != -EEXIST)
                        unmake(c, adopt);
                return r;
        }
        *ret = take_ptr(c);
        return 0;
}

int cgroup_create(const char *name, const CgroupLimits *limits, Cgroup **ret, Err *err) {
        return create(name, false, 0, limits, ret, err);
}

int cgroup_adopt(const char *path, int flags, const CgroupLimits *limits, Cgroup **ret, Err *err) {
        return create(path, true, flags, limits, ret, err);
}

int cgroup_share(const char *name, Cgroup **ret, Err *err) {
        for (int i = 0; i < RACES_MAX; i++) {
                autoptr(Cgroup) c = NULL;
                int r;

                r = new_handle(name, &c);
                if (r >= 0)
                        r = open_root(c);
                if (r < 0)
                        return fail(err, r, "cannot open cgroup '%s'", name);
                if (c->root >= 0) {
                        c->v2 = openat(c->root, name, OPEN_DIRECTORY);
                        if (c->v2 < 0 && errno == ENOENT &&
                            cgroup_make_directory(c->root, name, NULL) >= 0)
                                c->v2 = openat(c->root, name, OPEN_DIRECTORY);
                        if (c->v2 < 0 && (errno == ENOENT || errno == EEXIST))
                                continue; /* made or removed under our hands: look again */
                        if (c->v2 < 0)
                                return fail(err, errno, "cannot open cgroup '%s'", name);
                } else {
                        r = cgroup_v1_make(c, CGROUP_FREEZER);
                        if (r < 0)
                                return fail(err, r, "cannot open cgroup '%s'", name);
                }
                *ret = take_ptr(c);
                return 0;
        }
        return fail(err, EAGAIN, "cannot open cgroup '%s'", name);
}

/* --- processes and limits of a place that is in use --- */

static bool is_in_v1(const Cgroup *c) {
        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++)
                if (c->v1[i] >= 0)
                        return true;
        return false;
}

bool cgroup_needs_join(const Cgroup *c) {
        return is_in_v1(c) || c->has_late_pids || c->keeper >= 0 || c->move;
}

bool cgroup_is_in_v2_alone(const Cgroup *c) {
        return c->v2 >= 0 && !is_in_v1(c);
}

static int write_late_pids(const Cgroup *c, Err *err) {
        CgroupLimits limits = { .has_pids = true, .pids = c->late_pids };
        autosettings settings = {};
        int r;

        r = cgroup_v2_settings(&limits, &settings, err);
        return r < 0 ? r : write_settings(c, &settings, err);
}

int cgroup_join(const Cgroup *c, pid_t pid, Err *err) {
        char text[16];
        int r = c->move ? c->move(c->name, pid, err) : 0;

        if (r < 0)
                return r;
        (void) snprintf(text, sizeof text, "%d", pid);
        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++) {
                if (c->v1[i] < 0)
                        continue;
                r = file_write(c->v1[i], "cgroup.procs", text);
                if (r < 0)
                        return fail(err, r == -ENOENT ? -ENODEV : r,
                                    "cannot move process %d into %s cgroup '%s'", pid,
                                    cgroup_controller_name(i), c->name);
        }
        end_keeper(c);
        return c->has_late_pids ? write_late_pids(c, err) : 0;
}

int cgroup_move(const Cgroup *c, pid_t pid, Err *err) {
        char text[16];
        int r = 0;

        (void) snprintf(text, sizeof text, "%d", pid);
        if (c->v2 >= 0 && !c->move)
                r = file_write(c->v2, "cgroup.procs", text);
        return r < 0 ? fail(err, r == -ENOENT ? -ENODEV : r,
                            "cannot move process %d into cgroup '%s'", pid, c->name)
                     : cgroup_join(c, pid, err);
}

int cgroup_follow(Cgroup *c, pid_t pid) {
        autofree char *passed_on = NULL, *text = NULL, *path = NULL;
        size_t length = strlen(c->name);
        char record[32], *own, *inner;
        int r, dir;

        if (c->v2 < 0)
                return 0;
        r = file_read_line(c->v2, "cgroup.subtree_control", &passed_on);
        if (r < 0 || str_empty(passed_on))
                return r;
        (void) snprintf(record, sizeof record, "/proc/%d/cgroup", pid);
        r = file_read(AT_FDCWD, record, SELF_MAX, &text, NULL);
        if (r < 0)
                return r;
        own = strstr(text, "0::/");
        if (!own || strncmp(own + 4, c->name, length) != 0 || own[4 + length] != '/')
                return 0; /* it is not below: then the kernel's word counts */
        inner = own + 4 + length + 1;
        inner[strcspn(inner, "\n")] = 0;
        path = str_format("%s/%s", c->name, inner);
        dir = path ? openat(c->v2, inner, OPEN_DIRECTORY) : -ENOMEM;
        if (dir < 0)
                return path ? -errno : dir;
        close_fd(c->v2);
        c->v2 = dir;
        free(c->name);
        c->name = take_ptr(path);
        return 0;
}

/* A limit below what is in use kills; the caller may want to be told instead. */
static int check_usage(const Cgroup *c, const CgroupLimits *l, Err *err) {
        int64_t limit = l->memory > 0 ? l->memory : l->memory_swap;
        uint64_t used;

        if (!l->memory_check || limit <= 0)
                return 0;
        used = cgroup_memory(c).usage;
        if ((uint64_t) limit > used)
                return 0;
        return refuse(err, EBUSY, "cannot set the memory limit to '%lld': %llu bytes are in use",
                      (long long) limit, (unsigned long long) used);
}

/* Version 2 counts swap apart from memory; who changes only the sum means the memory limit that
 * there is. */
static void complete_swap(const Cgroup *c, CgroupLimits *l) {
        uint64_t limit;

        if (l->memory != 0 || l->memory_swap <= 0 || c->v1[CGROUP_MEMORY] >= 0)
                return;
        limit = cgroup_memory(c).limit;
        if (limit <= INT64_MAX)
                l->memory = (int64_t) limit;
}

int cgroup_update(Cgroup *c, const CgroupLimits *limits, Err *err) {
        bool joined[CGROUP_N_CONTROLLERS], late = false;
        CgroupLimits wanted = *limits;
        autofree pid_t *pids = NULL;
        size_t n = 0;
        int r;

        r = check_usage(c, limits, err);
        if (r < 0)
                return r;
        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++)
                joined[i] = c->v1[i] >= 0;
        r = cgroup_pids(c, &pids, &n);
        if (r < 0)
                return fail(err, r, "cannot list the processes of cgroup '%s'", c->name);
        complete_swap(c, &wanted);
        r = apply(c, &wanted, err);
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

/* --- ownership --- */

int cgroup_delegate(const Cgroup *c, uid_t uid, gid_t gid) {
        static const char *const before_4_15[] = { "cgroup.procs", "cgroup.subtree_control",
                                                   "cgroup.threads", NULL };
        autofree char *text = NULL;
        autostrv files = NULL;
        int r;

        if (c->v2 < 0)
                return 0;
        r = file_read(AT_FDCWD, "/sys/kernel/cgroup/delegate", DELEGATE_MAX, &text, NULL);
        if (r >= 0)
                r = strv_split(text, "\n", true, &files);
        else if (r == -ENOENT)
                r = strv_add_words(&files, before_4_15);
        if (r < 0)
                return r;
        if (fchown(c->v2, uid, gid) < 0)
                return -errno;
        strv_foreach(file, files) {
                /* The list names what controllers have that are not enabled here, too. */
                if (fchownat(c->v2, *file, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
                        return -errno;
        }
        return 0;
}
