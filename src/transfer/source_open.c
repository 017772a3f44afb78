/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "oci/reference.h"
#include "transfer/ingest.h"
#include "transfer/source_internal.h"
#include "transfer/spool.h"

#define CONTAINERD_NAME "io.containerd.image.name"
#define PIECE_SIZE      (1u << 20)

int source_open_registry(const Home *home, const char *name, const PlaceOptions *place,
                         Source **ret, Err *err) {
        autoptr(Source) s = source_new(home);
        autoptr(Reference) ref = NULL;
        autodocument top = {};
        OciDescriptor d = {};
        const char *reference;
        int r;

        r = s ? reference_parse(name, &ref, err) : fail(err, ENOMEM, "cannot copy");
        if (r < 0)
                return r;
        if (reference_split(ref, &s->registry, &s->repository) < 0 ||
            strv_addf(&s->mounts, "%s/%s", s->registry, s->repository) < 0)
                return fail(err, ENOMEM, "cannot copy");
        reference = ref->digest ? ref->digest : ref->tag;
        r = place_open(s->registry, s->repository, reference, place, &s->remote, err);
        if (r < 0)
                return r;
        r = document_fetch(s->remote, s->repository, reference, &top, err);
        if (r < 0)
                return r;
        d = (OciDescriptor){ .media_type = top.media_type,
                             .digest = top.digest,
                             .size = (int64_t) top.size };
        r = source_add_image(s, &d, (char *[]){ (char *) name, NULL }, err);
        if (r < 0)
                return r;
        *ret = take_ptr(s);
        return 0;
}

/* ------------------------------------------------------------------ OCI layouts */

