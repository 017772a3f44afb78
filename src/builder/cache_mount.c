/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "builder/cache_mount.h"

#define MOUNTS_DIR  "build-cache/mounts"
#define ID_MAX      4096
#define PRIVATE_MAX 1000 /* builds at the same time */

void cache_mount_clear(CacheMount *c) {
        close_fd(c->lock);
        free(c->data);
        *c = (CacheMount){ .lock = -EBADF };
}

static int lock_how(int dir, int how) {
        while (flock(dir, how) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

/* Makes what is missing of one directory; the caller holds the lock of all. */
static int make_one(int mounts, const char *name, const RunMount *m, bool *ret_made) {
        autofree char *data = str_format("%s/data", name), *id = str_format("%s/id", name);
        autoclose int dir = -EBADF;
        int r;

        if (!data || !id)
                return -ENOMEM;
        *ret_made = !file_has_name(mounts, data);
        if (!*ret_made)
                return 0;
        r = dir_make(mounts, name, 0700);
        if (r >= 0)
                r = file_replace(mounts, id, m->id, strlen(m->id), 0600, false);
        if (r >= 0 && mkdirat(mounts, data, 0700) < 0)
                r = -errno;
        if (r < 0)
                return r;
        dir = openat(mounts, data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir < 0 || fchown(dir, (uid_t) m->uid, (gid_t) m->gid) < 0 || fchmod(dir, m->mode) < 0)
                return -errno;
        return 0;
}

/*
 * Opens and locks one directory.  Nobody removes it between the two: that, too, takes the lock of
 * all.
 *
 * Return: the lock; -EWOULDBLOCK if somebody has it and @how does not wait.
 */
static int take(int mounts, const char *name, const RunMount *m, int how, bool *ret_made) {
        autoclose int all = lock_dir(mounts, true), dir = -EBADF;
        int r = all < 0 ? all : make_one(mounts, name, m, ret_made);

        if (r < 0)
                return r;
        dir = openat(mounts, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir < 0)
                return -errno;
        r = lock_how(dir, how | LOCK_NB);
        if (r == -EWOULDBLOCK && !(how & LOCK_NB)) {
                all = close_fd(all);
                r = lock_how(dir, how);
        }
        if (r < 0)
                return r;
        (void) futimens(dir, NULL); /* when it was used last */
        return take_fd(dir);
}

static int take_private(int mounts, const char *hex, const RunMount *m, char **ret_name,
                        bool *ret_made) {
        for (int i = 0; i < PRIVATE_MAX; i++) {
                autofree char *name = i ? str_format("%s.%d", hex, i) : strdup(hex);
                int lock = name ? take(mounts, name, m, LOCK_EX | LOCK_NB, ret_made) : -ENOMEM;

                if (lock >= 0)
                        *ret_name = take_ptr(name);
                if (lock != -EWOULDBLOCK)
                        return lock;
        }
        return -EAGAIN;
}

int cache_mount_open(const Home *home, const RunMount *m, CacheMount *ret, Err *err) {
        autoclose int mounts = dir_open(home->data_fd, MOUNTS_DIR, 0700);
        autofree char *name = NULL;
        char digest[DIGEST_LENGTH + 1];
        int lock;

        if (mounts < 0)
                return fail(err, mounts, "cannot open '%s/" MOUNTS_DIR "'", home->data);
        if (strlen(m->id) > ID_MAX)
                return refuse(err, ENAMETOOLONG, "the cache's id is longer than %d bytes", ID_MAX);
        digest_of(m->id, strlen(m->id), digest);
        if (m->sharing == RUN_MOUNT_PRIVATE) {
                lock = take_private(mounts, digest_hex(digest), m, &name, &ret->made);
        } else {
                name = strdup(digest_hex(digest));
                lock = name ? take(mounts, name, m,
                                   m->sharing == RUN_MOUNT_LOCKED ? LOCK_EX : LOCK_SH, &ret->made)
                            : -ENOMEM;
        }
        if (lock < 0)
                return fail(err, lock, "cannot use the cache '%s'", m->id);
        ret->lock = lock;
        ret->data = str_format("%s/" MOUNTS_DIR "/%s/data", home->data, name);
        return ret->data ? 0 : fail(err, ENOMEM, "cannot use the cache '%s'", m->id);
}

void cache_mount_list_free(CacheMountInfo *list, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(list[i].id);
                free(list[i].name);
        }
        free(list);
}

static int describe(int mounts, const char *name, CacheMountInfo *ret) {
        autofree char *id = str_format("%s/id", name);
        struct stat st;

        if (!id || !(ret->name = strdup(name)))
                return -ENOMEM;
        if (file_read(mounts, id, ID_MAX, &ret->id, NULL) < 0 && !(ret->id = strdup("")))
                return -ENOMEM;
        if (fstatat(mounts, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        ret->used_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
        return tree_size(mounts, name, &ret->size);
}

int cache_mount_list(const Home *home, CacheMountInfo **ret, size_t *ret_n, Err *err) {
        autoclose int mounts =
                openat(home->data_fd, MOUNTS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CacheMountInfo *list = NULL;
        autostrv names = NULL;
        size_t n = 0;
        int r;

        r = mounts < 0 ? -errno : dir_list(mounts, ".", &names);
        if (r == -ENOENT)
                r = 0;
        for (char **name = names; r >= 0 && name && *name; name++) {
                CacheMountInfo *info = json_grow(&list, &n, sizeof *info);

                r = info ? describe(mounts, *name, info) : -ENOMEM;
        }
        if (r < 0) {
                cache_mount_list_free(list, n);
                return fail(err, r, "cannot list the caches of builds");
        }
        *ret = list;
        *ret_n = n;
        return 0;
}

int cache_mount_remove(const Home *home, const char *name, Err *err) {
        autoclose int mounts = dir_open(home->data_fd, MOUNTS_DIR, 0700), all = -EBADF,
                      dir = -EBADF;
        int r;

        if (mounts < 0)
                return fail(err, mounts, "cannot open '%s/" MOUNTS_DIR "'", home->data);
        all = lock_dir(mounts, true);
        dir = openat(mounts, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir < 0)
                return errno == ENOENT ? 1 : fail(err, errno, "cannot remove a cache");
        r = lock_how(dir, LOCK_EX | LOCK_NB);
        if (r == -EWOULDBLOCK)
                return 0;
        r = tree_remove(mounts, name);
        return r < 0 ? fail(err, r, "cannot remove a cache") : 1;
}
