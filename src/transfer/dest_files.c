/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "oci/reference.h"
#include "store/tar_write.h"
#include "transfer/dest_internal.h"

#define PIECE_SIZE      (1u << 20)
#define CONTAINERD_NAME "io.containerd.image.name"
#define LAYOUT_TEXT     "{\"imageLayoutVersion\":\"1.0.0\"}"
#define BLOB_DIR        "blobs/sha256"
#define FLAT_TEXT       "Directory Transport Version: 1.1\n"

/* An OCI layout: a directory, or a tar that holds manifest.json for `docker load` as well; or a
 * flat directory, where blobs are called by their digests' digits (skopeo's "dir:"). */
typedef struct FilesDest {
        Dest dest;
        int dir, archive; /* one of them; the archive is the caller's */
        bool flat;        /* the directory is skopeo's "dir:" */
        char **written;   /* digests in the archive */
        OciIndex index;
        struct DockerList {
                DockerImage *images;
                size_t n_images;
        } docker;
} FilesDest;

static void clear(Dest *dest) {
        FilesDest *d = (FilesDest *) dest;

        close_fd(d->dir);
        strv_free(d->written);
        json_clear(&oci_index_type, &d->index);
        for (size_t i = 0; i < d->docker.n_images; i++) {
                free(d->docker.images[i].config);
                strv_free(d->docker.images[i].layers);
                strv_free(d->docker.images[i].tags);
        }
        free(d->docker.images);
}

/* ------------------------------------------------------------------ blobs */

/* Copies a blob's bytes, which must have its digest. */
static int copy_bytes(const BlobPlace *from, int to, const char *digest, Err *err) {
        autofree char *buffer = malloc(PIECE_SIZE);
        char found[DIGEST_LENGTH + 1];
        int64_t done = 0;
        Digest d;

        if (!buffer)
                return fail(err, ENOMEM, "cannot copy a blob");
        digest_begin(&d);
        while (done < from->size) {
                size_t want = from->size - done < (int64_t) PIECE_SIZE
                                      ? (size_t) (from->size - done)
                                      : PIECE_SIZE;
                ssize_t n = pread(from->file, buffer, want, from->offset + done);
                int r;

                if (n <= 0)
                        return fail(err, n < 0 ? errno : EIO, "cannot read the blob '%s'", digest);
                digest_add(&d, buffer, (size_t) n);
                r = fd_write_all(to, buffer, (size_t) n);
                if (r < 0)
                        return fail(err, r, "cannot write the blob '%s'", digest);
                done += n;
        }
        digest_end(&d, found);
        return str_equal(found, digest)
                       ? 0
                       : refuse(err, EBADMSG, "the blob '%s' is damaged: its digest is %s", digest,
                                found);
}

static int begin_entry(FilesDest *d, const char *name, int64_t size, Err *err) {
        char header[TAR_HEADER_SIZE];
        int r;

        tar_file_header(name, size, header);
        r = fd_write_all(d->archive, header, sizeof header);
        return r < 0 ? fail(err, r, "cannot write the archive") : 0;
}

static int end_entry(FilesDest *d, int64_t size, Err *err) {
        static const char zeros[TAR_HEADER_SIZE];
        size_t rest = (size_t) (size % TAR_HEADER_SIZE);
        int r = rest ? fd_write_all(d->archive, zeros, TAR_HEADER_SIZE - rest) : 0;

        return r < 0 ? fail(err, r, "cannot write the archive") : 0;
}

static int put_text(FilesDest *d, const char *name, const char *text, size_t size, Err *err) {
        int r;

        if (d->dir >= 0) {
                r = file_replace(d->dir, name, text, size, 0644, false);
                return r < 0 ? fail(err, r, "cannot write '%s'", name) : 0;
        }
        r = begin_entry(d, name, (int64_t) size, err);
        if (r >= 0)
                r = fd_write_all(d->archive, text, size) < 0
                            ? fail(err, errno, "cannot write the archive")
                            : end_entry(d, (int64_t) size, err);
        return r;
}

/* The file of a blob, or of a manifest that another one names; new. */
static char *file_of(const FilesDest *d, const char *digest, bool document) {
        return d->flat ? str_format("%s%s", digest_hex(digest), document ? ".manifest.json" : "")
                       : str_format(BLOB_DIR "/%s", digest_hex(digest));
}