/* What an entry of index.json is called: whole names first. */
static int names_of(const OciDescriptor *d, char ***ret) {
        static const char *const keys[] = { CONTAINERD_NAME, OCI_REF_NAME };

        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
                const char *name = strv_env_get(d->annotations, keys[i]);

                if (name && !strv_has(*ret, name) && strv_add(ret, name) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int read_layout(Source *s, const char *text, size_t size, Err *err) {
        autodescription said = {};
        int r = describe_document(text, size, OCI_MEDIA_INDEX, &said, err);

        if (r < 0)
                return err_prefix(err, r, "index.json");
        for (size_t i = 0; said.index && i < said.index->n_manifests; i++) {
                const OciDescriptor *d = &said.index->manifests[i];
                autostrv names = NULL;

                /* Attestations belong to an image that is listed as well. */
                if (!media_type_is_index(d->media_type) && !media_type_is_manifest(d->media_type))
                        continue;
                if (names_of(d, &names) < 0)
                        return fail(err, ENOMEM, "cannot list the images");
                r = source_add_image(s, d, names, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ------------------------------------------------------------------ docker save */

static const char *compression_of(const BlobPlace *place) {
        unsigned char magic[4] = {};

        if (pread(place->file, magic, sizeof magic, place->offset) < 2)
                return OCI_MEDIA_LAYER;
        if (magic[0] == 0x1f && magic[1] == 0x8b)
                return OCI_MEDIA_GZIP;
        return memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0 ? OCI_MEDIA_ZSTD : OCI_MEDIA_LAYER;
}

static int hash_place(const BlobPlace *place, char digest[DIGEST_LENGTH + 1], Err *err) {
        autofree char *buffer = malloc(PIECE_SIZE);
        int64_t done = 0;
        Digest d;

        if (!buffer)
                return fail(err, ENOMEM, "cannot read a layer");
        digest_begin(&d);
        while (done < place->size) {
                size_t want = place->size - done < (int64_t) PIECE_SIZE
                                      ? (size_t) (place->size - done)
                                      : PIECE_SIZE;
                ssize_t n = pread(place->file, buffer, want, place->offset + done);

                if (n <= 0)
                        return fail(err, n < 0 ? errno : EIO, "cannot read a layer");
                digest_add(&d, buffer, (size_t) n);
                done += n;
        }
        digest_end(&d, digest);
        return 0;
}

/* A layer of `docker save` has no digest but, where it is a plain tar, the config's. */
static int describe_layer(Source *s, const char *name, const char *diff_id, OciDescriptor *ret,
                          Err *err) {
        char digest[DIGEST_LENGTH + 1];
        const char *type;
        BlobPlace place;
        int r;

        r = source_open_name(s, name, &place);
        if (r < 0)
                return refuse(err, EBADMSG,
                              "manifest.json names the layer '%s', which is not there", name);
        type = compression_of(&place);
        memcpy(digest, diff_id, sizeof digest);
        if (!str_equal(type, OCI_MEDIA_LAYER))
                r = hash_place(&place, digest, err);
        if (r >= 0)
                r = source_add_place(s, digest, place.file, place.offset, place.size, NULL, err);
        if (r < 0)
                return r;
        ret->media_type = strdup(type);
        ret->digest = strdup(digest);
        ret->size = place.size;
        return ret->media_type && ret->digest ? 0 : fail(err, ENOMEM, "cannot read a layer");
}

static int make_manifest(Source *s, const DockerImage *image, OciManifest *ret, Err *err) {
        autofree char *text = NULL;
        autodescription said = {};
        char digest[DIGEST_LENGTH + 1];
        BlobPlace place;
        size_t size;
        int r;

        r = source_read_name(s, image->config, &text, &size, err);
        if (r == -ENOENT)
                return refuse(err, EBADMSG,
                              "manifest.json names the config '%s', which is not there",
                              image->config);
        if (r < 0)
                return r;
        r = describe_config(text, size, NULL, strv_length(image->layers), &said, err);
        if (r < 0)
                return err_prefix(err, r, "'%s'", image->config);
        digest_of(text, size, digest);
        if (source_open_name(s, image->config, &place) < 0)
                return refuse(err, EIO, "cannot read '%s'", image->config);
        r = source_add_place(s, digest, place.file, place.offset, place.size, NULL, err);
        ret->schema_version = 2;
        ret->media_type = strdup(OCI_MEDIA_MANIFEST);
        ret->config.media_type = strdup(OCI_MEDIA_CONFIG);
        ret->config.digest = strdup(digest);
        ret->config.size = (int64_t) size;
        if (!ret->media_type || !ret->config.media_type || !ret->config.digest)
                r = fail(err, ENOMEM, "cannot make a manifest");
        for (size_t i = 0; r >= 0 && image->layers && image->layers[i]; i++) {
                OciDescriptor *d = json_grow(&ret->layers, &ret->n_layers, sizeof *d);

                r = d ? describe_layer(s, image->layers[i], said.image->rootfs.diff_ids[i], d, err)
                      : fail(err, ENOMEM, "cannot make a manifest");
        }
        return r;
}

static int read_docker(Source *s, const char *text, size_t size, Err *err) {
        autodescription said = {};
        int r = describe_docker(text, size, &said, err);

        for (size_t i = 0; r >= 0 && i < said.n_images; i++) {
                OciDescriptor d = { .media_type = (char *) OCI_MEDIA_MANIFEST };
                char digest[DIGEST_LENGTH + 1], *made;
                OciManifest manifest = {};

                r = make_manifest(s, &said.images[i], &manifest, err);
                made = r < 0 ? NULL : json_text(&oci_manifest_type, &manifest);
                json_clear(&oci_manifest_type, &manifest);
                if (r < 0)
                        return r;
                d.digest = digest;
                d.size = made ? source_add_made(s, made, OCI_MEDIA_MANIFEST, digest, err)
                              : fail(err, ENOMEM, "cannot make a manifest");
                r = d.size < 0 ? (int) d.size : source_add_image(s, &d, said.images[i].tags, err);
        }
        return r;
}

/* ------------------------------------------------------------------ opening */

/* An archive may be both, as Docker writes it since version 25: the layout says more. */
static int read_files(Source *s, const char *kind, Err *err) {
        autofree char *text = NULL;
        size_t size;
        int r;

        r = source_read_name(s, "index.json", &text, &size, err);
        if (r >= 0)
                return read_layout(s, text, size, err);
        if (r != -ENOENT)
                return r;
        if (str_empty(kind) || str_equal(kind, "docker-archive"))
                r = source_read_name(s, "manifest.json", &text, &size, err);
        if (r >= 0)
                return read_docker(s, text, size, err);
        return r != -ENOENT ? r
                            : err_hint(err, refuse(err, EBADMSG, "there are no images in it"),
                                       "a root file system's archive is taken by 'isola image "
                                       "import'");
}

/* What skopeo writes as "dir:": one image, or an index, in manifest.json. */
static int read_flat(Source *s, Err *err) {
        char digest[DIGEST_LENGTH + 1], *text = NULL;
        OciDescriptor d = { .digest = digest };
        size_t size;
        int r = source_read_name(s, "manifest.json", &text, &size, err);

        if (r == -ENOENT)
                return refuse(err, EBADMSG, "there is no manifest.json in it");
        if (r < 0)
                return r;
        s->flat = true;
        if (strlen(text) != size) {
                free(text);
                return refuse(err, EBADMSG, "manifest.json holds a NUL byte");
        }
        d.size = source_add_made(s, text, NULL, digest, err);
        if (d.size < 0)
                return (int) d.size;
        d.media_type = s->made[s->n_made - 1].media_type;
        return source_add_image(s, &d, NULL, err);
}

static int open_archive(Source *s, const char *kind, int archive, Err *err) {
        int r;

        s->archive = spool_archive(s->home, archive, err);
        if (s->archive < 0)
                return s->archive;
        r = describe_archive(s->archive, &s->files, err);
        return r < 0 ? r : read_files(s, kind, err);
}

int source_open_archive(const Home *home, int archive, Source **ret, Err *err) {
        autoptr(Source) s = source_new(home);
        int r = s ? open_archive(s, NULL, archive, err)
                  : fail(err, ENOMEM, "cannot read the archive");

        if (r < 0)
                return r;
        *ret = take_ptr(s);
        return 0;
}

int source_open_files(const Home *home, const char *kind, const char *path, Source **ret,
                      Err *err) {
        autoptr(Source) s = source_new(home);
        autoclose int file = -EBADF;
        struct stat st;
        int r;

        if (!s)
                return fail(err, ENOMEM, "cannot open '%s'", path);
        file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (file < 0 || fstat(file, &st) < 0)
                return fail(err, errno, "cannot open '%s'", path);
        if (S_ISDIR(st.st_mode)) {
                if (kind && !str_equal(kind, "oci") && !str_equal(kind, "dir"))
                        return refuse(err, EISDIR, "'%s' is a directory", path);
                s->dir = take_fd(file);
                r = str_equal(kind, "dir") ? read_flat(s, err) : read_files(s, "oci", err);
        } else {
                if (str_equal(kind, "oci") || str_equal(kind, "dir"))
                        return err_hint(err, refuse(err, ENOTDIR, "'%s' is no directory", path),
                                        "an archive is oci-archive:%s", path);
                r = open_archive(s, kind, file, err);
        }
        if (r < 0)
                return err_prefix(err, r, "cannot read '%s'", path);
        *ret = take_ptr(s);
        return 0;
}
