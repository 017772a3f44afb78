/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/resolve.h"
#include "store/inroot.h"

int inroot_clean(char *name) {
        char *out = name, *p = name;

        while (*p) {
                size_t n = strcspn(p, "/");

                if (n == 2 && p[0] == '.' && p[1] == '.')
                        return -EINVAL;
                if (n > 0 && !(n == 1 && p[0] == '.')) {
                        if (out != name)
                                *out++ = '/';
                        memmove(out, p, n);
                        out += n;
                }
                p += n;
                while (*p == '/')
                        p++;
        }
        *out = 0;
        return 0;
}

static void forget_parent(InRoot *t) {
        free(take_ptr(t->parent_path));
        t->parent = close_fd(t->parent);
}

void inroot_clear(InRoot *t) {
        forget_parent(t);
        for (size_t i = 0; i < t->n_dirs; i++)
                free(t->dirs[i].path);
        free(t->dirs);
        t->dirs = NULL;
        t->n_dirs = t->room = 0;
}

int inroot_give(InRoot *t, int parent, const char *name, uid_t uid, gid_t gid) {
        const int flags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;

        if (fchownat(parent, name, uid, gid, flags) == 0)
                return 0;
        if (errno != EINVAL) /* chown_common(), fs/open.c: an id without a mapping */
                return -errno;
        /* One of the two may be there. */
        if (fchownat(parent, name, uid, (gid_t) -1, flags) < 0)
                (void) !fchownat(parent, name, (uid_t) -1, gid, flags);
        t->strangers++;
        return 0;
}

/* Makes one directory, the parent of which is there. */
static int make_one(InRoot *t, const char *path, const InRootOwner *missing, mode_t mode) {
        autoclose int above = -EBADF, made = -EBADF;
        const char *slash = strrchr(path, '/');
        autofree char *parent = slash ? strndup(path, (size_t) (slash - path)) : strdup(".");
        const char *name = slash ? slash + 1 : path;

        if (!parent)
                return -ENOMEM;
        above = resolve_open(t->root, parent, O_PATH | O_DIRECTORY);
        if (above < 0)
                return above;
        if (mkdirat(above, name, 0700) < 0)
                return -errno;
        made = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (made < 0)
                return -errno;
        if (missing->uid || missing->gid) {
                int r = inroot_give(t, made, "", missing->uid, missing->gid);

                if (r < 0)
                        return r;
        }
        if (fchmod(made, mode) < 0)
                return -errno;
        return inroot_note_time(t, path, missing->mtime);
}

/* Opens the directory @path, making what is missing; @path may be "". */
static int open_dir(InRoot *t, const char *path, int flags, const InRootOwner *missing, mode_t mode,
                    Err *err) {
        int dir = resolve_open(t->root, *path ? path : ".", flags | O_DIRECTORY);
        autofree char *copy = NULL;
        int r = 0;

        if (dir >= 0)
                return dir;
        if (dir != -ENOENT)
                return fail(err, dir, "cannot open the directory '/%s'", path);

        copy = strdup(path);
        if (!copy)
                return fail(err, ENOMEM, "cannot make the directory '/%s'", path);
        for (char *p = copy; r == 0 && p;) {
                autoclose int there = -EBADF;

                p = strchr(p, '/');
                if (p)
                        *p = 0;
                there = resolve_open(t->root, copy, O_PATH | O_DIRECTORY);
                if (there == -ENOENT)
                        r = make_one(t, copy, missing, p ? 0755 : mode);
                else if (there < 0)
                        r = there;
                if (r == -EEXIST)
                        return refuse(err, ENOENT, "'/%s' is a link that leads nowhere", copy);
                if (r < 0)
                        return fail(err, r, "cannot make the directory '/%s'", copy);
                if (p)
                        *p++ = '/';
        }
        dir = resolve_open(t->root, path, flags | O_DIRECTORY);
        return dir < 0 ? fail(err, dir, "cannot open the directory '/%s'", path) : dir;
}

int inroot_parent(InRoot *t, const char *path, const InRootOwner *missing, const char **ret_name,
                  Err *err) {
        const char *slash = strrchr(path, '/');
        size_t n = slash ? (size_t) (slash - path) : 0;
        autofree char *parent = NULL;
        int dir;

        *ret_name = slash ? slash + 1 : path;
        if (t->parent_path && strncmp(t->parent_path, path, n) == 0 && !t->parent_path[n])
                return t->parent;

        parent = strndup(path, n);
        if (!parent)
                return fail(err, ENOMEM, "cannot make '/%s'", path);
        dir = open_dir(t, parent, O_PATH, missing, 0755, err);
        if (dir < 0)
                return dir;
        forget_parent(t);
        t->parent_path = take_ptr(parent);
        t->parent = dir;
        return dir;
}

int inroot_make_dir(InRoot *t, const char *path, const InRootOwner *missing, mode_t mode,
                    Err *err) {
        return open_dir(t, path, O_RDONLY, missing, mode, err);
}

int inroot_remove(InRoot *t, int parent, const char *name) {
        int r;

        if (unlinkat(parent, name, 0) == 0)
                return 0;
        if (errno != EISDIR)
                return -errno;
        r = tree_remove(parent, name);
        /* What is remembered may have been inside. */
        if (parent != t->parent)
                forget_parent(t);
        return r;
}

int inroot_note_time(InRoot *t, const char *path, struct timespec mtime) {
        char *copy = strdup(path);

        if (copy && t->n_dirs == t->room) {
                size_t room = t->room ? 2 * t->room : 64;
                InRootDir *dirs = reallocarray(t->dirs, room, sizeof *dirs);

                if (!dirs) {
                        free(copy);
                        copy = NULL;
                } else {
                        t->dirs = dirs;
                        t->room = room;
                }
        }
        if (!copy)
                return -ENOMEM;
        t->dirs[t->n_dirs++] = (InRootDir){ copy, mtime };
        return 0;
}

/* What has become something else since is left alone. */
int inroot_finish(InRoot *t, Err *err) {
        for (size_t i = 0; i < t->n_dirs; i++) {
                const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, t->dirs[i].mtime };
                const char *path = t->dirs[i].path;
                autoclose int dir =
                        resolve_open(t->root, *path ? path : ".", O_RDONLY | O_DIRECTORY);

                if (dir == -ENOENT || dir == -ENOTDIR || dir == -ELOOP)
                        continue;
                if (dir < 0)
                        return fail(err, dir, "cannot set the time of '/%s'", path);
                if (futimens(dir, times) < 0)
                        return fail(err, errno, "cannot set the time of '/%s'", path);
        }
        return 0;
}
