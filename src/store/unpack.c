/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/resolve.h"
#include "store/inroot.h"
#include "store/tar.h"
#include "store/unpack.h"
#include "store/xattr.h"

#define COPY_SIZE (256u << 10)
#define ID_MAX    65535 /* a container has 65536 ids */

typedef struct Unpack {
        InRoot tree;
        TarReader *reader;
        UnpackMode mode;
        int64_t max_bytes;
        TreeReport *report;
        char *buffer;
        char *name; /* of the present entry, clean */
        Err *err;
} Unpack;

static int cannot(const Unpack *u, int code, const char *what) {
        return fail(u->err, code, "cannot %s '/%s'", what, u->name);
}

static InRootOwner implied_by(const TarEntry *e) {
        return (InRootOwner){ .mtime = e->mtime };
}

static int set_owner(Unpack *u, int parent, const char *name, const TarEntry *e) {
        int r;

        if (e->uid == 0 && e->gid == 0)
                return 0;
        r = inroot_give(&u->tree, parent, name, (uid_t) e->uid, (gid_t) e->gid);
        return r < 0 ? cannot(u, r, "set the owner of") : 0;
}

static int set_time(Unpack *u, int parent, const char *name, const TarEntry *e) {
        const struct timespec times[2] = { e->mtime, e->mtime };

        if (utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
                return cannot(u, errno, "set the time of");
        return 0;
}

/* After the owner: chown(2) takes set-id bits and capabilities away. */
static int set_attributes(Unpack *u, int fd, const TarEntry *e) {
        if (fchmod(fd, e->mode) < 0)
                return cannot(u, errno, "set the mode of");
        for (size_t i = 0; i < e->n_xattrs; i++) {
                int r = xattr_set(fd, &e->xattrs[i]);

                if (r < 0)
                        return fail(u->err, r, "cannot set '%s' of '/%s'", e->xattrs[i].name,
                                    u->name);
                u->report->attributes += r == 0;
        }
        return 0;
}

static int copy_contents(Unpack *u, int file, const TarEntry *e) {
        for (int64_t left = e->size; left > 0;) {
                ssize_t n = tar_read(u->reader, u->buffer, COPY_SIZE, u->err);
                ssize_t done = 0;

                if (n < 0)
                        return (int) n;
                while (done < n) {
                        ssize_t w = write(file, u->buffer + done, (size_t) (n - done));

                        if (w < 0 && errno == EINTR)
                                continue;
                        if (w < 0)
                                return cannot(u, errno, "write");
                        done += w;
                }
                left -= n;
        }
        return 0;
}

static int count_bytes(Unpack *u, const TarEntry *e) {
        if (u->max_bytes && e->size > u->max_bytes - u->report->bytes)
                return err_hint(u->err,
                                refuse(u->err, EFBIG,
                                       "'/%s' of %lld bytes is more than there is room for",
                                       u->name, (long long) e->size),
                                "the archive's contents may take %lld bytes here",
                                (long long) u->max_bytes);
        u->report->bytes += e->size;
        return 0;
}

/* Makes the name free and tries again: what was there is never written through. */
static int open_new(Unpack *u, int parent, const char *name) {
        int file, r;

        file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (file >= 0 || errno != EEXIST)
                return file < 0 ? -errno : file;
        r = inroot_remove(&u->tree, parent, name);
        if (r < 0)
                return r;
        file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        return file < 0 ? -errno : file;
}

static int unpack_file(Unpack *u, int parent, const char *name, const TarEntry *e) {
        const struct timespec times[2] = { e->mtime, e->mtime };
        autoclose int file = -EBADF;
        int r;

        r = count_bytes(u, e);
        if (r < 0)
                return r;
        file = open_new(u, parent, name);
        if (file < 0)
                return cannot(u, file, "make");
        r = copy_contents(u, file, e);
        if (r < 0)
                return r;
        r = set_owner(u, file, "", e);
        if (r >= 0)
                r = set_attributes(u, file, e);
        if (r < 0)
                return r;
        return futimens(file, times) < 0 ? cannot(u, errno, "set the time of") : 0;
}

/* The overlay's own mark: nothing below this layer shows through the directory. */
static int make_opaque(int parent) {
        autoclose int dir = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return dir < 0 || fsetxattr(dir, XATTR_OPAQUE, "y", 1, 0) < 0 ? -errno : 0;
}

/* A directory stays what it is and only gets the entry's attributes; @name NULL for the root. */
static int unpack_directory(Unpack *u, int parent, const char *name, const TarEntry *e) {
        autoclose int dir = -EBADF;
        bool was_whiteout = false;
        int r = 0;

        if (name && mkdirat(parent, name, 0700) < 0) {
                struct stat st;

                if (errno != EEXIST || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        return cannot(u, errno, "make");
                if (!S_ISDIR(st.st_mode)) {
                        was_whiteout = S_ISCHR(st.st_mode) && st.st_rdev == 0;
                        r = inroot_remove(&u->tree, parent, name);
                        if (r >= 0 && mkdirat(parent, name, 0700) < 0)
                                r = -errno;
                }
        }
        if (r >= 0) {
                dir = openat(name ? parent : u->tree.root, name ? name : ".",
                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                r = dir < 0 ? -errno : 0;
        }
        if (r >= 0 && was_whiteout)
                r = make_opaque(dir);
        if (r < 0)
                return cannot(u, r, "make");
        r = inroot_give(&u->tree, dir, "", (uid_t) e->uid, (gid_t) e->gid);
        if (r < 0)
                return cannot(u, r, "set the owner of");
        r = set_attributes(u, dir, e);
        if (r < 0)
                return r;
        r = inroot_note_time(&u->tree, u->name, e->mtime);
        return r < 0 ? cannot(u, r, "make") : 0;
}

static int unpack_symlink(Unpack *u, int parent, const char *name, const TarEntry *e) {
        int r = 0;

        if (!*e->link)
                return refuse(u->err, EBADMSG, "the link '/%s' leads nowhere", u->name);
        if (symlinkat(e->link, parent, name) < 0)
                r = -errno;
        if (r == -EEXIST) {
                r = inroot_remove(&u->tree, parent, name);
                if (r >= 0 && symlinkat(e->link, parent, name) < 0)
                        r = -errno;
        }
        if (r < 0)
                return cannot(u, r, "make the link");
        r = set_owner(u, parent, name, e);
        return r < 0 ? r : set_time(u, parent, name, e);
}

/* The target is resolved like any name; the link is made to what it is, never to where it leads. */
static int unpack_hardlink(Unpack *u, int parent, const char *name, const TarEntry *e) {
        autofree char *target = strdup(e->link);
        autoclose int from = -EBADF;
        const char *slash, *last;
        int r;

        if (!target)
                return cannot(u, -ENOMEM, "make");
        if (inroot_clean(target) < 0 || !*target)
                return refuse(u->err, EINVAL, "'/%s' is a hard link to '%s', out of the tree",
                              u->name, e->link);
        if (str_equal(target, u->name))
                return 0;
        slash = strrchr(target, '/');
        last = slash ? slash + 1 : target;
        if (slash)
                target[slash - target] = 0;
        from = resolve_open(u->tree.root, slash ? target : ".", O_PATH | O_DIRECTORY);
        r = from < 0 ? from : linkat(from, last, parent, name, 0) < 0 ? -errno : 0;
        if (r == -EEXIST) {
                struct stat a, b;

                /* Two names of one file already: removing one would be all there is. */
                if (fstatat(from, last, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
                    fstatat(parent, name, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_ino == b.st_ino &&
                    a.st_dev == b.st_dev)
                        return 0;
                if (fstatat(from, last, &a, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(a.st_mode))
                        r = -EPERM;
                else
                        r = inroot_remove(&u->tree, parent, name);
                if (r >= 0 && linkat(from, last, parent, name, 0) < 0)
                        r = -errno;
        }
        if (r == -ENOENT || r == -ENOTDIR)
                return refuse(u->err, EBADMSG, "'/%s' is a hard link to '%s', which is not there",
                              u->name, e->link);
        if (r == -EPERM)
                return refuse(u->err, EINVAL, "'/%s' is a hard link to '%s', which cannot have one",
                              u->name, e->link);
        return r < 0 ? cannot(u, r, "make the link") : 0;
}

static int unpack_fifo(Unpack *u, int parent, const char *name, const TarEntry *e) {
        int r = 0;

        if (mknodat(parent, name, S_IFIFO | 0600, 0) < 0)
                r = -errno;
        if (r == -EEXIST) {
                r = inroot_remove(&u->tree, parent, name);
                if (r >= 0 && mknodat(parent, name, S_IFIFO | 0600, 0) < 0)
                        r = -errno;
        }
        if (r < 0)
                return cannot(u, r, "make");
        r = set_owner(u, parent, name, e);
        if (r < 0)
                return r;
        /* Just made by us, and nobody else writes here: it is no link to follow. */
        if (fchmodat(parent, name, e->mode, 0) < 0)
                return cannot(u, errno, "set the mode of");
        return set_time(u, parent, name, e);
}

/* With the archive's time, so that the layer's digest is the same again. */
static int make_whiteout(int parent, const char *name, const TarEntry *e) {
        const struct timespec times[2] = { e->mtime, e->mtime };

        if (mknodat(parent, name, S_IFCHR, makedev(0, 0)) < 0 ||
            utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return 0;
}

/* Several layers become one: what a whiteout hides goes, and it stays for what is below them all.
 */
static int unpack_whiteout_over(Unpack *u, int parent, const char *mark, const char *name,
                                const TarEntry *e) {
        autostrv names = NULL;
        int r;

        if (!str_equal(mark, WHITEOUT_OPAQUE)) {
                r = inroot_remove(&u->tree, parent, name);
                if (r >= 0 || r == -ENOENT)
                        r = make_whiteout(parent, name, e);
                return r < 0 ? cannot(u, r, "make the whiteout") : 0;
        }
        r = dir_list(parent, ".", &names);
        strv_foreach(below, names)
                if (r >= 0)
                        r = inroot_remove(&u->tree, parent, *below);
        if (r >= 0)
                r = make_opaque(parent);
        return r < 0 ? cannot(u, r, "make the whiteout") : 0;
}

/*
 * A whiteout hides what is below this layer; an entry of the same layer with that name stays,
 * in whatever order they come.
 */
static int unpack_whiteout(Unpack *u, int parent, const char *mark, const TarEntry *e) {
        const char *name = str_after(mark, WHITEOUT_PREFIX);
        struct stat st;
        int r = 0;

        if (u->mode == UNPACK_PLAIN)
                return refuse(u->err, EINVAL,
                              "'/%s': a layer cannot hold a name that begins with '.wh.'", u->name);
        if (!*name || str_equal(name, ".") || str_equal(name, ".."))
                return refuse(u->err, EINVAL, "'/%s' hides nothing: it is no valid whiteout",
                              u->name);
        if (u->mode == UNPACK_FLAT)
                return 0;
        if (u->mode == UNPACK_OVER)
                return unpack_whiteout_over(u, parent, mark, name, e);
        if (str_equal(mark, WHITEOUT_OPAQUE))
                r = make_opaque(parent);
        else if (str_after(mark, WHITEOUT_META))
                return 0; /* AUFS's own; image-spec layer.md */
        else
                r = make_whiteout(parent, name, e);
        /* A directory of this layer would merge with the one that is to be hidden. */
        if (r == -EEXIST && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(st.st_mode)) {
                autoclose int dir = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

                r = dir < 0 ? -errno : make_opaque(dir);
        }
        return r < 0 && r != -EEXIST ? cannot(u, r, "make the whiteout") : 0;
}

static int unpack_entry(Unpack *u, const TarEntry *e) {
        InRootOwner implied = implied_by(e);
        const char *name;
        int parent;

        if (!*u->name)
                return e->type == TAR_DIRECTORY
                               ? unpack_directory(u, -EBADF, NULL, e)
                               : refuse(u->err, EINVAL,
                                        "the archive's root at byte %lld is no directory",
                                        (long long) e->offset);
        parent = inroot_parent(&u->tree, u->name, &implied, &name, u->err);
        if (parent < 0)
                return parent;
        if (str_after(name, WHITEOUT_PREFIX))
                return unpack_whiteout(u, parent, name, e);

        switch (e->type) {
        case TAR_FILE:
                return unpack_file(u, parent, name, e);
        case TAR_DIRECTORY:
                return unpack_directory(u, parent, name, e);
        case TAR_SYMLINK:
                return unpack_symlink(u, parent, name, e);
        case TAR_HARDLINK:
                return unpack_hardlink(u, parent, name, e);
        case TAR_FIFO:
                return unpack_fifo(u, parent, name, e);
        default:
                u->report->devices++;
                return 0;
        }
}

static int next_entry(Unpack *u, const TarEntry *e) {
        free(u->name);
        u->name = strdup(e->name);
        if (!u->name)
                return fail(u->err, ENOMEM, "cannot unpack the archive");
        if (inroot_clean(u->name) < 0)
                return refuse(u->err, EINVAL, "'%s' at byte %lld leads out of the archive", e->name,
                              (long long) e->offset);
        if (e->uid > ID_MAX || e->gid > ID_MAX)
                return refuse(u->err, EINVAL,
                              "'/%s' belongs to %lld:%lld, but a container's ids end at %d",
                              u->name, (long long) e->uid, (long long) e->gid, ID_MAX);
        u->report->entries++;
        return unpack_entry(u, e);
}

int unpack_tar(int root, TarReader *reader, UnpackMode mode, int64_t max_bytes, TreeReport *ret,
               Err *err) {
        Unpack u = { .tree = { .root = root, .parent = -EBADF },
                     .reader = reader,
                     .mode = mode,
                     .max_bytes = max_bytes,
                     .report = ret,
                     .buffer = malloc(COPY_SIZE),
                     .err = err };
        const TarEntry *entry;
        int r;

        if (!u.buffer)
                return fail(err, ENOMEM, "cannot unpack the archive");
        while ((r = tar_next(reader, &entry, err)) > 0) {
                r = next_entry(&u, entry);
                if (r < 0)
                        break;
        }
        if (r >= 0)
                r = inroot_finish(&u.tree, err);
        u.report->strangers += u.tree.strangers;
        inroot_clear(&u.tree);
        free(u.buffer);
        free(u.name);
        return r;
}
