/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/resolve.h"
#include "store/copy.h"
#include "store/inroot.h"
#include "store/xattr.h"

#define COPY_SIZE  (256u << 10)
#define XATTRS_MAX (64u << 10)

typedef struct Copy {
        InRoot to;
        int source;
        const HelperRequest *request;
        const char *dest; /* clean */
        uid_t uid;
        gid_t gid;
        TreeReport *report;
        char *buffer;
        size_t n_matches;
        Err *err;
} Copy;

static InRootOwner made_by(const Copy *c, const struct stat *st) {
        return (InRootOwner){ c->uid, c->gid, st->st_mtim };
}

static uid_t uid_of(const Copy *c, const struct stat *st) {
        return c->request->keep_owners && !c->request->owner ? st->st_uid : c->uid;
}

static gid_t gid_of(const Copy *c, const struct stat *st) {
        return c->request->keep_owners && !c->request->owner ? st->st_gid : c->gid;
}

static mode_t mode_of(const Copy *c, const struct stat *st) {
        return c->request->mode >= 0 ? (mode_t) c->request->mode : st->st_mode & 07777;
}

static char *join(const char *a, const char *b) {
        return str_format("%s%s%s", a, *a && *b ? "/" : "", b);
}

static const char *last_part(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* Between file systems that cannot copy by themselves the bytes pass through here. */
static int copy_by_hand(Copy *c, int from, int to, const char *path) {
        for (;;) {
                ssize_t n = read(from, c->buffer, COPY_SIZE);
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return fail(c->err, errno, "cannot read the source of '/%s'", path);
                if (n == 0)
                        return 0;
                r = fd_write_all(to, c->buffer, (size_t) n);
                if (r < 0)
                        return fail(c->err, r, "cannot write '/%s'", path);
                c->report->bytes += n;
        }
}

static int copy_contents(Copy *c, int from, int to, const char *path) {
        for (;;) {
                ssize_t n = copy_file_range(from, NULL, to, NULL, 1u << 30, 0);

                if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP ||
                              errno == ENOSYS || errno == EPERM))
                        return copy_by_hand(c, from, to, path);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return fail(c->err, errno, "cannot write '/%s'", path);
                if (n == 0)
                        /* Also what a pseudo file system says of a file that has something. */
                        return copy_by_hand(c, from, to, path);
                c->report->bytes += n;
        }
}

static int copy_xattrs(Copy *c, int from, int to, const char *path) {
        autofree char *names = malloc(2 * XATTRS_MAX);
        char *value = names + XATTRS_MAX;
        ssize_t n;

        if (!names)
                return fail(c->err, ENOMEM, "cannot copy '/%s'", path);
        n = flistxattr(from, names, XATTRS_MAX);
        for (char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
                TarXattr x = { .name = p, .value = value };
                ssize_t size = xattr_is_kept(p) ? fgetxattr(from, p, value, XATTRS_MAX) : -1;
                int r;

                if (size < 0)
                        continue;
                x.size = (size_t) size;
                r = xattr_set(to, &x);
                if (r < 0)
                        return fail(c->err, r, "cannot set '%s' of '/%s'", p, path);
        }
        return 0;
}

static int settle(Copy *c, int from, int to, const struct stat *st, const char *path) {
        const struct timespec times[2] = { st->st_mtim, st->st_mtim };
        uid_t uid = uid_of(c, st);
        gid_t gid = gid_of(c, st);
        int r = 0;

        if ((uid || gid) && fchown(to, uid, gid) < 0)
                return fail(c->err, errno, "cannot set the owner of '/%s'", path);
        if (fchmod(to, mode_of(c, st)) < 0)
                return fail(c->err, errno, "cannot set the mode of '/%s'", path);
        if (c->request->keep_owners)
                r = copy_xattrs(c, from, to, path);
        if (r < 0)
                return r;
        return futimens(to, times) < 0 ? fail(c->err, errno, "cannot set the time of '/%s'", path)
                                       : 0;
}