/* Whether the blob is there already; notes that it will be. */
static bool is_there(FilesDest *d, const char *name, const char *digest) {
        if (d->dir >= 0)
                return file_access(d->dir, name, F_OK) >= 0;
        if (strv_has(d->written, digest))
                return true;
        (void) strv_add(&d->written, digest);
        return false;
}

static int put_in_dir(FilesDest *d, const char *name, const BlobPlace *from, const char *digest,
                      Err *err) {
        autofree char *temporary = str_format("%s.part-%d", name, (int) getpid());
        autoclose int file = -EBADF;
        int r;

        if (!temporary)
                return fail(err, ENOMEM, "cannot copy a blob");
        file = openat(d->dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                      0644);
        if (file < 0)
                return fail(err, errno, "cannot write '%s'", name);
        r = copy_bytes(from, file, digest, err);
        if (r >= 0 && renameat(d->dir, temporary, d->dir, name) < 0)
                r = fail(err, errno, "cannot write '%s'", name);
        if (r < 0)
                (void) unlinkat(d->dir, temporary, 0);
        return r;
}

static int put_blob(FilesDest *d, const CopyJob *job, const OciDescriptor *what, bool *ret_there,
                    Err *err) {
        autofree char *name = file_of(d, what->digest, false);
        BlobPlace from;
        int r;

        *ret_there = name && is_there(d, name, what->digest);
        if (*ret_there)
                return 0;
        r = name ? source_blob(job->source, what, &from, err)
                 : fail(err, ENOMEM, "cannot copy a blob");
        if (r < 0)
                return r;
        if (from.size != what->size)
                return refuse(err, EBADMSG, "the blob '%s' has %lld bytes, not %lld", what->digest,
                              (long long) from.size, (long long) what->size);
        if (d->dir >= 0)
                return put_in_dir(d, name, &from, what->digest, err);
        r = begin_entry(d, name, from.size, err);
        if (r >= 0)
                r = copy_bytes(&from, d->archive, what->digest, err);
        return r < 0 ? r : end_entry(d, from.size, err);
}

static int put_document(Dest *dest, const Document *document, Err *err) {
        FilesDest *d = (FilesDest *) dest;
        autofree char *name = file_of(d, document->digest, true);

        if (!name)
                return fail(err, ENOMEM, "cannot copy a manifest");
        return is_there(d, name, document->digest)
                       ? 0
                       : put_text(d, name, document->text, document->size, err);
}

/* What the source has to fetch first: nothing that is there. */
static int prepare(FilesDest *d, const CopyJob *job, const OciDescriptor **all, size_t n,
                   Err *err) {
        autofree const OciDescriptor **missing = calloc(n + 1, sizeof *missing);
        size_t m = 0;

        if (!missing)
                return fail(err, ENOMEM, "cannot copy");
        for (size_t i = 0; i < n; i++) {
                autofree char *name = file_of(d, all[i]->digest, false);

                if (!name)
                        return fail(err, ENOMEM, "cannot copy");
                if (d->dir >= 0 ? file_access(d->dir, name, F_OK) < 0
                                : !strv_has(d->written, all[i]->digest))
                        missing[m++] = all[i];
        }
        return source_prepare(job->source, missing, m, job->watcher, err);
}

static int put_image(Dest *dest, const CopyJob *job, Err *err) {
        FilesDest *d = (FilesDest *) dest;
        autofree const OciDescriptor **all = NULL;
        size_t n;
        int r;

        r = dest_blobs(job, &all, &n, err);
        if (r >= 0)
                r = prepare(d, job, all, n, err);
        for (size_t i = 0; i < n && r >= 0; i++) {
                bool there;

                r = put_blob(d, job, all[i], &there, err);
        }
        return r < 0 || d->flat ? r : put_document(dest, job->manifest, err);
}

/* ------------------------------------------------------------------ names */

