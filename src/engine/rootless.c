/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/rootless.h"
#include "kernel/caps.h"
#include "kernel/idmap.h"
#include "kernel/process.h"
#include "kernel/subid.h"
#include "store/sandbox.h"

#define DIRECTORY  "rootless"
#define RECORD     "userns.json"
#define RANGES_MAX 64
#define IDS_MAX    (1 << 24) /* mapped at most: nobody's image has more */

/* $RUN/rootless/userns.json */
typedef struct Record {
        char *boot;
        uint64_t userns; /* its inode */
        uint64_t split;  /* where its first range is cut; 0: it has none */
        int pid;         /* a process that was in it */
} Record;

static const JsonField record_fields[] = {
        JSON_STRING(Record, boot, "boot"),
        JSON_U64(Record, userns, "userns"),
        JSON_U64(Record, split, "split"),
        JSON_INT(Record, pid, "pid"),
        {},
};
static const JsonType record_type = { sizeof(Record), record_fields };

typedef struct Ranges {
        IdRange *ranges;
        size_t n;
} Ranges;

static void ranges_clear(Ranges *r) {
        free(r->ranges);
}
#define autoranges __attribute__((__cleanup__(ranges_clear))) Ranges

/* In a container without networks' rights, say; a network namespace of one's own has them. */
#define NEEDED ((UINT64_C(1) << CAP_SYS_ADMIN) | (UINT64_C(1) << CAP_NET_ADMIN))

bool rootless_is_needed(void) {
        CapSets sets;

        return geteuid() != 0 || (caps_get(&sets) >= 0 && (sets.effective & NEEDED) != NEEDED);
}

/* --- which ids --- */

/* The user's own id as 0, what @file gives him behind it, the first of that cut at @split. */
static int make_map(const char *file, int64_t own, uint64_t split, Ranges *ret) {
        autofree IdRange *given = NULL, *map = NULL;
        size_t n_given = 0, n = 1;
        int64_t next = 1;
        int r;

        r = subid_read(file, geteuid(), &given, &n_given);
        if (r < 0)
                return r;
        map = calloc(n_given + 2, sizeof *map);
        if (!map)
                return -ENOMEM;
        map[0] = (IdRange){ 0, own, 1 };
        for (size_t i = 0; split && i < n_given && next < IDS_MAX; i++) {
                int64_t count = given[i].count, first = n == 1 ? (int64_t) split : 0;

                if (first >= count)
                        first = 0;
                if (first)
                        map[n++] = (IdRange){ next, given[i].outside, first };
                map[n++] = (IdRange){ next + first, given[i].outside + first, count - first };
                next += count;
        }
        *ret = (Ranges){ take_ptr(map), n };
        return 0;
}

/* All the ids of the container that this process is root of. */
static int container_map(const char *file, Ranges *ret) {
        return idmap_same(file, &ret->ranges, &ret->n);
}

static int expected_map(uint64_t split, Ranges *ret) {
        return geteuid() == 0 ? container_map("uid_map", ret)
                              : make_map("/etc/subuid", geteuid(), split, ret);
}

/* A place in the smaller of the user's first ranges, or 0 if he has none. */
static int draw_split(uint64_t *ret) {
        autofree IdRange *uids = NULL, *gids = NULL;
        size_t n_uids = 0, n_gids = 0;
        uint32_t lot = 0;
        int64_t room;
        int r;

        *ret = 0;
        r = subid_read("/etc/subuid", geteuid(), &uids, &n_uids);
        if (r >= 0)
                r = subid_read("/etc/subgid", geteuid(), &gids, &n_gids);
        if (r < 0 || n_uids == 0 || n_gids == 0)
                return r;
        room = uids->count < gids->count ? uids->count : gids->count;
        if (getrandom(&lot, sizeof lot, 0) != sizeof lot)
                return -EIO;
        *ret = room > 2 ? 1 + lot % (uint64_t) (room - 1) : 1;
        return 0;
}

/* --- finding it --- */

static bool same_ranges(const Ranges *wanted, int proc) {
        autofree IdRange *found = NULL;
        size_t n;

        if (idmap_read(proc, "uid_map", &found, &n) < 0 || n != wanted->n)
                return false;
        for (size_t i = 0; i < n; i++)
                if (found[i].inside != wanted->ranges[i].inside ||
                    found[i].outside != wanted->ranges[i].outside ||
                    found[i].count != wanted->ranges[i].count)
                        return false;
        return true;
}

