/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "oci/reference.h"
#include "transfer/ingest.h"
#include "transfer/source_internal.h"

#define TEXT_MAX  (16u << 20)
#define LINKS_MAX 8

Source *source_new(const Home *home) {
        Source *s = calloc(1, sizeof *s);

        if (s) {
                s->home = home;
                s->dir = s->archive = -EBADF;
        }
        return s;
}

Source *source_free(Source *s) {
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n_images; i++) {
                json_clear(&oci_descriptor_type, &s->images[i].descriptor);
                strv_free(s->images[i].names);
        }
        for (size_t i = 0; i < s->n_known; i++) {
                free(s->known[i].chain_id);
                if (s->known[i].path) {
                        ingest_drop(s->home, s->known[i].path);
                        close_fd(s->known[i].file);
                        free(s->known[i].path);
                }
        }
        for (size_t i = 0; i < s->n_opened; i++)
                close_fd(s->opened[i]);
        for (size_t i = 0; i < s->n_made; i++)
                document_free(&s->made[i]);
        free(s->images);
        free(s->known);
        free(s->opened);
        free(s->made);
        remote_free(s->remote);
        free(s->registry);
        free(s->repository);
        strv_free(s->mounts);
        close_fd(s->dir);
        close_fd(s->archive);
        description_clear(&s->files);
        free(s);
        return NULL;
}

int source_add_image(Source *s, const OciDescriptor *d, char *const *names, Err *err) {
        SourceImage *image = json_grow(&s->images, &s->n_images, sizeof *image);

        if (!image || json_clone(&oci_descriptor_type, d, &image->descriptor) < 0 ||
            strv_copy(names, &image->names) < 0)
                return fail(err, ENOMEM, "cannot list the images");
        return 0;
}

int source_add_place(Source *s, const char *digest, int file, int64_t offset, int64_t size,
                     const char *path, Err *err) {
        KnownPlace *place = json_grow(&s->known, &s->n_known, sizeof *place);

        if (!place)
                return fail(err, ENOMEM, "cannot list the blobs");
        memcpy(place->digest, digest, sizeof place->digest);
        place->file = file;
        place->offset = offset;
        place->size = size;
        place->path = path ? strdup(path) : NULL;
        return path && !place->path ? fail(err, ENOMEM, "cannot list the blobs") : 0;
}

int source_add_promise(Source *s, const char *digest, int64_t size, const char *chain_id,
                       Err *err) {
        char *copy = strdup(chain_id);
        int r = copy ? source_add_place(s, digest, -EBADF, 0, size, NULL, err)
                     : fail(err, ENOMEM, "cannot list the blobs");

        if (r < 0) {
                free(copy);
                return r;
        }
        s->known[s->n_known - 1].chain_id = copy;
        return 0;
}

int64_t source_add_made(Source *s, char *text, const char *media_type,
                        char ret_digest[DIGEST_LENGTH + 1], Err *err) {
        Document *made = json_grow(&s->made, &s->n_made, sizeof *made);
        int r;

        if (!made) {
                free(text);
                return fail(err, ENOMEM, "cannot make a manifest");
        }
        r = document_take(made, text, strlen(text), media_type, err);
        if (r < 0)
                return r;
        memcpy(ret_digest, made->digest, sizeof made->digest);
        return (int64_t) made->size;
}

const SourceImage *source_images(const Source *s, size_t *ret_n) {
        *ret_n = s->n_images;
        return s->images;
}

/* "debian", "debian:latest", "docker.io/library/debian:latest", and an image's tag alone. */
static bool is_called(const char *have, const char *want) {
        autoptr(Reference) a = NULL;
        autoptr(Reference) b = NULL;
        autofree char *x = NULL, *y = NULL;
        autoerr ignored = {};

        if (str_equal(have, want))
                return true;
        if (reference_parse(have, &a, &ignored) < 0 || reference_parse(want, &b, &ignored) < 0)
                return false;
        x = reference_text(a);
        y = reference_text(b);
        return x && str_equal(x, y);
}

int source_find(const Source *s, const char *name, const SourceImage **ret, Err *err) {
        autostrv all = NULL;
        autofree char *list = NULL;

        if (str_empty(name) && s->n_images == 1) {
                *ret = &s->images[0];
                return 0;
        }
        for (size_t i = 0; i < s->n_images; i++) {
                strv_foreach(have, s->images[i].names)
                        if (!str_empty(name) && is_called(*have, name)) {
                                *ret = &s->images[i];
                                return 0;
                        }
                if (str_equal(s->images[i].descriptor.digest, name)) {
                        *ret = &s->images[i];
                        return 0;
                }
                (void) strv_extend(&all, s->images[i].names);
        }
        list = strv_join(all, ", ");
        if (s->n_images == 0)
                return refuse(err, ENOENT, "there is no image in it");
        return str_empty(name)
                       ? err_hint(err,
                                  refuse(err, EINVAL, "there are %zu images in it", s->n_images),
                                  "name one of %s", str_empty(list) ? "them" : list)
                       : err_hint(err, refuse(err, ENOENT, "there is no image '%s' in it", name),
                                  "there is %s", str_empty(list) ? "one without a name" : list);
}

