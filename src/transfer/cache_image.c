/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>
#include <sys/mman.h>

#include "base/file.h"
#include "base/str.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "transfer/cache_image.h"
#include "transfer/copy.h"
#include "transfer/source_internal.h"

#define LIST_MAX (4u << 20)

void cache_images_clear(CacheImages *images) {
        for (size_t i = 0; i < images->n; i++) {
                CacheImage *image = &images->list[i];
                Description said = { .steps = image->steps, .n_steps = image->n_steps };

                free(image->reference);
                for (size_t k = 0; k < image->n_layers; k++)
                        json_clear(&oci_descriptor_type, &image->layers[k]);
                free(image->layers);
                description_clear(&said);
        }
        free(images->list);
        *images = (CacheImages){};
}

/* ------------------------------------------------------------------------- reading */

/* The config of a cache is fetched as a blob. */
static int read_config(Source *source, const OciManifest *m, Description *ret, Err *err) {
        const OciDescriptor *const wanted[] = { &m->config };
        autofree char *text = NULL;
        BlobPlace place;
        ssize_t n;
        int r;

        if (m->config.size < 0 || m->config.size > LIST_MAX)
                return refuse(err, EFBIG, "the build cache lists too much: %lld bytes",
                              (long long) m->config.size);
        r = source_prepare(source, wanted, 1, &(Watcher){}, err);
        if (r >= 0)
                r = source_blob(source, &m->config, &place, err);
        if (r < 0)
                return r;
        text = malloc((size_t) place.size + 1);
        n = text ? pread(place.file, text, (size_t) place.size, place.offset) : -1;
        if (n != place.size)
                return fail(err, text ? EIO : ENOMEM, "cannot read a build cache");
        return describe_cache(text, (size_t) n, m->n_layers, ret, err);
}

static int load_one(Source *source, const char *repository, const Document *manifest,
                    CacheImages *ret, Err *err) {
        const OciManifest *m = manifest->said.manifest;
        const char *said = strv_env_get(m->annotations, CACHE_ANNOTATION);
        autodescription list = {};
        CacheImage *image;
        int r = 0;

        if (str_equal(m->config.media_type, CACHE_CONFIG))
                r = read_config(source, m, &list, err);
        else if (said)
                r = describe_cache(said, strlen(said), m->n_layers, &list, err);
        if (r < 0 || list.n_steps == 0)
                return r;
        image = json_grow(&ret->list, &ret->n, sizeof *image);
        if (!image)
                return fail(err, ENOMEM, "cannot read a build cache");
        image->reference = str_format("%s@%s", repository, manifest->digest);
        image->steps = take_ptr(list.steps);
        image->n_steps = list.n_steps;
        list.n_steps = 0;
        for (size_t i = 0; i < m->n_layers; i++) {
                OciDescriptor *d = json_grow(&image->layers, &image->n_layers, sizeof *d);

                if (!d || json_clone(&oci_descriptor_type, &m->layers[i], d) < 0)
                        return fail(err, ENOMEM, "cannot read a build cache");
        }
        return image->reference ? 0 : fail(err, ENOMEM, "cannot read a build cache");
}

int cache_images_load(const Home *home, const char *name, const PlaceOptions *place,
                      CacheImages *ret, Err *err) {
        autoptr(Reference) ref = NULL;
        autoptr(Source) source = NULL;
        autodocument top = {};
        size_t n;
        int r;

        r = reference_parse(name, &ref, err);
        if (r >= 0)
                r = source_open_registry(home, name, place, &source, err);
        if (r >= 0)
                r = source_document(source, &source_images(source, &n)[0].descriptor, &top, err);
        if (r >= 0 && top.said.manifest)
                return load_one(source, ref->name, &top, ret, err);
        for (size_t i = 0; r >= 0 && i < top.said.index->n_manifests; i++) {
                const OciDescriptor *d = &top.said.index->manifests[i];
                autodocument manifest = {};

                if (!platform_is_real(d))
                        continue;
                r = source_document(source, d, &manifest, err);
                if (r >= 0 && manifest.said.manifest)
                        r = load_one(source, ref->name, &manifest, ret, err);
        }
        return r;
}

int cache_image_fetch(const Home *home, const CacheImage *image, size_t layer,
                      const PlaceOptions *options, Source **ret, BlobPlace *place, Err *err) {
        const OciDescriptor *const wanted[] = { &image->layers[layer] };
        autoptr(Source) source = NULL;
        int r;

        r = source_open_registry(home, image->reference, options, &source, err);
        if (r >= 0)
                r = source_prepare(source, wanted, 1, &(Watcher){}, err);
        if (r >= 0)
                r = source_blob(source, wanted[0], place, err);
        if (r >= 0)
                *ret = take_ptr(source);
        return r;
}

/* ------------------------------------------------------------------------- writing */

/* What is put together for a push. */
typedef struct Packing {
        Source *source;
        CacheList list;
        OciDescriptor *layers;
        size_t n_layers;
        char **chains, **diffs; /* of the layers */
        int config;             /* a memory file that holds the list */
} Packing;

