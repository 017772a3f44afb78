/* SPDX-License-Identifier: GPL-2.0-or-later */

/* An image made here: its config and manifest written, its layers synced, its names given. */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "store/image_internal.h"
#include "store/layer.h"
#include "store/layout.h"
#include "store/record.h"

static void index_auto(OciIndex *index) {
        json_clear(&oci_index_type, index);
}
#define autoindex __attribute__((__cleanup__(index_auto))) OciIndex

/* One image_create() on its way. */
typedef struct Creation {
        const Home *home;
        char *const *chain_ids, *const *annotations;
        Layer **layers;
        size_t n_layers;
        char *config, *manifest; /* their texts */
        char config_digest[DIGEST_LENGTH + 1], manifest_digest[DIGEST_LENGTH + 1];
        Image *image;
} Creation;

static void creation_clear(Creation *c) {
        for (size_t i = 0; i < c->n_layers; i++)
                layer_free(c->layers[i]);
        free(c->layers);
        free(c->config);
        free(c->manifest);
        image_free(c->image);
}

static int fill_config(OciImage *config, Layer *const *layers, size_t n, Err *err) {
        bool made_all = true;

        strv_free(config->rootfs.diff_ids);
        config->rootfs.diff_ids = NULL;
        for (size_t i = 0; i < n; i++)
                if (strv_add(&config->rootfs.diff_ids, layers[i]->diff_id) < 0)
                        return fail(err, ENOMEM, "cannot write the image's config");
        free(config->rootfs.type);
        config->rootfs.type = strdup("layers");
        if (!config->architecture)
                config->architecture = strdup(oci_architecture());
        if (!config->os)
                config->os = strdup("linux");
        if (!config->created)
                config->created = clock_rfc3339(clock_now_ns());
        made_all = config->rootfs.type && config->architecture && config->os && config->created;
        return made_all ? 0 : fail(err, ENOMEM, "cannot write the image's config");
}

static int write_json(const JsonType *type, const void *value, char **ret,
                      char digest[DIGEST_LENGTH + 1], Err *err) {
        *ret = json_text(type, value);
        if (!*ret)
                return refuse(err, EINVAL, "the image's config holds text that is not UTF-8");
        digest_of(*ret, strlen(*ret), digest);
        return 0;
}

/* How a blob is compressed, by its first bytes. */
static const char *blob_media_type(int blob) {
        unsigned char head[4] = {};

        if (pread(blob, head, sizeof head, 0) < 4)
                return OCI_MEDIA_LAYER;
        if (head[0] == 0x1f && head[1] == 0x8b)
                return OCI_MEDIA_GZIP;
        return memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0 ? OCI_MEDIA_ZSTD : OCI_MEDIA_LAYER;
}

/*
 * A layer from elsewhere is its blob, which so stays as long as an image stands on the layer; one
 * that was made here is the tar that it would make.
 */
