/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "store/layout.h"

#define BLOB_MAX  (4u << 20) /* of a manifest or config; the distribution-spec's limit */
#define READ_SIZE (256u << 10)

static const char layout_text[] = "{\"imageLayoutVersion\":\"1.0.0\"}";

int layout_lock(const Home *home, bool wait, Err *err) {
        autoclose int dir = dir_open(home->data_fd, "image-store", 0700), lock = -EBADF;
        int r;

        if (dir < 0)
                return fail(err, dir, "cannot open '%s/image-store'", home->data);
        lock = lock_dir(dir, wait);
        if (lock < 0)
                return fail(err, lock, "cannot lock '%s/image-store'", home->data);
        if (file_access(dir, "oci-layout", F_OK) == 0)
                return take_fd(lock);

        r = dir_make(dir, "blobs/sha256", 0700);
        if (r >= 0)
                r = file_replace(dir, "oci-layout", layout_text, strlen(layout_text), 0600, true);
        if (r < 0)
                return fail(err, r, "cannot make the image store '%s/image-store'", home->data);
        return take_fd(lock);
}

int layout_load_index(const Home *home, OciIndex *ret, Err *err) {
        autoerr ignored = {};
        int r;

        r = json_load(&oci_index_type, home->data_fd, "image-store/index.json", ret, &ignored);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return refuse(err, r, "the image store is damaged: %s", ignored.message);
        return 0;
}

int layout_save_index(const Home *home, const OciIndex *index, Err *err) {
        OciIndex copy = *index;

        copy.schema_version = 2;
        copy.media_type = (char *) OCI_MEDIA_INDEX;
        return json_save(&oci_index_type, home->data_fd, "image-store/index.json", &copy, true,
                         err);
}

char *layout_blob_path(const char *digest) {
        return str_format("image-store/blobs/sha256/%s", digest_hex(digest));
}

int layout_put_blob(const Home *home, const char *bytes, size_t size, const char *digest,
                    Err *err) {
        autofree char *path = layout_blob_path(digest);
        int r;

        if (!path)
                return fail(err, ENOMEM, "cannot write a blob");
        r = file_replace(home->data_fd, path, bytes, size, 0600, false);
        return r < 0 ? fail(err, r, "cannot write '%s/%s'", home->data, path) : 0;
}

int layout_read_blob(const Home *home, const char *digest, char **ret, size_t *ret_size, Err *err) {
        autofree char *path = NULL, *text = NULL;
        char found[DIGEST_LENGTH + 1];
        size_t size;
        int r;

        if (!digest_is_valid(digest))
                return refuse(err, EINVAL, "'%s' is no digest that isola knows", digest);
        path = layout_blob_path(digest);
        if (!path)
                return fail(err, ENOMEM, "cannot read a blob");
        r = file_read(home->data_fd, path, BLOB_MAX, &text, &size);
        if (r < 0)
                return fail(err, r, "cannot read '%s/%s'", home->data, path);
        digest_of(text, size, found);
        if (!str_equal(found, digest))
                return refuse(err, EBADMSG, "'%s/%s' is damaged: its digest is %s", home->data,
                              path, found);
        *ret = take_ptr(text);
        *ret_size = size;
        return 0;
}

int layout_hash_blob(const Home *home, const char *digest, char ret[DIGEST_LENGTH + 1]) {
        autofree char *path = layout_blob_path(digest), *buffer = malloc(READ_SIZE);
        autoclose int file = -EBADF;
        Digest hash;
        ssize_t n;

        if (!path || !buffer)
                return -ENOMEM;
        file = openat(home->data_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (file < 0)
                return -errno;
        digest_begin(&hash);
        while ((n = read(file, buffer, READ_SIZE)) > 0)
                digest_add(&hash, buffer, (size_t) n);
        if (n < 0)
                return -errno;
        digest_end(&hash, ret);
        return 0;
}

void layout_remove_blob(const Home *home, const char *digest) {
        autofree char *path = layout_blob_path(digest);

        if (path)
                (void) unlinkat(home->data_fd, path, 0);
}

const char *descriptor_name(const OciDescriptor *d) {
        return strv_env_get(d->annotations, OCI_REF_NAME);
}

OciDescriptor *layout_find_name(const OciIndex *index, const char *name) {
        for (size_t i = 0; i < index->n_manifests; i++)
                if (str_equal(descriptor_name(&index->manifests[i]), name))
                        return &index->manifests[i];
        return NULL;
}

int layout_repo_digests(const OciDescriptor *d, char ***ret) {
        const char *said = strv_env_get(d->annotations, LAYOUT_REPO_DIGESTS);

        return said ? strv_split(said, " ", true, ret) : 0;
}

bool layout_has_blob(const Home *home, const char *digest) {
        autofree char *path = digest_is_valid(digest) ? layout_blob_path(digest) : NULL;

        return path && file_access(home->data_fd, path, F_OK) >= 0;
}

int64_t layout_blob_size(const Home *home, const char *digest) {
        autofree char *path = digest_is_valid(digest) ? layout_blob_path(digest) : NULL;
        struct stat st;

        if (!path)
                return -EINVAL;
        return fstatat(home->data_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : st.st_size;
}