static bool is_it(int userns, const Record *record) {
        struct stat st;
        uid_t owner;

        return fstat(userns, &st) >= 0 && st.st_ino == record->userns &&
               ioctl(userns, NS_GET_OWNER_UID, &owner) >= 0 && owner == geteuid();
}

/* The namespace, if a process is in it or in a container's below it; else negative. */
static int userns_of(const char *pid, const Record *record, const Ranges *map) {
        autofree char *path = str_format("/proc/%s", pid);
        autoclose int proc = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -EBADF;
        autoclose int userns = -EBADF, parent = -EBADF;

        if (proc < 0)
                return -ESRCH;
        userns = openat(proc, "ns/user", O_RDONLY | O_CLOEXEC);
        if (userns < 0)
                return -errno;
        if (is_it(userns, record))
                return same_ranges(map, proc) ? take_fd(userns) : -ESRCH;
        parent = ioctl(userns, NS_GET_PARENT);
        return parent >= 0 && is_it(parent, record) ? take_fd(parent) : -ESRCH;
}

static int scan(Record *record, const Ranges *map) {
        autostrv names = NULL;

        if (dir_list(AT_FDCWD, "/proc", &names) < 0)
                return -ESRCH;
        strv_foreach(name, names) {
                int pid, userns;

                if (parse_int(*name, 1, INT32_MAX, &pid) < 0)
                        continue;
                userns = userns_of(*name, record, map);
                if (userns >= 0) {
                        record->pid = pid;
                        return userns;
                }
        }
        return -ESRCH;
}

/* Return: 1 and the namespace; 0 if there is none. */
static int find(int dir, int *ret) {
        autoranges map = {};
        Record record = {};
        char pid[16];
        int userns = -ESRCH;

        if (json_load(&record_type, dir, RECORD, &record, NULL) >= 0 &&
            str_equal(record.boot, boot_id()) && expected_map(record.split, &map) >= 0) {
                snprintf(pid, sizeof pid, "%d", record.pid);
                userns = userns_of(pid, &record, &map);
                if (userns < 0) {
                        userns = scan(&record, &map);
                        if (userns >= 0)
                                (void) json_save(&record_type, dir, RECORD, &record, false, NULL);
                }
        }
        json_clear(&record_type, &record);
        if (userns < 0)
                return 0;
        *ret = userns;
        return 1;
}

/* --- making it --- */

static int cannot_make(int code, Err *err) {
        fail(err, code, "cannot make a user namespace");
        if (code == -ENOSPC || code == -EUSERS)
                return err_hint(err, code, "a limit in /proc/sys/user/max_*_namespaces is reached");
        return err_hint(err, code,
                        "isola needs one to work without root, and this machine or the container "
                        "around us forbids it: see `isola check`");
}

static int write_maps(pid_t pid, int proc, const Ranges *uids, const Ranges *gids, Err *err) {
        int r;

        if (geteuid() != 0)
                return idmap_write_as_user(pid, proc, uids->ranges, uids->n, gids->ranges, gids->n,
                                           err);
        r = idmap_write(proc, "uid_map", uids->ranges, uids->n, err);
        return r < 0 ? r : idmap_write(proc, "gid_map", gids->ranges, gids->n, err);
}

/* The other one's side: outside of the namespace, where newuidmap(1) has its rights. */
static _Noreturn void map_parent(int start, int report, const Ranges *uids, const Ranges *gids) {
        autofree char *path = str_format("/proc/%d", getppid());
        pid_t parent = getppid();
        Err err = {};
        char word;
        int proc = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -EBADF, r;

        if (proc < 0)
                r = fail(&err, errno, "cannot open '%s'", path ? path : "/proc");
        else if (read(start, &word, 1) != 1)
                _exit(0); /* there is none after all */
        else
                r = write_maps(parent, proc, uids, gids, &err);
        if (r < 0)
                err_write(report, &err);
        _exit(r < 0);
}

