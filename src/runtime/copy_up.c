/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/str.h"
#include "runtime/copy_up.h"

#define DEPTH_MAX 64
#define PIECE     (1u << 20)

static int copy_directory(int from, int to, int depth);

static int copy_attributes(int to, const struct stat *st) {
        const struct timespec times[] = { st->st_atim, st->st_mtim };

        if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0 ||
            futimens(to, times) < 0)
                return -errno;
        return 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st) {
        autoclose int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        autoclose int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        ssize_t n;

        if (from < 0 || to < 0)
                return -errno;
        do
                n = sendfile(to, from, NULL, PIECE);
        while (n > 0 || (n < 0 && errno == EINTR));
        return n < 0 ? -errno : copy_attributes(to, st);
}

static int copy_link(int from, int to, const char *name, const struct stat *st) {
        char target[PATH_MAX];
        ssize_t n = readlinkat(from, name, target, sizeof target - 1);

        if (n < 0)
                return -errno;
        target[n] = 0;
        if (symlinkat(target, to, name) < 0 ||
            fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return 0;
}

static int copy_entry(int from, int to, const char *name, int depth) {
        autoclose int below_from = -EBADF, below_to = -EBADF;
        struct stat st;
        int r;

        if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISREG(st.st_mode))
                return copy_file(from, to, name, &st);
        if (S_ISLNK(st.st_mode))
                return copy_link(from, to, name, &st);
        if (!S_ISDIR(st.st_mode))
                return 0;

        below_from = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below_from < 0 || mkdirat(to, name, 0700) < 0)
                return -errno;
        below_to = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below_to < 0)
                return -errno;
        r = copy_directory(below_from, below_to, depth + 1);
        return r < 0 ? r : copy_attributes(below_to, &st);
}

static int copy_directory(int from, int to, int depth) {
        autoclose int listed = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct dirent *entry;
        DIR *directory;
        int r = 0;

        if (depth > DEPTH_MAX)
                return -ELOOP;
        directory = listed < 0 ? NULL : fdopendir(listed);
        if (!directory)
                return -errno;
        listed = -EBADF;
        while (r >= 0 && (errno = 0, entry = readdir(directory)))
                if (!str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
                        r = copy_entry(from, to, entry->d_name, depth);
        if (r >= 0 && errno)
                r = -errno;
        closedir(directory);
        return r;
}

int copy_up(int from, int to, Err *err) {
        int r = copy_directory(from, to, 0);

        return r < 0 ? fail(err, r, "cannot copy what is there") : 0;
}

/* 1 if a directory has no entries, 0 if it has, negative errno. */
static int is_empty(int directory) {
        autoclose int listed = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct dirent *entry;
        int n = 0;
        DIR *d;

        d = listed < 0 ? NULL : fdopendir(listed);
        if (!d)
                return -errno;
        listed = -EBADF;
        while (n <= 2 && (entry = readdir(d)))
                n++;
        closedir(d);
        return n <= 2;
}

int copy_up_if_empty(int from, int to, Err *err) {
        autoclose int directory = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat st;
        int r;

        r = directory < 0 ? -errno : is_empty(directory);
        if (r == 0)
                return 0;
        if (r > 0)
                r = copy_directory(from, directory, 0);
        if (r >= 0)
                r = fstatat(from, "", &st, AT_EMPTY_PATH) < 0 ? -errno
                                                              : copy_attributes(directory, &st);
        return r < 0 ? fail(err, r, "cannot copy what is there") : 0;
}