/* A name's tag, which is what a layout calls an image by; the whole name is containerd's. */
static int put_names(OciDescriptor *d, const char *name, bool docker) {
        autoptr(Reference) ref = NULL;
        autofree char *registry = NULL, *repository = NULL;

        if (!docker)
                return strv_addf(&d->annotations, OCI_REF_NAME "=%s", name);
        if (reference_parse(name, &ref, NULL) < 0 || !ref->tag)
                return strv_addf(&d->annotations, OCI_REF_NAME "=%s", name);
        if (reference_split(ref, &registry, &repository) < 0 ||
            strv_addf(&d->annotations, CONTAINERD_NAME "=%s/%s:%s", registry, repository,
                      ref->tag) < 0)
                return -ENOMEM;
        return strv_addf(&d->annotations, OCI_REF_NAME "=%s", ref->tag);
}

static int add_entry(FilesDest *d, const Document *document, const CopyJob *last,
                     const char *name) {
        OciDescriptor *entry;

        /* Who had the name loses it. */
        for (size_t i = 0; name && d->dir >= 0 && i < d->index.n_manifests; i++)
                if (str_equal(strv_env_get(d->index.manifests[i].annotations, OCI_REF_NAME),
                              name)) {
                        json_clear(&oci_descriptor_type, &d->index.manifests[i]);
                        d->index.manifests[i] = d->index.manifests[--d->index.n_manifests];
                        break;
                }
        entry = json_grow(&d->index.manifests, &d->index.n_manifests, sizeof *entry);
        if (!entry)
                return -ENOMEM;
        entry->media_type = strdup(document->media_type);
        entry->digest = strdup(document->digest);
        entry->size = (int64_t) document->size;
        if (!entry->media_type || !entry->digest)
                return -ENOMEM;
        if (last->config && last->config->said.image) {
                const OciImage *image = last->config->said.image;

                entry->platform = calloc(1, sizeof *entry->platform);
                if (!entry->platform ||
                    str_set(&entry->platform->architecture, image->architecture) < 0 ||
                    str_set(&entry->platform->os, image->os) < 0 ||
                    str_set(&entry->platform->variant, image->variant) < 0)
                        return -ENOMEM;
        }
        if (strv_copy(last->annotations, &entry->annotations) < 0)
                return -ENOMEM;
        return name ? put_names(entry, name, d->dir < 0) : 0;
}

/* What `docker load` reads. */
static int add_docker(FilesDest *d, const Document *document, char *const *names) {
        const OciManifest *m = document->said.manifest;
        DockerImage *image;

        if (!m || d->dir >= 0)
                return 0;
        image = json_grow(&d->docker.images, &d->docker.n_images, sizeof *image);
        if (!image)
                return -ENOMEM;
        image->config = str_format(BLOB_DIR "/%s", digest_hex(m->config.digest));
        for (size_t i = 0; i < m->n_layers; i++)
                if (strv_addf(&image->layers, BLOB_DIR "/%s", digest_hex(m->layers[i].digest)) < 0)
                        return -ENOMEM;
        return image->config ? strv_copy(names, &image->tags) : -ENOMEM;
}

static int name(Dest *dest, const Document *document, const CopyJob *last, char *const *names,
                Err *err) {
        FilesDest *d = (FilesDest *) dest;
        int r;

        if (d->flat)
                return put_text(d, "manifest.json", document->text, document->size, err);
        r = put_document(dest, document, err);
        if (r < 0)
                return r;
        strv_foreach(one, names)
                if (r >= 0)
                        r = add_entry(d, document, last, *one);
        if (r >= 0 && (!names || !*names))
                r = add_entry(d, document, last, NULL);
        if (r >= 0)
                r = add_docker(d, document, names);
        return r < 0 ? fail(err, r, "cannot name the image") : 0;
}

static char *docker_text(const FilesDest *d) {
        autostr list = {};

        str_put_char(&list, '[');
        for (size_t i = 0; i < d->docker.n_images; i++) {
                const Description one = { .images = &d->docker.images[i], .n_images = 1 };
                autofree char *text = json_text(&description_type, &one);
                const char *from = text ? strchr(text, '[') : NULL;
                const char *to = text ? strrchr(text, ']') : NULL;

                if (!from || !to)
                        return NULL;
                if (i)
                        str_put_char(&list, ',');
                str_put_bytes(&list, from + 1, (size_t) (to - from - 1));
        }
        str_put(&list, "]\n");
        return str_take(&list);
}