/* Both maps by a child that stays behind. */
static int unshare_mapped(const Ranges *uids, const Ranges *gids, Err *err) {
        autoclose int pidfd = -EBADF, start = -EBADF, report = -EBADF;
        int to[2], from[2], r;
        siginfo_t info = {};
        pid_t pid;

        if (pipe2(to, O_CLOEXEC) < 0)
                return fail(err, errno, "cannot make a pipe");
        if (pipe2(from, O_CLOEXEC) < 0) {
                r = fail(err, errno, "cannot make a pipe");
                close_fd(to[0]);
                close_fd(to[1]);
                return r;
        }
        start = to[1];
        report = from[0];
        pid = process_clone(0, -EBADF, &pidfd);
        if (pid == 0) {
                close_fd(start);
                close_fd(report);
                map_parent(to[0], from[1], uids, gids);
        }
        close_fd(to[0]);
        close_fd(from[1]);
        if (pid < 0)
                return fail(err, pid, "cannot make a process");
        r = unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ? cannot_make(-errno, err) : 0;
        if (r >= 0 && write(start, "m", 1) != 1)
                r = fail(err, errno, "cannot map ids");
        start = close_fd(start);
        (void) process_reap(pidfd, &info);
        if (r >= 0 && (info.si_code != CLD_EXITED || info.si_status != 0)) {
                r = err_read(report, err);
                if (r >= 0)
                        r = refuse(err, ECHILD, "cannot map ids: a process was killed");
        }
        return r;
}

/* One's own ids alone can be mapped from inside. */
static int unshare_single(const Ranges *uids, const Ranges *gids, Err *err) {
        autoclose int proc = -EBADF;
        int r;

        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
                return cannot_make(-errno, err);
        proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (proc < 0)
                return fail(err, errno, "cannot open '/proc/self'");
        r = file_write(proc, "setgroups", "deny");
        if (r < 0 && r != -ENOENT)
                return fail(err, r, "cannot do without setgroups()");
        r = idmap_write(proc, "uid_map", uids->ranges, uids->n, err);
        return r < 0 ? r : idmap_write(proc, "gid_map", gids->ranges, gids->n, err);
}

/* Which ids it is to have. */
static int plan_map(Record *record, Ranges *uids, Ranges *gids) {
        int r;

        if (geteuid() == 0) {
                r = container_map("uid_map", uids);
                return r < 0 ? r : container_map("gid_map", gids);
        }
        r = draw_split(&record->split);
        if (r >= 0)
                r = make_map("/etc/subuid", geteuid(), record->split, uids);
        return r < 0 ? r : make_map("/etc/subgid", getegid(), record->split, gids);
}

static int make(int dir, Err *err) {
        Record record = { .boot = (char *) boot_id(), .pid = getpid() };
        autoranges uids = {}, gids = {};
        struct stat st;
        int r;

        r = plan_map(&record, &uids, &gids);
        if (r < 0)
                return fail(err, r, "cannot find out which ids are yours");
        r = uids.n == 1 && uids.ranges->count == 1 ? unshare_single(&uids, &gids, err)
                                                   : unshare_mapped(&uids, &gids, err);
        if (r < 0)
                return r;
        fault_point("rootless.made");
        if (stat("/proc/self/ns/user", &st) < 0)
                return fail(err, errno, "cannot look at '/proc/self/ns/user'");
        record.userns = st.st_ino;
        return json_save(&record_type, dir, RECORD, &record, false, err);
}

static int join(int userns, Err *err) {
        if (setns(userns, CLONE_NEWUSER) < 0)
                return fail(err, errno, "cannot enter your user namespace");
        return unshare(CLONE_NEWNS) < 0 ? fail(err, errno, "cannot make a mount namespace") : 0;
}

/* For this program executed again (runtime_seal()), which would take itself for the machine's root.
 */
static int note_home(const Home *home, Err *err) {
        if (setenv(HOME_ROOT_VARIABLE, home->data, true) < 0 ||
            setenv(HOME_RUN_ROOT_VARIABLE, home->run, true) < 0)
                return fail(err, errno, "cannot note the state directories");
        return 0;
}

int rootless_enter(const Home *home, Err *err) {
        autoclose int dir = dir_open(home->run_fd, DIRECTORY, 0700), lock = -EBADF, userns = -EBADF;
        int r;

        if (dir < 0)
                return fail(err, dir, "cannot open '%s/" DIRECTORY "'", home->run);
        lock = lock_dir(dir, true);
        if (lock < 0)
                return fail(err, lock, "cannot lock '%s/" DIRECTORY "'", home->run);
        r = sandbox_keep_programs();
        if (r < 0)
                return fail(err, r, "cannot note where isola's programs are");
        r = find(dir, &userns);
        log_debug(r > 0 ? "entering the user's user namespace" : "making a user namespace");
        r = r > 0 ? join(userns, err) : make(dir, err);
        return r < 0 ? r : note_home(home, err);
}
