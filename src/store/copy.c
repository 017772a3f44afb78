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
#include "store/filemode.h"
#include "store/ignore.h"
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
        char **matches;  /* of the patterns, below the source */
        char **targets;  /* with parents: where each goes, below the destination */
        Ignore *exclude; /* or NULL */
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
        mode_t mode = st->st_mode & 07777;

        if (c->request->mode)
                (void) file_mode_apply(c->request->mode, mode, S_ISDIR(st->st_mode), &mode);
        return mode;
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

        if (uid || gid)
                r = inroot_give(&c->to, to, "", uid, gid);
        if (r < 0)
                return fail(c->err, r, "cannot set the owner of '/%s'", path);
        if (fchmod(to, mode_of(c, st)) < 0)
                return fail(c->err, errno, "cannot set the mode of '/%s'", path);
        if (c->request->keep_owners && from >= 0)
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
        if (inroot_give(&c->to, parent, name, uid_of(c, st), gid_of(c, st)) < 0 ||
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
        if (inroot_give(&c->to, parent, name, uid_of(c, st), gid_of(c, st)) < 0 ||
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

        if (c->request->dest_is_dir || strv_length(c->matches) > 1)
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

/* A file that is nowhere yet. */
static int write_item(Copy *c, const HelperItem *item) {
        struct stat st = { .st_mode = S_IFREG | 0644 };
        autofree char *to = strdup(item->to), *path = NULL;
        autoclose int file = -EBADF;
        InRootOwner owner;
        const char *name;
        int r, parent;

        (void) clock_gettime(CLOCK_REALTIME, &st.st_mtim);
        owner = made_by(c, &st);
        if (!to)
                return fail(c->err, ENOMEM, "cannot write '%s'", item->from);
        if (inroot_clean(to) < 0 || strchr(item->from, '/'))
                return refuse(c->err, EINVAL, "'%s' leads out of the directory", item->from);
        path = *to ? join(c->dest, to) : named_target(c, item->from, &st);
        if (!path)
                return fail(c->err, ENOMEM, "cannot write '%s'", item->from);
        if (!*path)
                return refuse(c->err, EISDIR, "'%s' cannot replace the root directory", item->from);
        parent = inroot_parent(&c->to, path, &owner, &name, c->err);
        if (parent < 0)
                return parent;
        r = make_room(c, parent, name, path);
        if (r < 0)
                return r;
        c->report->entries++;
        file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        r = file < 0 ? -errno : fd_write_all(file, item->content, strlen(item->content));
        if (r < 0)
                return fail(c->err, r, "cannot write '/%s'", path);
        return settle(c, -EBADF, file, &st, path);
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

static int copy_below(Copy *c, const char *from, int object, const char *path, const char *rest);

/*
 * One entry and, if it is a directory, all below it.  @rest: its path as excluding patterns see it;
 * what they leave out may still hold something that they take back in.
 */
static int copy_whole(Copy *c, const char *from, bool follow, const char *path, const char *rest) {
        bool left_out = *rest && ignore_matches(c->exclude, rest);
        autoclose int object = -EBADF;
        struct stat st;
        int r = 0;

        if (left_out && !ignore_looks_below(c->exclude, rest))
                return 0;
        object = open_source(c, from, follow, &st);
        if (object == -ENOTSUP && !follow)
                return 0; /* sockets and devices inside a directory are left behind */
        if (object < 0)
                return source_failed(c, object, from);
        if (!left_out)
                r = copy_entry(c, from, object, &st, path);
        return r < 0 || !S_ISDIR(st.st_mode) ? r : copy_below(c, from, object, path, rest);
}

static int copy_below(Copy *c, const char *from, int object, const char *path, const char *rest) {
        autostrv names = NULL;
        int r;

        r = dir_list(object, ".", &names);
        if (r < 0)
                return fail(c->err, r, "cannot list '%s'", from);
        strv_foreach(name, names) {
                autofree char *below = join(from, *name), *target = join(path, *name);
                autofree char *further = join(rest, *name);

                if (!below || !target || !further)
                        return fail(c->err, ENOMEM, "cannot copy '%s'", from);
                r = copy_whole(c, below, false, target, further);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int expand(Copy *c, const char *base, const char *pattern, char ***ret);

/* "**": what follows it here, and at every depth below. */
static int expand_deep(Copy *c, const char *base, const char *rest, char ***ret) {
        autoclose int dir =
                resolve_open(c->source, *base ? base : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        autostrv names = NULL;
        int r;

        if (dir < 0)
                return 0;
        if (!*rest)
                return strv_add(ret, base);
        r = expand(c, base, rest, ret);
        if (r >= 0)
                r = dir_list(dir, ".", &names);
        strv_foreach(name, names) {
                autofree char *path = join(base, *name);

                if (r >= 0)
                        r = path ? expand_deep(c, path, rest, ret) : -ENOMEM;
        }
        return r;
}

/* Adds every path in the source that fits @pattern, which is clean, to @ret. */
static int expand(Copy *c, const char *base, const char *pattern, char ***ret) {
        size_t n = strcspn(pattern, "/");
        autofree char *part = strndup(pattern, n);
        const char *rest = pattern[n] ? pattern + n + 1 : "";
        bool wild = part && pattern_has_wildcard(part);
        autoclose int dir = -EBADF;
        autostrv names = NULL;

        if (!part)
                return -ENOMEM;
        if (c->request->parents && str_equal(part, "**"))
                return expand_deep(c, base, rest, ret);
        if (!wild) {
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
                if (wild && !pattern_matches(part, *name))
                        continue;
                there = resolve_open(c->source, path, O_PATH);
                if (there < 0)
                        continue;
                if (!*rest)
                        r = strv_has(*ret, path) ? 0 : strv_add(ret, path);
                else
                        r = expand(c, path, rest, ret);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The paths that one pattern stands for; with parents also what of them counts. */
static int find_matches(Copy *c, const char *p) {
        const char *pivot = c->request->parents ? strstr(p, "/./") : NULL;
        autofree char *pattern = strdup(p);
        autofree char *base = pivot ? strndup(p, (size_t) (pivot - p)) : strdup("");
        size_t before = strv_length(c->matches);
        int r;

        if (!pattern || !base)
                return fail(c->err, ENOMEM, "cannot look for '%s'", p);
        if (inroot_clean(pattern) < 0 || inroot_clean(base) < 0)
                return refuse(c->err, EINVAL, "'%s' leads out of the tree", p);
        r = *pattern ? expand(c, "", pattern, &c->matches) : strv_add(&c->matches, "");
        if (r < 0)
                return fail(c->err, r, "cannot look for '%s'", p);
        if (strv_length(c->matches) == before && !pattern_has_wildcard(p))
                return refuse(c->err, ENOENT, "there is no '%s' to copy", p);
        for (size_t i = before; c->matches && c->matches[i]; i++) {
                const char *rest = str_after(c->matches[i], base);

                rest = rest ? rest + strspn(rest, "/") : c->matches[i];
                if (strv_add(&c->targets, rest) < 0)
                        return fail(c->err, ENOMEM, "cannot look for '%s'", p);
        }
        return 0;
}

/* --parents: the directories on the way are made as they are in the source. */
static int copy_parents(Copy *c, const char *match, const char *target) {
        size_t skipped = strlen(match) - strlen(target);

        for (const char *slash = strchr(target, '/'); slash; slash = strchr(slash + 1, '/')) {
                autofree char *from = strndup(match, skipped + (size_t) (slash - target));
                autofree char *part = strndup(target, (size_t) (slash - target));
                autofree char *to = part ? join(c->dest, part) : NULL;
                autoclose int object = -EBADF;
                struct stat st;
                int r;

                if (!from || !to)
                        return fail(c->err, ENOMEM, "cannot copy '%s'", match);
                object = open_source(c, from, true, &st);
                r = object < 0 ? source_failed(c, object, from)
                               : copy_directory(c, object, &st, to);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int copy_match(Copy *c, const char *match, const char *target) {
        bool parents = c->request->parents;
        autofree char *path = NULL;
        autoclose int object = -EBADF;
        struct stat st;
        int r;

        object = open_source(c, match, !parents, &st);
        if (object < 0)
                return source_failed(c, object, match);
        path = parents ? join(c->dest, target) : named_target(c, match, &st);
        if (!path)
                return fail(c->err, ENOMEM, "cannot copy '%s'", match);
        if (parents) {
                if (ignore_matches(c->exclude, target) && !S_ISDIR(st.st_mode))
                        return 0;
                r = copy_parents(c, match, target);
                return r < 0 ? r : copy_whole(c, match, false, path, target);
        }
        return copy_whole(c, match, true, path, S_ISDIR(st.st_mode) ? "" : last_part(match));
}

static int copy_patterns(Copy *c) {
        int r = 0;

        strv_foreach(p, c->request->patterns) {
                r = find_matches(c, *p);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; r >= 0 && c->matches && c->matches[i]; i++)
                r = copy_match(c, c->matches[i], c->targets[i]);
        return r;
}

static int read_exclude(Copy *c) {
        autofree char *text = strv_join(c->request->exclude, "\n");

        if (!c->request->exclude)
                return 0;
        return text ? ignore_parse(text, "--exclude", &c->exclude, c->err)
                    : fail(c->err, ENOMEM, "cannot copy files");
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
                r = request->items[i].content ? write_item(c, &request->items[i])
                                              : copy_item(c, &request->items[i]);
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
        /* A working directory of somebody whom the image does not know (yet) is root's. */
        if (r == -ENOENT && !request->patterns && request->n_items == 0) {
                err_clear(err);
                r = 0;
        }
        if (r >= 0)
                r = read_exclude(&c);
        if (r >= 0)
                r = copy_all(&c);
        if (r >= 0)
                r = inroot_finish(&c.to, err);
        ret->strangers = c.to.strangers;
        inroot_clear(&c.to);
        strv_free(c.matches);
        strv_free(c.targets);
        ignore_free(c.exclude);
        return r;
}
