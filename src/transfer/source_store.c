/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "oci/reference.h"
#include "store/image.h"
#include "store/layout.h"
#include "transfer/pack.h"
#include "transfer/source_internal.h"

/* The names and repositories that the store knows of an image. */
static int take_notes(Source *s, const Image *image, char ***ret_names) {
        int r = strv_copy(image->names, ret_names);

        strv_foreach(digest, image->repo_digests) {
                autoptr(Reference) ref = NULL;
                autofree char *registry = NULL, *repository = NULL;

                if (r < 0 || reference_parse(*digest, &ref, NULL) < 0)
                        continue;
                r = reference_split(ref, &registry, &repository);
                if (r >= 0)
                        r = strv_addf(&s->mounts, "%s/%s", registry, repository);
        }
        return r;
}

/* Packs a layer now; @d gets what it came to, if that is not what the manifest says already. */
static int pack_now(Source *s, const Layer *layer, const PackOptions *how, OciDescriptor *d,
                    Err *err) {
        bool compress = how->compression != COMPRESSION_NONE;
        Packed packed = { .file = -EBADF };
        int r = pack_layer(s->home, layer, how, &packed, err);

        if (r < 0)
                return r;
        r = source_add_place(s, packed.digest, packed.file, 0, packed.size, packed.path, err);
        if (r >= 0 && !compress && !str_equal(packed.digest, layer->diff_id))
                r = refuse(err, EBADMSG, "the layer '%s' is damaged: its tar's digest is %s",
                           layer->chain_id, packed.digest);
        free(packed.path);
        if (r < 0 || !compress)
                return r;
        d->size = packed.size;
        return str_set(&d->digest, packed.digest) < 0 ? fail(err, ENOMEM, "cannot pack a layer")
                                                      : 0;
}

/* What was packed before is so again only if somebody wants its bytes. */
static int pack_one(Source *s, const char *chain_id, const PackOptions *how, OciDescriptor *d,
                    Err *err) {
        bool compress = how->compression != COMPRESSION_NONE;
        char digest[DIGEST_LENGTH + 1];
        autoptr(Layer) layer = NULL;
        int64_t size;
        int r;

        r = layer_load(s->home, chain_id, &layer, err);
        if (r < 0)
                return r;
        if (compress && pack_remembered(s->home, layer, how, digest, &size)) {
                s->promised = *how;
                r = source_add_promise(s, digest, size, chain_id, err);
                d->size = size;
                if (r >= 0 && str_set(&d->digest, digest) < 0)
                        r = fail(err, ENOMEM, "cannot pack a layer");
        } else {
                r = pack_now(s, layer, how, d, err);
        }
        if (r >= 0 && compress &&
            str_set(&d->media_type, compression_media_type(how->compression)) < 0)
                r = fail(err, ENOMEM, "cannot pack a layer");
        return r;
}

int source_keep_promise(Source *s, KnownPlace *place, Err *err) {
        autoptr(Layer) layer = NULL;
        Packed packed = { .file = -EBADF };
        int r;

        r = layer_load(s->home, place->chain_id, &layer, err);
        if (r >= 0)
                r = pack_layer(s->home, layer, &s->promised, &packed, err);
        if (r < 0)
                return r;
        place->file = packed.file;
        place->path = packed.path;
        free(take_ptr(place->chain_id));
        if (str_equal(packed.digest, place->digest))
                return 0;
        pack_forget(s->home, layer);
        refuse(err, EBADMSG, "the layer '%s' was %s when it was packed before, and now is %s",
               layer->chain_id, place->digest, packed.digest);
        return err_hint(err, -EBADMSG, "'isola store check' says whether it is damaged");
}

/* Layers without a blob were built here; packed, their descriptors change.  1 if any did. */
static int pack_layers(Source *s, const Image *image, OciManifest *m, const PackOptions *how,
                       Err *err) {
        autostrv chains = NULL;
        int changed = 0;

        if (layer_chain_ids(image->config.rootfs.diff_ids, &chains) < 0)
                return fail(err, ENOMEM, "cannot pack the layers");
        if (strv_length(chains) != m->n_layers)
                return refuse(err, EBADMSG, "the image's manifest and config do not fit");
        for (size_t i = 0; i < m->n_layers; i++) {
                int r;

                if (layout_has_blob(s->home, m->layers[i].digest))
                        continue;
                r = pack_one(s, chains[i], how, &m->layers[i], err);
                if (r < 0)
                        return r;
                changed = how->compression != COMPRESSION_NONE;
        }
        return changed;
}

/* @ret: names the manifest as it goes out; its media type and digest are new. */
static int pack_image(Source *s, const Image *image, const PackOptions *how, OciDescriptor *ret,
                      Err *err) {
        char digest[DIGEST_LENGTH + 1];
        autofree char *text = NULL;
        autodescription said = {};
        size_t size;
        int r;

        r = layout_read_blob(s->home, image->manifest_digest, &text, &size, err);
        if (r >= 0)
                r = describe_document(text, size, NULL, &said, err);
        if (r >= 0 && !said.manifest)
                r = refuse(err, EBADMSG, "the image's manifest is an index");
        if (r >= 0)
                r = pack_layers(s, image, said.manifest, how, err);
        if (r < 0)
                return r;
        memcpy(digest, image->manifest_digest, sizeof digest);
        ret->size = (int64_t) size;
        if (r > 0) {
                char *changed = json_text(&oci_manifest_type, said.manifest);

                ret->size = changed ? source_add_made(s, changed, OCI_MEDIA_MANIFEST, digest, err)
                                    : fail(err, ENOMEM, "cannot make a manifest");
                if (ret->size < 0)
                        return (int) ret->size;
        }
        return str_set(&ret->digest, digest) < 0 ||
                               str_set(&ret->media_type, said.manifest->media_type
                                                                 ? said.manifest->media_type
                                                                 : OCI_MEDIA_MANIFEST) < 0
                       ? fail(err, ENOMEM, "cannot make a manifest")
                       : 0;
}

