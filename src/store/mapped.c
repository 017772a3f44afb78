/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "kernel/overlay.h"
#include "store/flatten.h"
#include "store/layer.h"
#include "store/mapped.h"
#include "store/xattr.h"

#define KEY_LENGTH 16
#define DEPTH_MAX  1000
#define XATTRS_MAX (64u << 10) /* XATTR_LIST_MAX, linux/limits.h; also the largest value */

/* One inode that has several names, and the first of them. */
typedef struct Linked {
        dev_t device;
        ino_t inode;
        char *path;
} Linked;

typedef struct Mapper {
        const IdPlan *uids, *gids;
        int64_t no_uid, no_gid; /* who owns what belongs to nobody; -1: there is no such id */
        bool copies;            /* contents, too */
        int top;                /* the new tree */
        Str path;               /* of the present entry, with a slash before it; "" is the top */
        Linked *linked;
        size_t n_linked;
        char *names, *value; /* XATTRS_MAX each */
        Err *err;
} Mapper;

void mapped_layers_clear(MappedLayers *m) {
        free(m->tree);
        *m = (MappedLayers){};
}

static void mapper_clear(Mapper *m) {
        for (size_t i = 0; i < m->n_linked; i++)
                free(m->linked[i].path);
        free(m->linked);
        free(m->path.text);
        free(m->names);
        free(m->value);
        close_fd(m->top);
}

static const char *shown(const Mapper *m) {
        return m->path.length ? m->path.text : "/";
}

static int cannot(const Mapper *m, int code) {
        return fail(m->err, code, "cannot show '%s' with another owner", shown(m));
}

/* --- owners --- */

/* Somebody whom nobody inside is: the user himself, or the first of his ids that was not given. */
static int64_t stranger_to(const IdPlan *plan, const char *file) {
        autofree IdRange *own = NULL;
        size_t n = 0;

        if (idmap_read_own(file, &own, &n) < 0)
                return -1;
        for (size_t i = 0; i < n; i++)
                for (int64_t id = own[i].inside; id < own[i].inside + own[i].count;) {
                        int64_t used = idplan_run(plan, id);

                        if (used == 0)
                                return id;
                        id += used;
                }
        return -1;
}

static int owner_of(const Mapper *m, int64_t uid, int64_t gid, uid_t *ret_uid, gid_t *ret_gid) {
        int64_t user = idplan_outside(m->uids, uid), group = idplan_outside(m->gids, gid);

        user = user < 0 ? m->no_uid : user;
        group = group < 0 ? m->no_gid : group;
        if (user < 0 || group < 0)
                return refuse(m->err, EOVERFLOW,
                              "'%s' belongs to %lld:%lld, who has no id in this container",
                              shown(m), (long long) uid, (long long) gid);
        *ret_uid = (uid_t) user;
        *ret_gid = (gid_t) group;
        return 0;
}

/* The ids in an access control list: 4 bytes of version, then entries of tag, permissions (2 each)
 * and id (4), little endian (linux/posix_acl_xattr.h). */
static int map_acl(const Mapper *m, unsigned char *value, size_t size) {
        const uint16_t acl_user = 2, acl_group = 8;

        for (size_t at = 4; at + 8 <= size; at += 8) {
                uint16_t tag;
                uint32_t id;
                uid_t user;
                gid_t group;
                int r;

                memcpy(&tag, value + at, sizeof tag);
                memcpy(&id, value + at + 4, sizeof id);
                tag = le16toh(tag);
                if (tag != acl_user && tag != acl_group)
                        continue;
                r = owner_of(m, le32toh(id), le32toh(id), &user, &group);
                if (r < 0)
                        return r;
                id = htole32(tag == acl_user ? user : group);
                memcpy(value + at + 4, &id, sizeof id);
        }
        return 0;
}

/* --- one entry --- */