int source_names_for(const SourceImage *image, const char *asked, char ***ret) {
        strv_foreach(have, image->names)
                if (is_called(*have, asked))
                        return strv_add(ret, *have);
        return 0;
}

/* ------------------------------------------------------------------ files */

static const ArchiveItem *find_item(const Source *s, const char *name) {
        /* The last one of a name counts. */
        for (int hops = 0; hops < LINKS_MAX; hops++) {
                const ArchiveItem *found = NULL;

                for (size_t i = s->files.n_items; i-- > 0 && !found;)
                        if (str_equal(s->files.items[i].name, name))
                                found = &s->files.items[i];
                if (!found || !found->link)
                        return found;
                name = found->link;
        }
        return NULL;
}

static int open_in_dir(Source *s, const char *name, BlobPlace *ret) {
        autoclose int file = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;
        int *slot;

        if (file < 0)
                return -errno;
        if (fstat(file, &st) < 0 || !S_ISREG(st.st_mode))
                return -EINVAL;
        slot = json_grow(&s->opened, &s->n_opened, sizeof *slot);
        if (!slot)
                return -ENOMEM;
        *slot = take_fd(file);
        *ret = (BlobPlace){ *slot, 0, st.st_size };
        return 0;
}

int source_open_name(Source *s, const char *name, BlobPlace *ret) {
        const ArchiveItem *item;

        if (s->dir >= 0)
                return open_in_dir(s, name, ret);
        item = s->archive >= 0 ? find_item(s, name) : NULL;
        if (!item)
                return -ENOENT;
        *ret = (BlobPlace){ s->archive, item->offset, item->size };
        return 0;
}

static int read_place(const BlobPlace *place, char **ret, size_t *ret_size) {
        autofree char *text = NULL;
        size_t done = 0;

        if (place->size > (int64_t) TEXT_MAX)
                return -EFBIG;
        text = malloc((size_t) place->size + 1);
        if (!text)
                return -ENOMEM;
        while (done < (size_t) place->size) {
                ssize_t n = pread(place->file, text + done, (size_t) place->size - done,
                                  place->offset + (int64_t) done);

                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                done += (size_t) n;
        }
        text[done] = 0;
        *ret = take_ptr(text);
        *ret_size = done;
        return 0;
}

int source_read_name(Source *s, const char *name, char **ret, size_t *ret_size, Err *err) {
        BlobPlace place;
        int r = source_open_name(s, name, &place);

        if (r == -ENOENT)
                return r;
        if (r >= 0)
                r = read_place(&place, ret, ret_size);
        return r < 0 ? fail(err, r, "cannot read '%s'", name) : 0;
}

/* ------------------------------------------------------------------ documents and blobs */

static const Document *find_made(const Source *s, const char *digest) {
        for (size_t i = 0; i < s->n_made; i++)
                if (str_equal(s->made[i].digest, digest))
                        return &s->made[i];
        return NULL;
}

/* The bytes of a document; new. */
static int read_document(Source *s, const OciDescriptor *d, char **ret, size_t *ret_size,
                         Err *err) {
        const Document *made = find_made(s, d->digest);
        BlobPlace place;
        int r;

        if (made) {
                *ret = strndup(made->text, made->size);
                *ret_size = made->size;
                return *ret ? 0 : fail(err, ENOMEM, "cannot read a manifest");
        }
        r = source_blob(s, d, &place, err);
        if (r < 0)
                return r;
        r = read_place(&place, ret, ret_size);
        return r < 0 ? fail(err, r, "cannot read '%s'", d->digest) : 0;
}

static int check_bytes(const char *text, size_t size, const OciDescriptor *d, const char *what,
                       Err *err) {
        char found[DIGEST_LENGTH + 1];

        digest_of(text, size, found);
        return str_equal(found, d->digest)
                       ? 0
                       : refuse(err, EBADMSG, "the %s '%s' is damaged: its digest is %s", what,
                                d->digest, found);
}

int source_document(Source *s, const OciDescriptor *d, Document *ret, Err *err) {
        char *text = NULL;
        size_t size = 0;
        int r;

        if (s->remote)
                return document_fetch(s->remote, s->repository, d->digest, ret, err);
        r = read_document(s, d, &text, &size, err);
        if (r >= 0)
                r = check_bytes(text, size, d, "manifest", err);
        if (r < 0) {
                free(text);
                return r;
        }
        return document_take(ret, text, size, d->media_type, err);
}

