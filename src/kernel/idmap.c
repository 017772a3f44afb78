/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/idmap.h"
#include "kernel/process.h"

int idmap_write(int proc, const char *file, const IdRange *ranges, size_t n, Err *err) {
        autostr text = {};
        int r;

        for (size_t i = 0; i < n; i++)
                str_printf(&text, "%" PRId64 " %" PRId64 " %" PRId64 "\n", ranges[i].inside,
                           ranges[i].outside, ranges[i].count);
        if (text.failed || !text.text)
                return fail(err, text.failed ? ENOMEM : EINVAL, "cannot map ids");

        r = file_write(proc, file, text.text);
        if (r < 0)
                return fail(err, r, "cannot map ids %" PRId64 "-%" PRId64 " with '%s'",
                            ranges[0].outside, ranges[0].outside + ranges[0].count - 1, file);
        return 0;
}

/* One of newuidmap(1) and newgidmap(1) at work. */
typedef struct Helper {
        const char *program;
        int pidfd; /* -EBADF: it is not needed */
} Helper;

static int start_helper(Helper *h, pid_t pid, const IdRange *ranges, size_t n, Err *err) {
        autostrv args = NULL;
        pid_t helper;
        int r;

        r = strv_add(&args, h->program);
        if (r >= 0)
                r = strv_addf(&args, "%d", pid);
        for (size_t i = 0; i < n && r >= 0; i++) {
                r = strv_addf(&args, "%" PRId64, ranges[i].inside);
                if (r >= 0)
                        r = strv_addf(&args, "%" PRId64, ranges[i].outside);
                if (r >= 0)
                        r = strv_addf(&args, "%" PRId64, ranges[i].count);
        }
        if (r < 0)
                return fail(err, r, "cannot map ids");
        helper = process_clone(0, -EBADF, &h->pidfd);
        if (helper == 0) {
                process_reset_signals();
                execvp(h->program, args);
                _exit(127);
        }
        return helper < 0 ? fail(err, helper, "cannot run '%s'", h->program) : 0;
}

static int finish_helper(Helper *h, Err *err) {
        autoclose int pidfd = h->pidfd;
        siginfo_t info = {};
        int r;

        if (pidfd < 0)
                return 0;
        r = process_reap(pidfd, &info);
        if (r < 0)
                return fail(err, r, "cannot wait for '%s'", h->program);
        if (info.si_code == CLD_EXITED && info.si_status == 0)
                return 0;
        if (info.si_code == CLD_EXITED && info.si_status == 127)
                return err_hint(err,
                                refuse(err, EPERM,
                                       "cannot map ids without '%s', which is not there",
                                       h->program),
                                "it is in the package uidmap; one's own id alone needs it not");
        return err_hint(err, refuse(err, EPERM, "'%s' does not map these ids", h->program),
                        "/etc/subuid and /etc/subgid say which ranges a user has");
}

static bool is_own(const IdRange *ranges, size_t n, int64_t id) {
        return n == 1 && ranges->outside == id && ranges->count == 1;
}

int idmap_write_as_user(pid_t pid, int proc, const IdRange *uids, size_t n_uids,
                        const IdRange *gids, size_t n_gids, Err *err) {
        bool own_uid = is_own(uids, n_uids, geteuid()), own_gid = is_own(gids, n_gids, getegid());
        Helper uid = { "newuidmap", -EBADF }, gid = { "newgidmap", -EBADF };
        int r = 0, second = 0;

        /* Both at once: an exec is the most of what they cost. */
        if (!own_uid)
                r = start_helper(&uid, pid, uids, n_uids, err);
        if (r >= 0 && !own_gid)
                r = start_helper(&gid, pid, gids, n_gids, err);
        second = finish_helper(&uid, r < 0 ? NULL : err);
        r = r < 0 ? r : second;
        second = finish_helper(&gid, r < 0 ? NULL : err);
        r = r < 0 ? r : second;
        if (r >= 0 && own_uid)
                r = idmap_write(proc, "uid_map", uids, n_uids, err);
        if (r < 0 || !own_gid)
                return r;
        r = file_write(proc, "setgroups", "deny");
        return r < 0 ? fail(err, r, "cannot do without setgroups()")
                     : idmap_write(proc, "gid_map", gids, n_gids, err);
}