static int copy_attributes(const Mapper *m, int from, int to) {
        ssize_t n = flistxattr(from, m->names, XATTRS_MAX);

        if (n < 0)
                return errno == ENOTSUP ? 0 : cannot(m, errno);
        for (const char *name = m->names; name < m->names + n; name += strlen(name) + 1) {
                ssize_t size;
                int r = 0;

                if (!xattr_is_kept(name))
                        continue;
                size = fgetxattr(from, name, m->value, XATTRS_MAX);
                if (size < 0)
                        return cannot(m, errno);
                if (str_after(name, "system.posix_acl_"))
                        r = map_acl(m, (unsigned char *) m->value, (size_t) size);
                if (r < 0)
                        return r;
                if (fsetxattr(to, name, m->value, (size_t) size, 0) < 0 && errno != ENOTSUP)
                        return cannot(m, errno);
        }
        return 0;
}

/* Owner first: it takes set-id bits and capabilities away. */
static int finish(const Mapper *m, int from, int to, const struct stat *st) {
        const struct timespec times[] = { st->st_atim, st->st_mtim };
        uid_t user;
        gid_t group;
        int r = owner_of(m, st->st_uid, st->st_gid, &user, &group);

        if (r >= 0 && fchown(to, user, group) < 0)
                r = cannot(m, errno);
        if (r >= 0 && fchmod(to, st->st_mode & 07777) < 0)
                r = cannot(m, errno);
        if (r >= 0)
                r = copy_attributes(m, from, to);
        if (r >= 0 && futimens(to, times) < 0)
                r = cannot(m, errno);
        return r;
}

static int copy_contents(const Mapper *m, int from, int to) {
        for (;;) {
                ssize_t n = copy_file_range(from, NULL, to, NULL, SSIZE_MAX, 0);

                if (n == 0)
                        return 0;
                if (n > 0)
                        continue;
                if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP)
                        return cannot(m, errno);
                n = read(from, m->value, XATTRS_MAX);
                if (n <= 0)
                        return n < 0 ? cannot(m, errno) : 0;
                if (fd_write_all(to, m->value, (size_t) n) < 0)
                        return cannot(m, errno);
        }
}