static void packing_clear(Packing *p) {
        source_free(p->source);
        json_clear(&cache_list_type, &p->list);
        for (size_t i = 0; i < p->n_layers; i++)
                json_clear(&oci_descriptor_type, &p->layers[i]);
        free(p->layers);
        strv_free(p->chains);
        strv_free(p->diffs);
        close_fd(p->config);
}

static int pack(Packing *p, const char *chain_id, Err *err) {
        const PackOptions how = { .compression = COMPRESSION_GZIP };
        autoptr(Layer) layer = NULL;
        Packed packed = { .file = -EBADF };
        OciDescriptor *d;
        int r;

        r = layer_load(p->source->home, chain_id, &layer, err);
        if (r >= 0)
                r = pack_layer(p->source->home, layer, &how, &packed, err);
        if (r >= 0)
                r = source_add_place(p->source, packed.digest, packed.file, 0, packed.size,
                                     packed.path, err);
        free(packed.path);
        if (r < 0)
                return r;
        d = json_grow(&p->layers, &p->n_layers, sizeof *d);
        if (!d)
                return fail(err, ENOMEM, "cannot write a build cache");
        d->media_type = strdup(OCI_MEDIA_GZIP);
        d->digest = strdup(packed.digest);
        d->size = packed.size;
        return !d->media_type || !d->digest || strv_add(&p->chains, chain_id) < 0 ||
                               strv_add(&p->diffs, layer->diff_id) < 0
                       ? fail(err, ENOMEM, "cannot write a build cache")
                       : 0;
}

static int add_step(Packing *p, const CacheResult *result, Err *err) {
        CacheStep *step;
        size_t at = 0;

        for (size_t i = 0; i < p->list.n_steps; i++)
                if (str_equal(p->list.steps[i].key, result->key))
                        return 0;
        if (result->chain_id) {
                int r;

                while (at < p->n_layers && !str_equal(p->chains[at], result->chain_id))
                        at++;
                r = at < p->n_layers ? 0 : pack(p, result->chain_id, err);
                if (r < 0)
                        return r;
        }
        step = json_grow(&p->list.steps, &p->list.n_steps, sizeof *step);
        if (!step)
                return fail(err, ENOMEM, "cannot write a build cache");
        step->key = strdup(result->key);
        step->created = strdup(result->created);
        step->diff_id = result->chain_id ? strdup(p->diffs[at]) : NULL;
        step->layer = (int64_t) at;
        return !step->key || !step->created || (result->chain_id && !step->diff_id)
                       ? fail(err, ENOMEM, "cannot write a build cache")
                       : 0;
}

/* The manifest and the list become part of the source, which then has an image. */
static int add_manifest(Packing *p, Err *err) {
        OciDescriptor d = { .media_type = (char *) OCI_MEDIA_MANIFEST };
        char config[DIGEST_LENGTH + 1], digest[DIGEST_LENGTH + 1], *text;
        OciManifest m = { .schema_version = 2,
                          .media_type = (char *) OCI_MEDIA_MANIFEST,
                          .artifact_type = (char *) CACHE_ARTIFACT,
                          .layers = p->layers,
                          .n_layers = p->n_layers };
        autofree char *list = NULL;
        int r;

        p->list.version = CACHE_LIST_VERSION;
        list = json_text(&cache_list_type, &p->list);
        p->config = memfd_create("isola-cache", MFD_CLOEXEC);
        r = !list ? -ENOMEM : p->config < 0 ? -errno : fd_write_all(p->config, list, strlen(list));
        if (r < 0)
                return fail(err, r, "cannot write a build cache");
        digest_of(list, strlen(list), config);
        m.config = (OciDescriptor){ .media_type = (char *) CACHE_CONFIG,
                                    .digest = config,
                                    .size = (int64_t) strlen(list) };
        r = source_add_place(p->source, config, p->config, 0, m.config.size, NULL, err);
        if (r < 0)
                return r;
        text = json_text(&oci_manifest_type, &m);
        d.size = text ? source_add_made(p->source, text, OCI_MEDIA_MANIFEST, digest, err)
                      : fail(err, ENOMEM, "cannot write a build cache");
        d.digest = digest;
        return d.size < 0 ? (int) d.size : source_add_image(p->source, &d, NULL, err);
}

int cache_image_push(const Home *home, const char *name, const PlaceOptions *place,
                     const CacheResult *results, size_t n, Err *err) {
        __attribute__((__cleanup__(packing_clear)))
        Packing p = { .source = source_new(home), .config = -EBADF };
        char digest[DIGEST_LENGTH + 1];
        autoptr(Dest) dest = NULL;
        size_t n_images;
        int r = p.source ? 0 : fail(err, ENOMEM, "cannot write a build cache");

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add_step(&p, &results[i], err);
        if (r >= 0)
                r = add_manifest(&p, err);
        if (r >= 0)
                r = dest_open_registry(name, place, &dest, err);
        return r < 0 ? r
                     : copy_image(p.source, &source_images(p.source, &n_images)[0], dest, NULL,
                                  &(CopyOptions){}, digest, err);
}