int idmap_read(int proc, const char *file, IdRange **ret, size_t *ret_n) {
        autofree char *text = NULL;
        autofree IdRange *ranges = NULL;
        size_t n = 0;
        int r;

        r = file_read(proc, file, 1u << 16, &text, NULL);
        if (r < 0)
                return r;
        for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line;) {
                IdRange range, *last;

                if (sscanf(line, "%" SCNd64 " %" SCNd64 " %" SCNd64, &range.inside, &range.outside,
                           &range.count) != 3)
                        return -EPROTO;
                last = realloc(ranges, (n + 1) * sizeof *ranges);
                if (!last)
                        return -ENOMEM;
                ranges = last;
                ranges[n++] = range;
        }
        *ret = take_ptr(ranges);
        *ret_n = n;
        return 0;
}

int idmap_read_own(const char *file, IdRange **ret, size_t *ret_n) {
        autoclose int proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);

        return proc < 0 ? -errno : idmap_read(proc, file, ret, ret_n);
}

int idmap_same(const char *file, IdRange **ret, size_t *ret_n) {
        int r = idmap_read_own(file, ret, ret_n);

        for (size_t i = 0; r >= 0 && i < *ret_n; i++) {
                (*ret)[i].outside = (*ret)[i].inside;
                if ((*ret)[i].count == UINT32_MAX) /* or it would look like the first namespace */
                        (*ret)[i].count--;
        }
        return r;
}

static int write_maps(pid_t pid, const IdRange *uids, size_t n_uids, const IdRange *gids,
                      size_t n_gids, Err *err) {
        autofree char *path = str_format("/proc/%d", pid);
        autoclose int proc = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -EBADF;
        int userns, r;

        if (proc < 0)
                return fail(err, path ? errno : ENOMEM, "cannot map ids");
        r = idmap_write(proc, "uid_map", uids, n_uids, err);
        if (r >= 0)
                r = idmap_write(proc, "gid_map", gids, n_gids, err);
        if (r < 0)
                return r;
        userns = openat(proc, "ns/user", O_RDONLY | O_CLOEXEC);
        return userns < 0 ? fail(err, errno, "cannot open a user namespace") : userns;
}

int idmap_userns(const IdRange *uids, size_t n_uids, const IdRange *gids, size_t n_gids, Err *err) {
        autoclose int pidfd = -EBADF;
        int ends[2], r;
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return fail(err, errno, "cannot make a user namespace");
        pid = process_clone(CLONE_NEWUSER, -EBADF, &pidfd);
        if (pid == 0) {
                char none;

                /* Until it is killed, or whoever would have done so is gone. */
                close_fd(ends[1]);
                (void) !read(ends[0], &none, 1);
                _exit(0);
        }
        close_fd(ends[0]);
        r = pid < 0 ? fail(err, pid, "cannot make a user namespace")
                    : write_maps(pid, uids, n_uids, gids, n_gids, err);
        close_fd(ends[1]);
        if (pid > 0)
                process_kill_and_reap(pidfd);
        return r;
}

int64_t idmap_outside(const IdRange *ranges, size_t n, int64_t inside) {
        for (size_t i = 0; i < n; i++)
                if (inside >= ranges[i].inside && inside - ranges[i].inside < ranges[i].count)
                        return ranges[i].outside + (inside - ranges[i].inside);
        return -1;
}

bool idmap_is_inside(void) {
        autofree IdRange *ranges = NULL;
        size_t n;

        /* The first one's map is all ids but the last, which means none (user_namespaces(7)). */
        return idmap_read_own("uid_map", &ranges, &n) >= 0 &&
               !(n == 1 && ranges->inside == 0 && ranges->outside == 0 &&
                 ranges->count == UINT32_MAX);
}