static int map_file(const Mapper *m, int from_dir, int to_dir, const char *name,
                    const struct stat *st) {
        autoclose int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        autoclose int to =
                openat(to_dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        int r = 0;

        if (from < 0 || to < 0)
                return cannot(m, errno);
        if (m->copies)
                r = copy_contents(m, from, to);
        else if (st->st_size > 0 &&
                 (ftruncate(to, st->st_size) < 0 || fsetxattr(to, OVERLAY_METACOPY, "", 0, 0) < 0 ||
                  fsetxattr(to, OVERLAY_REDIRECT, m->path.text, m->path.length, 0) < 0))
                r = cannot(m, errno);
        return r < 0 ? r : finish(m, from, to, st);
}

static int map_other(const Mapper *m, int from_dir, int to_dir, const char *name,
                     const struct stat *st) {
        const struct timespec times[] = { st->st_atim, st->st_mtim };
        char target[PATH_MAX];
        uid_t user;
        gid_t group;
        ssize_t n;
        int r;

        if (S_ISLNK(st->st_mode)) {
                n = readlinkat(from_dir, name, target, sizeof target - 1);
                if (n < 0)
                        return cannot(m, errno);
                target[n] = 0;
                if (symlinkat(target, to_dir, name) < 0)
                        return cannot(m, errno);
        } else if (S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode)) {
                if (mknodat(to_dir, name, st->st_mode, 0) < 0)
                        return cannot(m, errno);
        } else
                return 0; /* devices: a user's layers have none but whiteouts */
        r = owner_of(m, st->st_uid, st->st_gid, &user, &group);
        if (r >= 0 && fchownat(to_dir, name, user, group, AT_SYMLINK_NOFOLLOW) < 0)
                r = cannot(m, errno);
        if (r >= 0 && !S_ISLNK(st->st_mode) && fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0)
                r = cannot(m, errno);
        if (r >= 0 && utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
                r = cannot(m, errno);
        return r;
}

/* Return: 1 if the inode has a name already, to which this one was linked. */
static int link_again(Mapper *m, int to_dir, const char *name, const struct stat *st) {
        Linked *more;

        if (st->st_nlink < 2)
                return 0;
        for (size_t i = 0; i < m->n_linked; i++)
                if (m->linked[i].inode == st->st_ino && m->linked[i].device == st->st_dev)
                        return linkat(m->top, m->linked[i].path + 1, to_dir, name, 0) < 0
                                       ? cannot(m, errno)
                                       : 1;
        more = realloc(m->linked, (m->n_linked + 1) * sizeof *more);
        if (!more)
                return cannot(m, -ENOMEM);
        m->linked = more;
        more[m->n_linked] = (Linked){ st->st_dev, st->st_ino, strdup(m->path.text) };
        return more[m->n_linked].path ? (m->n_linked++, 0) : cannot(m, -ENOMEM);
}

/* --- the tree --- */

static int map_directory(Mapper *m, int from, int to, const struct stat *st, int depth);

static int map_below(Mapper *m, int from_dir, int to_dir, const char *name, const struct stat *st,
                     int depth) {
        autoclose int from = openat(from_dir, name,
                                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                      to = -EBADF;

        if (from < 0 || mkdirat(to_dir, name, 0700) < 0)
                return cannot(m, errno);
        to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return to < 0 ? cannot(m, errno) : map_directory(m, from, to, st, depth + 1);
}

static int map_entry(Mapper *m, int from, int to, const char *name, int depth) {
        size_t length = m->path.length;
        struct stat st;
        int r;

        str_printf(&m->path, "/%s", name);
        if (m->path.failed)
                return cannot(m, -ENOMEM);
        if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return cannot(m, errno);
        if (S_ISDIR(st.st_mode))
                r = map_below(m, from, to, name, &st, depth);
        else {
                r = link_again(m, to, name, &st);
                if (r == 0)
                        r = S_ISREG(st.st_mode) ? map_file(m, from, to, name, &st)
                                                : map_other(m, from, to, name, &st);
        }
        m->path.length = length;
        m->path.text[length] = 0;
        return r;
}

static int map_directory(Mapper *m, int from, int to, const struct stat *st, int depth) {
        autostrv names = NULL;
        int r;

        if (depth > DEPTH_MAX)
                return refuse(m->err, ELOOP, "'%s' is nested too deeply", shown(m));
        r = dir_list(from, ".", &names);
        if (r < 0)
                return cannot(m, r);
        strv_foreach(name, names) {
                r = map_entry(m, from, to, *name, depth);
                if (r < 0)
                        return r;
        }
        return finish(m, from, to, st);
}

static int map_tree(char *const *lowers, const char *tree, const IdPlan *uids, const IdPlan *gids,
                    bool copies, Err *err) {
        autoclose int layers = flatten_open(lowers, err), from = -EBADF, to = -EBADF;
        __attribute__((__cleanup__(mapper_clear))) Mapper m = {
                .uids = uids,
                .gids = gids,
                .no_uid = stranger_to(uids, "uid_map"),
                .no_gid = stranger_to(gids, "gid_map"),
                .copies = copies,
                .top = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                .names = malloc(XATTRS_MAX),
                .value = malloc(XATTRS_MAX),
                .err = err,
        };
        struct stat st;

        if (layers < 0)
                return layers;
        str_put(&m.path, "");
        if (!m.names || !m.value || m.path.failed)
                return cannot(&m, -ENOMEM);
        to = fcntl(m.top, F_DUPFD_CLOEXEC, 0);
        from = openat(layers, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (m.top < 0 || to < 0 || from < 0 || fstat(from, &st) < 0)
                return cannot(&m, errno);
        return map_directory(&m, from, to, &st, 0);
}

/* --- its place --- */

/* "map-" or "copy-" and the key. */
static int name_of(const IdPlan *uids, const IdPlan *gids, bool copies, char **ret) {
        char digest[DIGEST_LENGTH + 1];
        autostr text = {};

        for (size_t i = 0; i < uids->n; i++)
                str_printf(&text, "u%lld:%lld:%lld\n", (long long) uids->ranges[i].inside,
                           (long long) uids->ranges[i].outside, (long long) uids->ranges[i].count);
        for (size_t i = 0; i < gids->n; i++)
                str_printf(&text, "g%lld:%lld:%lld\n", (long long) gids->ranges[i].inside,
                           (long long) gids->ranges[i].outside, (long long) gids->ranges[i].count);
        if (text.failed || !text.text)
                return -ENOMEM;
        digest_of(text.text, text.length, digest);
        *ret = str_format("%s-%.*s", copies ? "copy" : "map", KEY_LENGTH, digest_hex(digest));
        return *ret ? 0 : -ENOMEM;
}

/* Gives the tree of a draft its name; another command may have been quicker. */
static int place(const LayerDraft *draft, const char *tree, Err *err) {
        autoclose int layers = dir_open(draft->home->data_fd, "layers", 0700), lock = -EBADF;

        if (layers < 0 || syncfs(layers) < 0)
                return fail(err, layers < 0 ? layers : errno, "cannot sync '%s'", draft->diff);
        lock = lock_dir(layers, true);
        if (lock < 0)
                return fail(err, lock, "cannot lock '%s/layers'", draft->home->data);
        fault_point("mapped.synced");
        if (rename(draft->diff, tree) < 0 && errno != EEXIST && errno != ENOTEMPTY)
                return fail(err, errno, "cannot name '%s'", tree);
        return 0;
}

static int make(const Home *home, char *const *lowers, const char *layer, const IdPlan *uids,
                const IdPlan *gids, MappedLayers *ret, Err *err) {
        autoptr(LayerDraft) draft = NULL;
        autofree char *name = NULL;
        autoclose int probe = -EBADF;
        bool copies;
        int r;

        r = layer_draft(home, &draft, err);
        if (r < 0)
                return r;
        probe = open(draft->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (probe < 0)
                return fail(err, errno, "cannot open '%s'", draft->path);
        copies = fault_weakens("overlay-data") || !overlay_finds_contents(probe);
        if (copies)
                log_warn("the image is copied for these ids, once: its owners cannot be changed "
                         "otherwise before Linux 6.16");
        r = name_of(uids, gids, copies, &name);
        ret->tree = r < 0 ? NULL : str_format("%s/%s", layer, name);
        ret->data = !copies;
        if (!ret->tree)
                return fail(err, ENOMEM, "cannot show the image with other owners");
        r = map_tree(lowers, draft->diff, uids, gids, copies, err);
        return r < 0 ? r : place(draft, ret->tree, err);
}

int mapped_layers(const Home *home, char *const *lowers, const IdPlan *uids, const IdPlan *gids,
                  MappedLayers *ret, Err *err) {
        const char *end = lowers && lowers[0] ? strstr(lowers[0], "/diff") : NULL;
        autofree char *layer = end ? strndup(lowers[0], (size_t) (end - lowers[0])) : NULL;
        int r;

        *ret = (MappedLayers){};
        if (!layer || end[strlen("/diff")])
                return refuse(err, EINVAL,
                              "only an image can be shown with other owners, which "
                              "'%s' is not",
                              lowers && lowers[0] ? lowers[0] : "");
        for (int copies = 0; copies <= 1; copies++) {
                autofree char *name = NULL, *tree = NULL;

                if (name_of(uids, gids, copies, &name) < 0 ||
                    !(tree = str_format("%s/%s", layer, name)))
                        return fail(err, ENOMEM, "cannot show the image with other owners");
                if (access(tree, F_OK) == 0) {
                        *ret = (MappedLayers){ take_ptr(tree), !copies };
                        return 0;
                }
        }
        r = make(home, lowers, layer, uids, gids, ret, err);
        if (r < 0)
                mapped_layers_clear(ret);
        return r;
}
