/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/digest.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/str.h"
#include "store/layout.h"
#include "transfer/ingest.h"

#define DIRECTORY  "ingest"
#define KEEP_S     (7 * 24 * 3600)
#define KEEP_ODD_S 3600 /* of one without a digest nobody can make use again */

/* Opens and locks it; -ESTALE if it was renamed or removed meanwhile. */
static int open_locked(const Home *home, const char *path, struct stat *ret) {
        autoclose int file =
                openat(home->data_fd, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        struct stat named;

        if (file < 0)
                return -errno;
        if (flock(file, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EAGAIN : -errno;
        if (fstat(file, ret) < 0)
                return -errno;
        if (fstatat(home->data_fd, path, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
            named.st_ino != ret->st_ino)
                return -ESTALE;
        return take_fd(file);
}

int ingest_open(const Home *home, const char *digest, int64_t *ret_have, char **ret_path,
                Err *err) {
        autofree char *path = NULL;
        char id[ID_LENGTH + 1];
        struct stat st;
        int r;

        id_new(id);
        path = digest ? str_format(DIRECTORY "/%s.part", digest_hex(digest))
                      : str_format(DIRECTORY "/new-%.16s.part", id);
        r = path ? dir_make(home->data_fd, DIRECTORY, 0700) : -ENOMEM;
        if (r < 0)
                return fail(err, r, "cannot begin a blob");
        do {
                r = open_locked(home, path, &st);
        } while (r == -ESTALE);
        if (r == -EAGAIN)
                return r;
        if (r < 0)
                return fail(err, r, "cannot open '%s/%s'", home->data, path);
        *ret_have = st.st_size;
        *ret_path = take_ptr(path);
        return r;
}

int ingest_keep(const Home *home, const char *path, const char *digest, Err *err) {
        autofree char *to = layout_blob_path(digest);
        int r = to ? dir_make(home->data_fd, "image-store/blobs/sha256", 0700) : -ENOMEM;

        fault_point("ingest.whole");
        if (r >= 0 && renameat(home->data_fd, path, home->data_fd, to) < 0)
                r = -errno;
        fault_point("ingest.kept");
        return r < 0 ? fail(err, r, "cannot keep the blob '%s'", digest) : 0;
}

void ingest_drop(const Home *home, const char *path) {
        (void) unlinkat(home->data_fd, path, 0);
}

void ingest_sweep(const Home *home) {
        autostrv names = NULL;
        time_t now = time(NULL);

        if (dir_list(home->data_fd, DIRECTORY, &names) < 0)
                return;
        strv_foreach(name, names) {
                autofree char *path = str_format(DIRECTORY "/%s", *name);
                autoclose int file =
                        path ? openat(home->data_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
                             : -EBADF;
                bool odd = str_after(*name, "new-");
                struct stat st;

                if (file < 0 || fstat(file, &st) < 0 ||
                    now - st.st_mtime < (odd ? KEEP_ODD_S : KEEP_S))
                        continue;
                if (flock(file, LOCK_EX | LOCK_NB) == 0)
                        (void) unlinkat(home->data_fd, path, 0);
        }
}