static int add_manifest(Source *s, const Image *image, const PackOptions *how, char *const *names,
                        Err *err) {
        OciDescriptor d = {};
        int r = pack_image(s, image, how, &d, err);

        if (r >= 0)
                r = source_add_image(s, &d, names, err);
        json_clear(&oci_descriptor_type, &d);
        return r;
}

/* ------------------------------------------------------------------- an index */

/* What is no image of ours, such as an attestation, is there with all its blobs, or not. */
static bool has_document(const Home *home, const char *digest) {
        autofree char *text = NULL;
        autodescription said = {};
        size_t size;

        if (layout_read_blob(home, digest, &text, &size, NULL) < 0 ||
            describe_document(text, size, NULL, &said, NULL) < 0 || !said.manifest ||
            !layout_has_blob(home, said.manifest->config.digest))
                return false;
        for (size_t i = 0; i < said.manifest->n_layers; i++)
                if (!layout_has_blob(home, said.manifest->layers[i].digest))
                        return false;
        return true;
}

enum { PART_AS_IT_IS, PART_CHANGED, PART_MISSING };

/* @first: the image that is packed already.  Return: one of the above; negative errno. */
static int pack_part(Source *s, const Image *first, const PackOptions *how, OciDescriptor *d,
                     Err *err) {
        autofree char *before = strdup(d->digest);
        autoptr(Image) image = NULL;
        int r;

        if (!before)
                return fail(err, ENOMEM, "cannot make an index");
        if (str_equal(before, first->manifest_digest)) {
                d->size = s->images[0].descriptor.size;
                r = str_set(&d->digest, s->images[0].descriptor.digest);
                if (r < 0)
                        return fail(err, r, "cannot make an index");
        } else if (image_load_manifest(s->home, before, &image) < 0) {
                return has_document(s->home, before) ? PART_AS_IT_IS : PART_MISSING;
        } else {
                r = pack_image(s, image, how, d, err);
                if (r < 0)
                        return r;
        }
        return str_equal(d->digest, before) ? PART_AS_IT_IS : PART_CHANGED;
}

/* 0 without a word if a part of it is not here. */
static int add_index(Source *s, const char *digest, const Image *first, const PackOptions *how,
                     char *const *names, Err *err) {
        OciDescriptor d = { .media_type = (char *) OCI_MEDIA_INDEX };
        char now[DIGEST_LENGTH + 1];
        autofree char *text = NULL;
        autodescription said = {};
        int changed = 0, r;
        size_t size;

        if (!layout_has_blob(s->home, digest))
                return 0;
        r = layout_read_blob(s->home, digest, &text, &size, err);
        if (r >= 0)
                r = describe_document(text, size, NULL, &said, err);
        if (r >= 0 && !said.index)
                r = refuse(err, EBADMSG, "'%s' is no index", digest);
        for (size_t i = 0; r >= 0 && i < said.index->n_manifests; i++) {
                r = pack_part(s, first, how, &said.index->manifests[i], err);
                if (r == PART_MISSING)
                        return 0;
                changed |= r == PART_CHANGED;
        }
        if (r < 0)
                return r;
        memcpy(now, digest, sizeof now);
        d.size = (int64_t) size;
        if (said.index->media_type)
                d.media_type = said.index->media_type;
        if (changed) {
                char *made = json_text(&oci_index_type, said.index);

                d.size = made ? source_add_made(s, made, OCI_MEDIA_INDEX, now, err)
                              : fail(err, ENOMEM, "cannot make an index");
                d.media_type = (char *) OCI_MEDIA_INDEX;
        }
        d.digest = now;
        return d.size < 0 ? (int) d.size : source_add_image(s, &d, names, err);
}

static void index_auto(OciIndex *index) {
        json_clear(&oci_index_type, index);
}

static int open_store(Source *s, const char *name, const PackOptions *how, Err *err) {
        __attribute__((__cleanup__(index_auto))) OciIndex layout = {};
        autoptr(Image) image = NULL;
        autostrv names = NULL;
        const char *index;
        int r;

        s->dir = openat(s->home->data_fd, "image-store", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = image_load(s->home, name, &image, err);
        if (r >= 0)
                r = image_load_names(s->home, image, err);
        if (r < 0)
                return r;
        if (s->dir < 0)
                return fail(err, errno, "cannot open '%s/image-store'", s->home->data);
        if (take_notes(s, image, &names) < 0)
                return fail(err, ENOMEM, "cannot open the image");
        r = layout_load_index(s->home, &layout, err);
        if (r >= 0)
                r = add_manifest(s, image, how, names, err);
        if (r < 0 || !how->whole)
                return r;
        index = image_index_of(&layout, name);
        return index ? add_index(s, index, image, how, names, err) : 0;
}

int source_open_store(const Home *home, const char *name, const PackOptions *how, Source **ret,
                      Err *err) {
        autoptr(Source) s = source_new(home);
        int r = s ? open_store(s, name, how, err) : fail(err, ENOMEM, "cannot open the image");

        if (r < 0)
                return r;
        *ret = take_ptr(s);
        return 0;
}