static int finish(Dest *dest, Err *err) {
        static const char end[2 * TAR_HEADER_SIZE];
        FilesDest *d = (FilesDest *) dest;
        autofree char *index = NULL, *docker = NULL;
        int r;

        if (d->flat)
                return put_text(d, "version", FLAT_TEXT, strlen(FLAT_TEXT), err);
        d->index.schema_version = 2;
        if (!d->index.media_type)
                d->index.media_type = strdup(OCI_MEDIA_INDEX);
        index = json_text(&oci_index_type, &d->index);
        docker = docker_text(d);
        if (!index || !docker)
                return fail(err, ENOMEM, "cannot write index.json");
        r = put_text(d, "index.json", index, strlen(index), err);
        if (r >= 0)
                r = put_text(d, "oci-layout", LAYOUT_TEXT, strlen(LAYOUT_TEXT), err);
        if (r < 0 || d->dir >= 0)
                return r;
        if (d->docker.n_images)
                r = put_text(d, "manifest.json", docker, strlen(docker), err);
        if (r >= 0 && fd_write_all(d->archive, end, sizeof end) < 0)
                r = fail(err, errno, "cannot write the archive");
        return r;
}

static const DestKind files_kind = {
        .clear = clear,
        .put_image = put_image,
        .put_document = put_document,
        .name = name,
        .finish = finish,
};

static FilesDest *new_dest(void) {
        FilesDest *d = calloc(1, sizeof *d);

        if (d) {
                d->dest.kind = &files_kind;
                d->dir = d->archive = -EBADF;
        }
        return d;
}

/* What the directory holds already stays in its index. */
static int load_index(FilesDest *d, Err *err) {
        autodescription said = {};
        autofree char *text = NULL;
        size_t size;
        int r;

        r = file_read(d->dir, "index.json", 4u << 20, &text, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return fail(err, r, "cannot read index.json");
        r = describe_document(text, size, OCI_MEDIA_INDEX, &said, err);
        if (r < 0)
                return err_prefix(err, r, "index.json");
        if (said.index) {
                d->index = *said.index;
                *said.index = (OciIndex){};
        }
        return 0;
}

int dest_open_dir(const char *path, Dest **ret, Err *err) {
        FilesDest *d = new_dest();
        autoptr(Dest) dest = d ? &d->dest : NULL;
        int r;

        if (!d)
                return fail(err, ENOMEM, "cannot open '%s'", path);
        d->dir = dir_open(AT_FDCWD, path, 0755);
        if (d->dir < 0)
                return fail(err, d->dir, "cannot open '%s'", path);
        r = dir_make(d->dir, BLOB_DIR, 0755);
        if (r < 0)
                return fail(err, r, "cannot make '%s/" BLOB_DIR "'", path);
        r = load_index(d, err);
        if (r < 0)
                return err_prefix(err, r, "'%s'", path);
        *ret = take_ptr(dest);
        return 0;
}

int dest_open_flat_dir(const char *path, Dest **ret, Err *err) {
        FilesDest *d = new_dest();
        autoptr(Dest) dest = d ? &d->dest : NULL;
        autostrv there = NULL;
        int r;

        if (!d)
                return fail(err, ENOMEM, "cannot open '%s'", path);
        d->flat = true;
        d->dir = dir_open(AT_FDCWD, path, 0755);
        if (d->dir < 0)
                return fail(err, d->dir, "cannot open '%s'", path);
        r = dir_list(d->dir, ".", &there);
        if (r < 0)
                return fail(err, r, "cannot list '%s'", path);
        if (there && *there && !strv_has(there, "version"))
                return refuse(err, ENOTEMPTY, "'%s' is not empty and holds no image", path);
        /* Until the new one is whole, there is none. */
        (void) unlinkat(d->dir, "manifest.json", 0);
        *ret = take_ptr(dest);
        return 0;
}

int dest_open_archive(int file, Dest **ret, Err *err) {
        FilesDest *d = new_dest();

        if (!d)
                return fail(err, ENOMEM, "cannot write the archive");
        d->archive = file;
        *ret = &d->dest;
        return 0;
}
