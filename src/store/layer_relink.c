/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A layer above another one than it was made above: the same files, by hard links. */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "store/layer_internal.h"

#define NAMES_MAX (64u << 10) /* listxattr(2): XATTR_LIST_MAX */
#define DEPTH_MAX 1000

/* One directory of the layer and the one that becomes like it. */
typedef struct Pair {
        int from, to;
} Pair;

static int copy_attribute(const Pair *p, const char *name) {
        autofree char *value = NULL;
        ssize_t n = fgetxattr(p->from, name, NULL, 0);

        if (n < 0)
                return -errno;
        value = malloc((size_t) n + 1);
        if (!value)
                return -ENOMEM;
        n = fgetxattr(p->from, name, value, (size_t) n);
        return n < 0 || fsetxattr(p->to, name, value, (size_t) n, 0) < 0 ? -errno : 0;
}

static int copy_attributes(const Pair *p) {
        ssize_t n = flistxattr(p->from, NULL, 0);
        autofree char *names = NULL;
        int r = 0;

        if (n <= 0)
                return n < 0 && errno != ENOTSUP ? -errno : 0;
        names = malloc(NAMES_MAX);
        if (!names)
                return -ENOMEM;
        n = flistxattr(p->from, names, NAMES_MAX);
        if (n < 0)
                return -errno;
        for (const char *name = names; r >= 0 && name < names + n; name += strlen(name) + 1)
                r = copy_attribute(p, name);
        return r;
}

/* Owner, then mode, which the owner's change may take bits of, and last the time. */
static int copy_directory(const Pair *p) {
        struct stat st;
        int r;

        if (fstat(p->from, &st) < 0 || fchown(p->to, st.st_uid, st.st_gid) < 0 ||
            fchmod(p->to, st.st_mode & 07777) < 0)
                return -errno;
        r = copy_attributes(p);
        if (r < 0)
                return r;
        return futimens(p->to, (const struct timespec[]){ st.st_atim, st.st_mtim }) < 0 ? -errno
                                                                                        : 0;
}

static int link_tree(const Pair *p, int depth);

static int link_directory(const Pair *above, const char *name, int depth) {
        const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        autoclose int from = openat(above->from, name, flags), to = -EBADF;

        if (from < 0 || mkdirat(above->to, name, 0700) < 0)
                return -errno;
        to = openat(above->to, name, flags);
        if (to < 0)
                return -errno;
        return depth < DEPTH_MAX ? link_tree(&(Pair){ from, to }, depth + 1) : -ELOOP;
}

static int link_tree(const Pair *p, int depth) {
        autostrv names = NULL;
        int r = dir_list(p->from, ".", &names);

        strv_foreach(name, names) {
                if (r < 0)
                        return r;
                if (linkat(p->from, *name, p->to, *name, 0) == 0)
                        continue;
                /* linkat(2): a directory cannot have a second name. */
                r = errno == EPERM ? link_directory(p, *name, depth) : -errno;
        }
        return r < 0 ? r : copy_directory(p);
}

int layer_relink(const Home *home, const Layer *layer, const char *parent, Layer **ret, Err *err) {
        autoptr(LayerDraft) draft = NULL;
        autoclose int from = -EBADF, to = -EBADF;
        char chain[DIGEST_LENGTH + 1];
        int r;

        layer_chain_id(parent, layer->diff_id, chain);
        if (layer_load(home, chain, ret, NULL) >= 0)
                return 0;
        r = layer_draft(home, &draft, err);
        if (r < 0)
                return r;
        from = open(layer->diff, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        to = from < 0 ? -1 : open(draft->diff, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (to < 0)
                return fail(err, errno, "cannot open the layer '%s'", layer->chain_id);
        r = link_tree(&(Pair){ from, to }, 0);
        if (r < 0)
                return fail(err, r, "cannot use the layer '%s' again", layer->chain_id);
        return layer_commit_same(draft, parent, layer, ret, err);
}