int source_config(Source *s, const OciManifest *m, Document *ret, Err *err) {
        const OciDescriptor *d = &m->config;
        int r;

        if (s->remote)
                return document_fetch_config(s->remote, s->repository, d, m->n_layers, ret, err);
        r = read_document(s, d, &ret->text, &ret->size, err);
        if (r >= 0)
                r = check_bytes(ret->text, ret->size, d, "config", err);
        if (r < 0)
                return r;
        memcpy(ret->digest, d->digest, sizeof ret->digest);
        ret->media_type = strdup(d->media_type);
        return describe_config(ret->text, ret->size, d->media_type, m->n_layers, &ret->said, err);
}

static bool is_document(const OciDescriptor *d) {
        return media_type_is_index(d->media_type) || media_type_is_manifest(d->media_type);
}

int source_blob(Source *s, const OciDescriptor *d, BlobPlace *ret, Err *err) {
        autofree char *name =
                str_format("%s%s%s", s->flat ? "" : "blobs/sha256/", digest_hex(d->digest),
                           s->flat && is_document(d) ? ".manifest.json" : "");
        int r;

        for (size_t i = 0; i < s->n_known; i++)
                if (str_equal(s->known[i].digest, d->digest)) {
                        r = s->known[i].chain_id ? source_keep_promise(s, &s->known[i], err) : 0;
                        if (r < 0)
                                return r;
                        *ret = (BlobPlace){ s->known[i].file, s->known[i].offset,
                                            s->known[i].size };
                        return 0;
                }
        r = name ? source_open_name(s, name, ret) : -ENOMEM;
        if (r == -ENOENT)
                return refuse(err, r, "the blob '%s' is missing", d->digest);
        return r < 0 ? fail(err, r, "cannot open the blob '%s'", d->digest) : 0;
}

static bool is_known(const Source *s, const char *digest) {
        for (size_t i = 0; i < s->n_known; i++)
                if (str_equal(s->known[i].digest, digest))
                        return true;
        return false;
}

typedef struct Fetching {
        const Watcher *watcher;
        Blob *blobs;
        size_t n;
} Fetching;

static void tell(void *context) {
        const Fetching *f = context;

        if (f->watcher->blobs)
                f->watcher->blobs(f->watcher->context, f->blobs, f->n);
}

static int keep_fetched(Source *s, Blob *blobs, size_t n, Err *err) {
        int r = 0;

        for (size_t i = 0; i < n; i++) {
                if (r >= 0 && blobs[i].scratch)
                        r = source_add_place(s, blobs[i].digest, blobs[i].file, 0, blobs[i].size,
                                             blobs[i].scratch, err);
                free(blobs[i].scratch);
        }
        return r;
}

int source_prepare(Source *s, const OciDescriptor *const *wanted, size_t n, const Watcher *watcher,
                   Err *err) {
        autofree Blob *blobs = calloc(n + 1, sizeof *blobs);
        Fetching fetching = { .watcher = watcher, .blobs = blobs };
        BlobMove move = { .home = s->home,
                          .remote = s->remote,
                          .repository = s->repository,
                          .blobs = blobs,
                          .progress = tell,
                          .context = &fetching };
        int r, kept;

        if (!s->remote)
                return 0;
        if (!blobs)
                return fail(err, ENOMEM, "cannot fetch blobs");
        for (size_t i = 0; i < n; i++) {
                Blob *b = &blobs[move.n];
                bool twice = is_known(s, wanted[i]->digest);

                for (size_t k = 0; k < move.n; k++)
                        twice |= str_equal(blobs[k].digest, wanted[i]->digest);
                if (twice)
                        continue;
                memcpy(b->digest, wanted[i]->digest, sizeof b->digest);
                b->size = wanted[i]->size;
                b->media_type = wanted[i]->media_type;
                b->urls = media_type_is_foreign(wanted[i]->media_type) ? wanted[i]->urls : NULL;
                b->to_scratch = true;
                move.n++;
        }
        fetching.n = move.n;
        r = blobs_move(&move, err);
        if (watcher->done)
                watcher->done(watcher->context, blobs, move.n);
        kept = keep_fetched(s, blobs, move.n, r < 0 ? NULL : err);
        return r < 0 ? r : kept;
}

bool source_takes_work(const Source *s) {
        for (size_t i = 0; i < s->n_known; i++)
                if (s->known[i].chain_id)
                        return true;
        return s->remote;
}

const char *source_mount_from(const Source *s, const char *registry, const char *repository) {
        strv_foreach(mount, s->mounts) {
                const char *rest = str_after(*mount, registry);

                if (rest && *rest == '/' && !str_equal(rest + 1, repository))
                        return rest + 1;
        }
        return NULL;
}
