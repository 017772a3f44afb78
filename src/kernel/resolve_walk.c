/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/auto.h"
#include "base/str.h"
#include "kernel/resolve_walk.h"

#define LINKS_MAX      40 /* as the kernel's MAXSYMLINKS */
#define OPEN_COMPONENT (O_PATH | O_NOFOLLOW | O_CLOEXEC)

typedef struct Walk {
        int root;
        int at;       /* where it has come to */
        char **names; /* that lead from the root to it; none is a link */
        char *rest;   /* what is still to be walked */
        int links;
} Walk;

static void walk_clear(Walk *w) {
        close_fd(w->at);
        strv_free(w->names);
        free(w->rest);
}

static int to_root(Walk *w) {
        int root = openat(w->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (root < 0)
                return -errno;
        close_fd(w->at);
        w->at = root;
        w->names = strv_free(w->names);
        return 0;
}

static int up(Walk *w) {
        autoclose int at = openat(w->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        size_t n = strv_length(w->names);

        if (at < 0)
                return -errno;
        if (n > 0) {
                free(w->names[n - 1]);
                w->names[n - 1] = NULL;
        }
        strv_foreach(name, w->names) {
                int next = openat(at, *name, OPEN_COMPONENT | O_DIRECTORY);

                if (next < 0)
                        return errno == ENOENT || errno == ENOTDIR ? -EAGAIN : -errno;
                close_fd(at);
                at = next;
        }
        close_fd(w->at);
        w->at = take_fd(at);
        return 0;
}

/* Those of proc whose text is not what they lead to: "/root", "pipe:[4026]", "(unreachable)/x". */
static bool is_magic(int link, const char *text) {
        struct statfs fs;

        if (fstatfs(link, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
                return false;
        return *text == '/' || *text == '(' || strchr(text, ':');
}

/* Puts the link's text in front of the rest. */
static int follow(Walk *w, int link, const char *rest) {
        char text[PATH_MAX];
        ssize_t n;
        char *now;

        if (++w->links > LINKS_MAX)
                return -ELOOP;
        n = readlinkat(link, "", text, sizeof text - 1);
        if (n < 0)
                return -errno;
        if (n == 0)
                return -ENOENT;
        text[n] = 0;
        if (is_magic(link, text))
                return -ELOOP;
        now = str_format("%s%s", text, rest);
        if (!now)
                return -ENOMEM;
        free(w->rest);
        w->rest = now;
        return *now == '/' ? to_root(w) : 0;
}

/* Opens the end of the path, which was found to be no link or one that is not to be followed. */
static int finish(const Walk *w, const char *name, int *found, const struct stat *st, int flags) {
        int file;

        if (flags & O_DIRECTORY && !S_ISDIR(st->st_mode))
                return -ENOTDIR;
        if (flags & O_PATH)
                return take_fd(*found);
        if (S_ISLNK(st->st_mode))
                return -ELOOP;
        file = openat(w->at, name, flags | O_NOFOLLOW | O_CLOEXEC);
        if (file < 0)
                return errno == ELOOP ? -EAGAIN : -errno; /* it has become a link since */
        return file;
}

/* Takes one name of the rest; 1 if there is more to do, 0 with *ret set, negative errno. */
static int step(Walk *w, int flags, int *ret) {
        autoclose int next = -EBADF;
        autofree char *name = NULL;
        const char *start = w->rest + strspn(w->rest, "/"), *rest;
        size_t length = strcspn(start, "/");
        struct stat st;
        int r;

        if (length == 0) {
                *ret = openat(w->at, ".", flags | O_CLOEXEC);
                return *ret < 0 ? -errno : 0;
        }
        rest = start + length;
        name = strndup(start, length);
        if (!name)
                return -ENOMEM;

        if (!str_equal(name, ".") && !str_equal(name, "..")) {
                next = openat(w->at, name, OPEN_COMPONENT);
                if (next < 0 || fstat(next, &st) < 0)
                        return -errno;
                if (S_ISLNK(st.st_mode) && (*rest || !(flags & O_NOFOLLOW))) {
                        r = follow(w, next, rest);
                        return r < 0 ? r : 1;
                }
                if (!*rest) {
                        *ret = finish(w, name, &next, &st, flags);
                        return *ret < 0 ? *ret : 0;
                }
                if (!S_ISDIR(st.st_mode))
                        return -ENOTDIR;
                if (strv_add(&w->names, name) < 0)
                        return -ENOMEM;
                close_fd(w->at);
                w->at = take_fd(next);
        } else if (name[1]) {
                r = up(w);
                if (r < 0)
                        return r;
        }
        memmove(w->rest, rest, strlen(rest) + 1);
        return 1;
}

int resolve_walk(int root, const char *path, int flags) {
        __attribute__((__cleanup__(walk_clear))) Walk w = { .root = root, .at = -EBADF };
        int r, found = -EBADF;

        if (!*path)
                return -ENOENT;
        w.rest = strdup(path);
        if (!w.rest)
                return -ENOMEM;
        r = to_root(&w);
        if (r < 0)
                return r;
        do
                r = step(&w, flags, &found);
        while (r > 0);
        return r < 0 ? r : found;
}