static void describe_layer(const Home *home, Layer *layer, OciDescriptor *ret) {
        autofree char *path = *layer->blob ? layout_blob_path(layer->blob) : NULL;
        autoclose int blob =
                path ? openat(home->data_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -EBADF;
        struct stat st;

        if (blob >= 0 && fstat(blob, &st) == 0) {
                ret->media_type = (char *) blob_media_type(blob);
                ret->digest = layer->blob;
                ret->size = st.st_size;
                return;
        }
        ret->media_type = (char *) OCI_MEDIA_LAYER;
        ret->digest = layer->diff_id;
        ret->size = layer->size;
}

static int describe(Creation *c, const OciImage *config, Err *err) {
        autofree OciDescriptor *descriptors = calloc(c->n_layers + 1, sizeof *descriptors);
        OciManifest manifest = { .schema_version = 2,
                                 .media_type = (char *) OCI_MEDIA_MANIFEST,
                                 .layers = descriptors,
                                 .n_layers = c->n_layers,
                                 .annotations = (char **) c->annotations };
        int r;

        if (!descriptors)
                return fail(err, ENOMEM, "cannot make an image");
        for (size_t i = 0; i < c->n_layers; i++)
                describe_layer(c->home, c->layers[i], &descriptors[i]);
        r = write_json(&oci_image_type, config, &c->config, c->config_digest, err);
        if (r < 0)
                return r;
        manifest.config = (OciDescriptor){ .media_type = (char *) OCI_MEDIA_CONFIG,
                                           .digest = c->config_digest,
                                           .size = (int64_t) strlen(c->config) };
        r = write_json(&oci_manifest_type, &manifest, &c->manifest, c->manifest_digest, err);
        return r < 0 ? r
                     : record_of(c->home, c->manifest_digest, &manifest, config, &c->image, err);
}

static bool is_blob(const Home *home, const char *digest, const char *text) {
        autofree char *there = NULL;
        size_t size;

        return layout_read_blob(home, digest, &there, &size, NULL) >= 0 && size == strlen(text) &&
               memcmp(there, text, size) == 0;
}

/* Whether the name means this image already, by itself and not as a part of an index. */
static bool is_named(const Creation *c, const OciIndex *index, const char *name) {
        autoptr(Image) image = NULL;
        const OciDescriptor *d = layout_find_name(index, name);

        return d && str_equal(d->digest, c->manifest_digest) &&
               !strv_env_get(d->annotations, LAYOUT_INDEX) &&
               record_load_named(c->home, name, &image) >= 0 &&
               str_equal(image->id, c->image->id) &&
               str_equal(image->manifest_digest, c->manifest_digest);
}

/*
 * Whether all of it is there: what the index names has been synced, so a build that comes to the
 * same as the last one writes nothing and waits for no disk.
 */
static bool is_there(const Creation *c, char *const *names) {
        autoindex index = {};

        if (!names || !*names || !layers_are_durable(c->home, c->chain_ids) ||
            layout_load_index(c->home, &index, NULL) < 0)
                return false;
        strv_foreach(name, names)
                if (!is_named(c, &index, *name))
                        return false;
        return is_blob(c->home, c->config_digest, c->config) &&
               is_blob(c->home, c->manifest_digest, c->manifest);
}

/* Of an image that came to nothing: what was written for it goes, unless the index names it. */
static void drop_blobs(const Creation *c, bool config, bool manifest) {
        autoindex index = {};

        if (layout_load_index(c->home, &index, NULL) < 0)
                return;
        for (size_t i = 0; i < index.n_manifests; i++)
                if (str_equal(index.manifests[i].digest, c->manifest_digest))
                        return;
        if (config)
                layout_remove_blob(c->home, c->config_digest);
        if (manifest)
                layout_remove_blob(c->home, c->manifest_digest);
}

/* Blobs, then their durability, then names. */
static int write_all(const Creation *c, char *const *names, Err *err) {
        int r;

        r = layout_put_blob(c->home, c->config, strlen(c->config), c->config_digest, err);
        if (r >= 0)
                r = layout_put_blob(c->home, c->manifest, strlen(c->manifest), c->manifest_digest,
                                    err);
        if (r < 0)
                return r;
        fault_point("image.blobs");
        r = layer_make_durable(c->home, c->chain_ids, err);
        if (r < 0)
                return r;
        return image_give_names(c->home,
                                &(ImageEntry){ .image = c->image,
                                               .manifest_size = (int64_t) strlen(c->manifest),
                                               .media_type = OCI_MEDIA_MANIFEST,
                                               .stands_alone = true },
                                names, err);
}

static int keep(const Creation *c, char *const *names, Err *err) {
        bool config = !layout_has_blob(c->home, c->config_digest);
        bool manifest = !layout_has_blob(c->home, c->manifest_digest);
        int r = write_all(c, names, err);

        if (r < 0)
                drop_blobs(c, config, manifest);
        return r;
}

static int load_layers(Creation *c, Err *err) {
        c->layers = calloc(strv_length(c->chain_ids) + 1, sizeof(Layer *));
        if (!c->layers)
                return fail(err, ENOMEM, "cannot make an image");
        for (; c->chain_ids && c->chain_ids[c->n_layers]; c->n_layers++) {
                int r = layer_load(c->home, c->chain_ids[c->n_layers], &c->layers[c->n_layers],
                                   err);

                if (r < 0)
                        return r;
        }
        return 0;
}

int image_create(const Home *home, OciImage *config, char *const *chain_ids, char *const *names,
                 Image **ret, Err *err) {
        return image_create_annotated(home, config, chain_ids, names, NULL, ret, err);
}

int image_create_annotated(const Home *home, OciImage *config, char *const *chain_ids,
                           char *const *names, char *const *annotations, Image **ret, Err *err) {
        __attribute__((__cleanup__(creation_clear)))
        Creation c = { .home = home, .chain_ids = chain_ids, .annotations = annotations };
        autoclose int lock = -EBADF;
        autostrv full = NULL;
        int r;

        r = image_full_names(names, &full, err);
        if (r < 0)
                return r;
        lock = layout_lock(home, true, err);
        if (lock < 0)
                return lock;
        r = load_layers(&c, err);
        if (r >= 0)
                r = fill_config(config, c.layers, c.n_layers, err);
        if (r >= 0)
                r = describe(&c, config, err);
        if (r >= 0 && !is_there(&c, full))
                r = keep(&c, full, err);
        if (r < 0)
                return r;
        *ret = take_ptr(c.image);
        return 0;
}