/* Frees the name of what is no directory. */
static int make_room(Copy *c, int parent, const char *name, const char *path) {
        if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno == EISDIR)
                return refuse(c->err, EISDIR, "'/%s' is a directory, which a file cannot replace",
                              path);
        return fail(c->err, errno, "cannot replace '/%s'", path);
}

static int copy_file(Copy *c, int object, const struct stat *st, int parent, const char *name,
                     const char *path) {
        autoclose int to = -EBADF;
        int r;

        r = make_room(c, parent, name, path);
        if (r < 0)
                return r;
        to = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (to < 0)
                return fail(c->err, errno, "cannot make '/%s'", path);
        r = copy_contents(c, object, to, path);
        return r < 0 ? r : settle(c, object, to, st, path);
}

static int copy_symlink(Copy *c, const char *target, const struct stat *st, int parent,
                        const char *name, const char *path) {
        const struct timespec times[2] = { st->st_mtim, st->st_mtim };
        int r = make_room(c, parent, name, path);

        if (r < 0)
                return r;
        if (symlinkat(target, parent, name) < 0)
                return fail(c->err, errno, "cannot make the link '/%s'", path);
        if (fchownat(parent, name, uid_of(c, st), gid_of(c, st), AT_SYMLINK_NOFOLLOW) < 0 ||
            utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(c->err, errno, "cannot set the owner of '/%s'", path);
        return 0;
}

/* Pipes and sockets are names only; devices no user namespace makes, and a container has its own.
 */
static int copy_special(Copy *c, const struct stat *st, int parent, const char *name,
                        const char *path) {
        const struct timespec times[2] = { st->st_mtim, st->st_mtim };
        int r;

        if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
                c->report->devices++;
                return 0;
        }
        r = make_room(c, parent, name, path);
        if (r < 0)
                return r;
        if (mknodat(parent, name, (st->st_mode & S_IFMT) | 0600, 0) < 0)
                return fail(c->err, errno, "cannot make '/%s'", path);
        if (fchownat(parent, name, uid_of(c, st), gid_of(c, st), AT_SYMLINK_NOFOLLOW) < 0 ||
            fchmodat(parent, name, mode_of(c, st), 0) < 0 ||
            utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(c->err, errno, "cannot set the owner of '/%s'", path);
        return 0;
}

/* A directory, also one behind a link, is taken as it is. */
static int copy_directory(Copy *c, int object, const struct stat *st, const char *path) {
        InRootOwner owner = { uid_of(c, st), gid_of(c, st), st->st_mtim };
        autoclose int to = resolve_open(c->to.root, *path ? path : ".", O_PATH | O_DIRECTORY);

        if (to == -ENOTDIR)
                return refuse(c->err, ENOTDIR, "'/%s' is a file, which a directory cannot replace",
                              path);
        if (to >= 0)
                return 0;
        to = inroot_make_dir(&c->to, path, &owner, mode_of(c, st), c->err);
        if (to < 0)
                return to;
        return c->request->keep_owners ? copy_xattrs(c, object, to, path) : 0;
}

/* Opens a source entry: files and directories for reading, links only to be looked at. */
static int open_source(Copy *c, const char *from, bool follow, struct stat *ret) {
        autoclose int object = -EBADF;
        int kind = follow ? 0 : O_NOFOLLOW;

        object = resolve_open(c->source, *from ? from : ".", O_PATH | kind);
        if (object < 0)
                return object;
        if (fstat(object, ret) < 0)
                return -errno;
        /* Out of an image all kinds of files come, out of a build's directory none but these. */
        if (S_ISLNK(ret->st_mode) ||
            (c->request->keep_owners && !S_ISREG(ret->st_mode) && !S_ISDIR(ret->st_mode)))
                return take_fd(object);
        if (!S_ISREG(ret->st_mode) && !S_ISDIR(ret->st_mode))
                return -ENOTSUP;
        return resolve_open(c->source, *from ? from : ".", O_RDONLY | O_NONBLOCK | kind);
}

static int copy_entry(Copy *c, const char *from, int object, const struct stat *st,
                      const char *path) {
        InRootOwner owner = made_by(c, st);
        char target[4097];
        const char *name;
        ssize_t n;
        int parent;

        c->report->entries++;
        if (S_ISDIR(st->st_mode))
                return copy_directory(c, object, st, path);
        if (!*path)
                return refuse(c->err, EISDIR, "'%s' cannot replace the root directory", from);
        parent = inroot_parent(&c->to, path, &owner, &name, c->err);
        if (parent < 0)
                return parent;
        if (!S_ISLNK(st->st_mode) && !S_ISREG(st->st_mode))
                return copy_special(c, st, parent, name, path);
        if (!S_ISLNK(st->st_mode))
                return copy_file(c, object, st, parent, name, path);
        n = readlinkat(object, "", target, sizeof target - 1);
        if (n < 0)
                return fail(c->err, errno, "cannot read the link '%s'", from);
        target[n] = 0;
        return copy_symlink(c, target, st, parent, name, path);
}

static int source_failed(Copy *c, int r, const char *from) {
        if (r == -ENOENT)
                return refuse(c->err, r, "there is no '%s' to copy", from);
        if (r == -ENOTSUP)
                return refuse(c->err, r, "'%s' is neither a file, a directory nor a link", from);
        return fail(c->err, r, "cannot read '%s'", from);
}

static bool dest_is_dir(const Copy *c) {
        autoclose int there = -EBADF;

        if (c->request->dest_is_dir || c->n_matches > 1)
                return true;
        there = resolve_open(c->to.root, *c->dest ? c->dest : ".", O_PATH | O_DIRECTORY);
        return there >= 0;
}

/* Where a source given by name goes: into the destination if that is a directory. */
static char *named_target(const Copy *c, const char *from, const struct stat *st) {
        if (S_ISDIR(st->st_mode) || !dest_is_dir(c))
                return strdup(c->dest);
        return join(c->dest, last_part(from));
}

static int copy_item(Copy *c, const HelperItem *item) {
        autofree char *from = strdup(item->from), *to = strdup(item->to), *path = NULL;
        autoclose int object = -EBADF;
        struct stat st;

        if (!from || !to)
                return fail(c->err, ENOMEM, "cannot copy '%s'", item->from);
        if (inroot_clean(from) < 0 || inroot_clean(to) < 0)
                return refuse(c->err, EINVAL, "'%s' leads out of the directory", item->from);
        object = open_source(c, from, false, &st);
        if (object < 0)
                return source_failed(c, object, item->from);
        path = *to ? join(c->dest, to) : named_target(c, from, &st);
        if (!path)
                return fail(c->err, ENOMEM, "cannot copy '%s'", item->from);
        return copy_entry(c, from, object, &st, path);
}

static int copy_below(Copy *c, const char *from, int object, const char *path);

/* One entry and, if it is a directory, all below it. */
static int copy_whole(Copy *c, const char *from, bool follow, const char *path) {
        autoclose int object = -EBADF;
        struct stat st;
        int r;

        object = open_source(c, from, follow, &st);
        if (object == -ENOTSUP && !follow)
                return 0; /* sockets and devices inside a directory are left behind */
        if (object < 0)
                return source_failed(c, object, from);
        r = copy_entry(c, from, object, &st, path);
        return r < 0 || !S_ISDIR(st.st_mode) ? r : copy_below(c, from, object, path);
}

static int copy_below(Copy *c, const char *from, int object, const char *path) {
        autostrv names = NULL;
        int r;

        r = dir_list(object, ".", &names);
        if (r < 0)
                return fail(c->err, r, "cannot list '%s'", from);
        strv_foreach(name, names) {
                autofree char *below = join(from, *name), *target = join(path, *name);

                if (!below || !target)
                        return fail(c->err, ENOMEM, "cannot copy '%s'", from);
                r = copy_whole(c, below, false, target);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Adds every path in the source that fits @pattern, which is clean, to @ret. */
static int expand(Copy *c, const char *base, const char *pattern, char ***ret) {
        size_t n = strcspn(pattern, "/");
        autofree char *part = strndup(pattern, n);
        const char *rest = pattern[n] ? pattern + n + 1 : "";
        autoclose int dir = -EBADF;
        autostrv names = NULL;

        if (!part)
                return -ENOMEM;
        if (!strpbrk(part, "*?[")) {
                if (strv_add(&names, part) < 0)
                        return -ENOMEM;
        } else {
                dir = resolve_open(c->source, *base ? base : ".", O_RDONLY | O_DIRECTORY);
                if (dir >= 0 && dir_list(dir, ".", &names) < 0)
                        return -ENOMEM;
        }
        strv_foreach(name, names) {
                autofree char *path = join(base, *name);
                autoclose int there = -EBADF;
                int r;

                if (!path)
                        return -ENOMEM;
                if (strpbrk(part, "*?[") && !str_glob(part, *name))
                        continue;
                there = resolve_open(c->source, path, O_PATH);
                if (there < 0)
                        continue;
                r = *rest ? expand(c, path, rest, ret) : strv_add(ret, path);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int copy_patterns(Copy *c) {
        autostrv matches = NULL;
        int r;

        strv_foreach(p, c->request->patterns) {
                autofree char *pattern = strdup(*p);
                size_t before = strv_length(matches);

                if (!pattern || inroot_clean(pattern) < 0)
                        return refuse(c->err, EINVAL, "'%s' leads out of the tree", *p);
                r = *pattern ? expand(c, "", pattern, &matches) : strv_add(&matches, "");
                if (r < 0)
                        return fail(c->err, r, "cannot look for '%s'", *p);
                if (strv_length(matches) == before)
                        return refuse(c->err, ENOENT, "there is no '%s' to copy", *p);
        }
        c->n_matches = strv_length(matches);
        strv_foreach(match, matches) {
                autofree char *target = NULL;
                autoclose int object = -EBADF;
                struct stat st;

                object = open_source(c, *match, true, &st);
                if (object < 0)
                        return source_failed(c, object, *match);
                target = named_target(c, *match, &st);
                if (!target)
                        return fail(c->err, ENOMEM, "cannot copy '%s'", *match);
                r = copy_whole(c, *match, true, target);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int copy_all(Copy *c) {
        const HelperRequest *request = c->request;
        InRootOwner owner = { c->uid, c->gid, {} };
        int r = 0;

        if (request->dest_is_dir || (!request->patterns && request->n_items == 0)) {
                autoclose int made = -EBADF;

                (void) clock_gettime(CLOCK_REALTIME, &owner.mtime);
                made = inroot_make_dir(&c->to, c->dest, &owner, 0755, c->err);
                if (made < 0)
                        return made;
        }
        for (size_t i = 0; r >= 0 && i < request->n_items; i++)
                r = copy_item(c, &request->items[i]);
        return r < 0 ? r : copy_patterns(c);
}

int copy_files(int root, int source, const HelperRequest *request, TreeReport *ret, Err *err) {
        autofree char *dest = strdup(request->dest), *buffer = malloc(COPY_SIZE);
        Copy c = { .to = { .root = root, .parent = -EBADF },
                   .source = source,
                   .request = request,
                   .dest = dest,
                   .report = ret,
                   .buffer = buffer,
                   .err = err };
        int r = 0;

        if (!dest || !buffer)
                return fail(err, ENOMEM, "cannot copy files");
        if (inroot_clean(dest) < 0)
                return refuse(err, EINVAL, "the destination '%s' leads out of the tree",
                              request->dest);
        if (request->owner)
                r = owner_resolve(root, request->owner, &c.uid, &c.gid, err);
        if (r >= 0)
                r = copy_all(&c);
        if (r >= 0)
                inroot_finish(&c.to);
        inroot_clear(&c.to);
        return r;
}
