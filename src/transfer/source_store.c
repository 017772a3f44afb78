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

/* The index that an image was chosen from, if all that it names is here. */
static const char *whole_index(const Home *home, const OciIndex *layout, const Image *image) {
        for (size_t i = 0; i < layout->n_manifests; i++) {
                const OciDescriptor *d = &layout->manifests[i];
                const char *index = strv_env_get(d->annotations, LAYOUT_INDEX);

                if (index && str_equal(d->digest, image->manifest_digest) &&
                    layout_has_blob(home, index))
                        return index;
        }
        return NULL;
}

static int add_index(Source *s, const OciIndex *layout, const Image *image, char *const *names,
                     Err *err) {
        const char *digest = whole_index(s->home, layout, image);
        OciDescriptor d = { .media_type = (char *) OCI_MEDIA_INDEX, .digest = (char *) digest };
        autofree char *text = NULL;
        size_t size;
        int r;

        if (!digest)
                return 0;
        r = layout_read_blob(s->home, digest, &text, &size, err);
        if (r < 0)
                return r;
        d.size = (int64_t) size;
        return source_add_image(s, &d, names, err);
}

static int pack_one(Source *s, const char *chain_id, bool compress, OciDescriptor *d, Err *err) {
        autoptr(Layer) layer = NULL;
        Packed packed = { .file = -EBADF };
        int r;

        r = layer_load(s->home, chain_id, &layer, err);
        if (r >= 0)
                r = pack_layer(s->home, layer, compress, &packed, err);
        if (r < 0)
                return r;
        r = source_add_place(s, packed.digest, packed.file, 0, packed.size, packed.path, err);
        if (r >= 0 && !compress && !str_equal(packed.digest, layer->diff_id))
                r = refuse(err, EBADMSG, "the layer '%s' is damaged: its tar's digest is %s",
                           chain_id, packed.digest);
        free(packed.path);
        if (r < 0 || !compress)
                return r;
        d->size = packed.size;
        return str_set(&d->digest, packed.digest) < 0 || str_set(&d->media_type, OCI_MEDIA_GZIP) < 0
                       ? fail(err, ENOMEM, "cannot pack a layer")
                       : 0;
}

/* Layers without a blob were built here; packed, their descriptors change.  1 if any did. */
static int pack_layers(Source *s, const Image *image, OciManifest *m, bool compress, Err *err) {
        autostrv chains = NULL;
        int changed = 0;

        if (pull_chain_ids(&image->config, &chains) < 0)
                return fail(err, ENOMEM, "cannot pack the layers");
        if (strv_length(chains) != m->n_layers)
                return refuse(err, EBADMSG, "the image's manifest and config do not fit");
        for (size_t i = 0; i < m->n_layers; i++) {
                int r;

                if (layout_has_blob(s->home, m->layers[i].digest))
                        continue;
                r = pack_one(s, chains[i], compress, &m->layers[i], err);
                if (r < 0)
                        return r;
                changed = compress;
        }
        return changed;
}

static int add_manifest(Source *s, const Image *image, bool compress, char *const *names,
                        Err *err) {
        OciDescriptor d = { .digest = (char *) image->manifest_digest };
        autofree char *text = NULL;
        autodescription said = {};
        char *changed;
        size_t size;
        int r;

        r = layout_read_blob(s->home, image->manifest_digest, &text, &size, err);
        if (r >= 0)
                r = describe_document(text, size, NULL, &said, err);
        if (r >= 0 && !said.manifest)
                r = refuse(err, EBADMSG, "the image's manifest is an index");
        if (r < 0)
                return r;
        r = pack_layers(s, image, said.manifest, compress, err);
        if (r < 0)
                return r;
        if (r > 0) {
                changed = json_text(&oci_manifest_type, said.manifest);
                return changed ? source_add_made(s, changed, OCI_MEDIA_MANIFEST, names, err)
                               : fail(err, ENOMEM, "cannot make a manifest");
        }
        d.size = (int64_t) size;
        d.media_type =
                said.manifest->media_type ? said.manifest->media_type : (char *) OCI_MEDIA_MANIFEST;
        return source_add_image(s, &d, names, err);
}

static void index_auto(OciIndex *index) {
        json_clear(&oci_index_type, index);
}

static int open_store(Source *s, const char *name, bool compress, Err *err) {
        __attribute__((__cleanup__(index_auto))) OciIndex layout = {};
        autoptr(Image) image = NULL;
        autostrv names = NULL;
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
                r = add_manifest(s, image, compress, names, err);
        return r < 0 ? r : add_index(s, &layout, image, names, err);
}

int source_open_store(const Home *home, const char *name, bool compress, Source **ret, Err *err) {
        autoptr(Source) s = source_new(home);
        int r = s ? open_store(s, name, compress, err) : fail(err, ENOMEM, "cannot open the image");

        if (r < 0)
                return r;
        *ret = take_ptr(s);
        return 0;
}
