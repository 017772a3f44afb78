/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/auto.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/resolve.h"
#include "kernel/resolve_walk.h"

#define LINKS_MAX 40 /* as the kernel's MAXSYMLINKS */
#define RACES_MAX 64

int resolve_open(int root, const char *path, int flags) {
        struct open_how how = {
                .flags = (unsigned) flags | O_CLOEXEC,
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
        };
        int found;

        if (fault_weakens("resolve")) {
                path += strspn(path, "/");
                found = openat(root, *path ? path : ".", flags | O_CLOEXEC);
                return found < 0 ? -errno : found;
        }
        /* EAGAIN: something was renamed while the kernel walked up through "..". */
        do
                found = (int) syscall(SYS_openat2, root, path, &how, sizeof how);
        while (found < 0 && (errno == EAGAIN || errno == EINTR));
        if (found >= 0 || (errno != ENOSYS && errno != EPERM))
                return found < 0 ? -errno : found;

        /* The call may be denied rather than the file: another way shows which. */
        for (int i = 0; i < RACES_MAX; i++) {
                found = resolve_walk(root, path, flags);
                if (found != -EAGAIN)
                        break;
        }
        return found;
}

static int make_one(int parent, const char *name, bool directory) {
        int made;

        if (directory)
                return mkdirat(parent, name, 0755) < 0 && errno != EEXIST ? -errno : 0;
        made = openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, 0644);
        if (made < 0)
                return errno == EEXIST ? 0 : -errno;
        close_fd(made);
        return 0;
}

/*
 * Makes the first missing component of path, or returns in *ret_path the path
 * to go on with if that component is a dangling link.
 */
static int make_first(int root, const char *path, bool directory, char **ret_path) {
        autofree char *parent_path = strdup("/");
        const char *rest = path;

        if (!parent_path)
                return -ENOMEM;
        for (;;) {
                autoclose int parent = -EBADF, there = -EBADF;
                autofree char *name = NULL, *next = NULL;
                char link[PATH_MAX];
                size_t length;
                ssize_t n;

                rest += strspn(rest, "/");
                if (!*rest)
                        return 0;
                length = strcspn(rest, "/");
                name = strndup(rest, length);
                next = name ? str_format("%s/%s", parent_path, name) : NULL;
                if (!next)
                        return -ENOMEM;
                rest += length;

                there = resolve_open(root, next, O_PATH);
                if (there >= 0 || (there != -ENOENT)) {
                        if (there < 0)
                                return there;
                        free(parent_path);
                        parent_path = take_ptr(next);
                        continue;
                }
                parent = resolve_open(root, parent_path, O_PATH | O_DIRECTORY);
                if (parent < 0)
                        return parent;
                n = readlinkat(parent, name, link, sizeof link - 1);
                if (n < 0)
                        return make_one(parent, name, directory || rest[strspn(rest, "/")]);
                link[n] = 0;
                *ret_path = str_format("%s/%s%s", *link == '/' ? "" : parent_path, link, rest);
                return *ret_path ? 0 : -ENOMEM;
        }
}

/* Opens the last component of a path in its directory, which is made where it is missing. */
static int place_itself(int root, const char *path, bool directory, bool *ret_there) {
        autofree char *parent_path = strdup(path);
        autoclose int parent = -EBADF;
        char *name;
        int r, place;

        if (!parent_path)
                return -ENOMEM;
        for (size_t n = strlen(parent_path); n > 1 && parent_path[n - 1] == '/';)
                parent_path[--n] = 0;
        name = strrchr(parent_path, '/');
        if (!name || !name[1])
                return -EINVAL;
        *name++ = 0;
        parent = resolve_make(root, *parent_path ? parent_path : "/", true);
        if (parent < 0)
                return parent;

        *ret_there = file_has_name(parent, name);
        r = *ret_there ? 0 : make_one(parent, name, directory);
        if (r < 0)
                return r;
        place = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        return place < 0 ? -errno : place;
}

int resolve_make(int root, const char *path, bool directory) {
        bool there;

        return resolve_place(root, path, directory, false, &there);
}

int resolve_place(int root, const char *path, bool directory, bool itself, bool *ret_there) {
        const int how = directory ? O_PATH | O_DIRECTORY : O_PATH;
        autofree char *now = NULL;
        struct stat st;

        if (itself)
                return place_itself(root, path, directory, ret_there);
        *ret_there = true;

        /* Each turn makes one component or follows one link. */
        for (int turns = 0; turns < PATH_MAX / 2 + LINKS_MAX; turns++) {
                autoclose int there = resolve_open(root, now ? now : path, how);
                autofree char *next = NULL;
                int r;

                if (there >= 0) {
                        if (!directory && fstat(there, &st) < 0)
                                return -errno;
                        return !directory && S_ISDIR(st.st_mode) ? -EISDIR : take_fd(there);
                }
                if (there != -ENOENT)
                        return there;
                *ret_there = false;
                r = make_first(root, now ? now : path, directory, &next);
                if (r < 0)
                        return r;
                if (next) {
                        free(now);
                        now = take_ptr(next);
                }
        }
        return -ELOOP;
}
