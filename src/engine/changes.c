/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/changes.h"
#include "engine/userns.h"
#include "kernel/resolve.h"
#include "store/flatten.h"
#include "store/tar.h"

#define DEPTH_MAX 2000 /* directories in each other */

/* One container_changes() on its way. */
typedef struct Walk {
        Changes *changes;
        int below; /* the image's tree, or -EBADF without layers */
        Err *err;
} Walk;

void changes_clear(Changes *changes) {
        for (size_t i = 0; i < changes->n_list; i++)
                free(changes->list[i].path);
        free(changes->list);
        *changes = (Changes){};
}

static int note(Walk *w, ChangeKind kind, const char *path) {
        Change *change = json_grow(&w->changes->list, &w->changes->n_list, sizeof *change);

        if (!change || !(change->path = str_format("/%s", path)))
                return fail(w->err, ENOMEM, "cannot list the changes");
        change->kind = kind;
        return 0;
}

/* Whether the image has something of that name; links on the way are links in it. */
static bool was_there(const Walk *w, const char *path, struct stat *ret) {
        autoclose int there =
                w->below < 0 ? -EBADF : resolve_open(w->below, path, O_PATH | O_NOFOLLOW);

        return there >= 0 && fstat(there, ret) == 0;
}

/* What the runtime makes where the image lacks a place to mount on. */
static bool is_place(const char *path, const struct stat *st) {
        static const char *const places[] = { "proc",      "sys",          "dev",
                                              "etc/hosts", "etc/hostname", "etc/resolv.conf" };

        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
                if (str_equal(path, places[i]))
                        return S_ISDIR(st->st_mode) || st->st_size == 0;
        return false;
}

/* An opaque directory hides all that the image has there and that is not here again. */
static int note_hidden(Walk *w, int dir, const char *path) {
        autoclose int below =
                w->below < 0 ? -EBADF : resolve_open(w->below, path, O_RDONLY | O_DIRECTORY);
        autostrv names = NULL;
        char mark;
        int r = 0;

        if (below < 0 || fgetxattr(dir, XATTR_OPAQUE, &mark, 1) != 1 || mark != 'y' ||
            dir_list(below, ".", &names) < 0)
                return 0;
        strv_foreach(name, names) {
                autofree char *hidden = str_format("%s/%s", path, *name);

                if (file_has_name(dir, *name))
                        continue;
                r = hidden ? note(w, CHANGE_DELETED, hidden)
                           : fail(w->err, ENOMEM, "cannot list the changes");
                if (r < 0)
                        return r;
        }
        return 0;
}

static int walk(Walk *w, int dir, const char *path, int depth);

static int walk_entry(Walk *w, int dir, const char *name, const char *path, int depth) {
        autoclose int inner = -EBADF;
        struct stat st, before;
        bool there;
        int r;

        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : fail(w->err, errno, "cannot read '/%s'", path);
        if (S_ISCHR(st.st_mode) && st.st_rdev == 0)
                return note(w, CHANGE_DELETED, path);
        there = was_there(w, path, &before);
        if (!there && is_place(path, &st))
                return 0;
        r = note(w, there ? CHANGE_MODIFIED : CHANGE_ADDED, path);
        if (r < 0 || !S_ISDIR(st.st_mode))
                return r;
        inner = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner < 0)
                return errno == ENOENT ? 0 : fail(w->err, errno, "cannot read '/%s'", path);
        r = note_hidden(w, inner, path);
        return r < 0 ? r : walk(w, inner, path, depth + 1);
}

static int walk(Walk *w, int dir, const char *path, int depth) {
        autostrv names = NULL;
        int r;

        if (depth > DEPTH_MAX)
                return refuse(w->err, ELOOP, "'/%s' is nested too deeply", path);
        r = dir_list(dir, ".", &names);
        if (r < 0)
                return fail(w->err, r, "cannot read '/%s'", path);
        strv_foreach(name, names) {
                autofree char *below = *path ? str_format("%s/%s", path, *name) : strdup(*name);

                r = below ? walk_entry(w, dir, *name, below, depth)
                          : fail(w->err, ENOMEM, "cannot list the changes");
                if (r < 0)
                        return r;
        }
        return 0;
}

static int compare(const void *a, const void *b) {
        return strcmp(((const Change *) a)->path, ((const Change *) b)->path);
}

int container_changes(Container *c, Changes *ret, Err *err) {
        Walk w = { .changes = ret, .below = -EBADF, .err = err };
        autoclose int below = -EBADF, upper = -EBADF;
        int dir = container_dir(c), r;

        if (dir < 0)
                return fail(err, dir, "cannot open container '%s'", c->name);
        upper = openat(dir, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (upper < 0)
                return fail(err, errno, "cannot read what container '%s' has written", c->name);
        if (c->lowers) {
                below = flatten_open(c->lowers, err);
                if (below < 0)
                        return below;
                w.below = below;
        }
        r = walk(&w, upper, "", 0);
        if (r >= 0 && ret->n_list > 1)
                qsort(ret->list, ret->n_list, sizeof *ret->list, compare);
        return r;
}

int container_open_tree(Container *c, Err *err) {
        autofree char *upper = str_format("%s/containers/%s/upper", c->home->data, c->id);
        __attribute__((__cleanup__(mapped_layers_clear))) MappedLayers mapped = {};
        autostrv lowers = NULL;
        int r = userns_layers(c, &mapped, err);

        if (r < 0)
                return r;
        if (!upper || strv_add(&lowers, upper) < 0 ||
            (mapped.tree ? strv_add(&lowers, mapped.tree) : strv_extend(&lowers, c->lowers)) < 0)
                return fail(err, ENOMEM, "cannot read container '%s'", c->name);
        return flatten_open_with(lowers, mapped.data ? c->lowers : NULL, err);
}
