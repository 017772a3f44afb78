/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/id.h"
#include "base/str.h"
#include "store/layer.h"
#include "store/layout.h"
#include "store/record.h"

#define RECORD_VERSION 2

typedef struct Record {
        int version;
        char *id, *manifest;
        int64_t size;
        char **layers; /* chain ids, lowest first */
        char **blobs;
        OciImage image;
} Record;

static const JsonField record_fields[] = {
        JSON_INT(Record, version, "version", JSON_REQUIRED),
        JSON_STRING(Record, id, "id", JSON_REQUIRED),
        JSON_STRING(Record, manifest, "manifest", JSON_REQUIRED),
        JSON_I64(Record, size, "size"),
        JSON_STRINGS(Record, layers, "layers"),
        JSON_STRINGS(Record, blobs, "blobs"),
        JSON_STRUCT(Record, image, OciImage, "image", &oci_image_type, JSON_REQUIRED),
        {},
};
static const JsonType record_type = { sizeof(Record), record_fields };

static void record_auto(Record *record) {
        json_clear(&record_type, record);
}
#define autorecord __attribute__((__cleanup__(record_auto))) Record

Image *image_free(Image *image) {
        if (image) {
                json_clear(&oci_image_type, &image->config);
                strv_free(image->names);
                strv_free(image->repo_digests);
                strv_free(image->lowers);
                strv_free(image->blobs);
                free(image);
        }
        return NULL;
}

/* Moves what the record says into an image; the record is poorer afterwards. */
static int to_image(const Home *home, Record *record, Image **ret) {
        autoptr(Image) image = calloc(1, sizeof *image);
        size_t n = strv_length(record->layers);

        if (!image)
                return -ENOMEM;
        if (record->version != RECORD_VERSION || !digest_is_valid(record->id) ||
            !digest_is_valid(record->manifest))
                return -ENOENT;
        for (size_t i = n; i-- > 0;) {
                if (!digest_is_valid(record->layers[i]))
                        return -ENOENT;
                if (strv_addf(&image->lowers, "%s/layers/%s/diff", home->data,
                              digest_hex(record->layers[i])) < 0)
                        return -ENOMEM;
        }
        memcpy(image->id, record->id, sizeof image->id);
        memcpy(image->manifest_digest, record->manifest, sizeof image->manifest_digest);
        if (n > 0)
                memcpy(image->top_chain_id, record->layers[n - 1], sizeof image->top_chain_id);
        image->size = record->size;
        image->config = record->image;
        record->image = (OciImage){};
        image->blobs = take_ptr(record->blobs);
        *ret = take_ptr(image);
        return 0;
}

static int load_path(const Home *home, const char *path, Image **ret) {
        autorecord record = {};

        /* A record that a power cut left empty is as good as none. */
        if (json_load(&record_type, home->data_fd, path, &record, NULL) < 0)
                return -ENOENT;
        return to_image(home, &record, ret);
}

int record_load(const Home *home, const char *id, Image **ret) {
        char path[sizeof "images/.json" + DIGEST_HEX_LENGTH];

        snprintf(path, sizeof path, "images/%s.json", digest_hex(id));
        return load_path(home, path, ret);
}

/* A reference holds no '%', so it can stand for the slash; NULL if no file can be called so. */
static char *name_path(const char *name) {
        char *path;

        if (strlen(name) > 255)
                return NULL;
        path = str_format("images/names/%s", name);
        for (char *p = path ? path + strlen("images/names/") : NULL; p && *p; p++)
                if (*p == '/')
                        *p = '%';
        return path;
}

int record_load_named(const Home *home, const char *name, Image **ret) {
        autofree char *path = name_path(name);

        return path ? load_path(home, path, ret) : -ENOENT;
}

bool record_is_named(const Home *home, const char *name) {
        autofree char *path = name_path(name);

        return path && file_access(home->data_fd, path, F_OK) >= 0;
}

int record_load_prefix(const Home *home, const char *prefix, Image **ret) {
        char id[DIGEST_LENGTH + 1] = "";
        autostrv names = NULL;

        if (str_after(prefix, "sha256:"))
                prefix = str_after(prefix, "sha256:");
        if (!id_is_prefix(prefix) || dir_list(home->data_fd, "images", &names) < 0)
                return -ENOENT;
        strv_foreach(name, names) {
                if (!str_after(*name, prefix) ||
                    strlen(*name) != DIGEST_HEX_LENGTH + strlen(".json"))
                        continue;
                if (*id)
                        return -ENOTUNIQ;
                snprintf(id, sizeof id, "sha256:%.*s", DIGEST_HEX_LENGTH, *name);
        }
        return *id ? record_load(home, id, ret) : -ENOENT;
}

/* Finds the layers that the config's diff ids stand for. */
static int find_layers(const Home *home, Record *record, Err *err) {
        char chain[DIGEST_LENGTH + 1] = "";

        strv_foreach(diff_id, record->image.rootfs.diff_ids) {
                autoptr(Layer) layer = NULL;
                int r;

                if (!digest_is_valid(*diff_id))
                        return refuse(err, EINVAL, "'%s' is no digest that isola knows", *diff_id);
                layer_chain_id(chain, *diff_id, chain);
                r = layer_load(home, chain, &layer, err);
                if (r < 0)
                        return r;
                if (strv_add(&record->layers, chain) < 0)
                        return fail(err, ENOMEM, "cannot load an image");
                record->size += layer->size;
        }
        return 0;
}

int record_of(const Home *home, const char *manifest_digest, const OciManifest *manifest,
              const OciImage *config, Image **ret, Err *err) {
        autorecord record = { .version = RECORD_VERSION };
        int r;

        record.manifest = strdup(manifest_digest);
        record.id = strdup(manifest->config.digest);
        r = record.manifest && record.id ? json_clone(&oci_image_type, config, &record.image)
                                         : -ENOMEM;
        for (size_t i = 0; i < manifest->n_layers && r >= 0; i++)
                r = strv_add(&record.blobs, manifest->layers[i].digest);
        if (r < 0)
                return fail(err, r, "cannot keep an image");
        r = find_layers(home, &record, err);
        if (r < 0)
                return r;
        r = to_image(home, &record, ret);
        return r < 0 ? fail(err, r, "cannot keep an image") : 0;
}

int record_describe(const Home *home, const char *manifest_digest, Description *ret_manifest,
                    Description *ret_config, Err *err) {
        autofree char *text = NULL, *config = NULL;
        const OciManifest *m;
        size_t size;
        int r;

        r = layout_read_blob(home, manifest_digest, &text, &size, err);
        if (r >= 0)
                r = describe_document(text, size, NULL, ret_manifest, err);
        if (r >= 0 && !ret_manifest->manifest)
                r = refuse(err, EBADMSG, "'%s' is no manifest but an index", manifest_digest);
        if (r < 0)
                return r;
        m = ret_manifest->manifest;
        r = layout_read_blob(home, m->config.digest, &config, &size, err);
        return r < 0 ? r
                     : describe_config(config, size, m->config.media_type, m->n_layers, ret_config,
                                       err);
}

int record_build(const Home *home, const char *manifest_digest, Image **ret, Err *err) {
        autodescription manifest = {};
        autodescription config = {};
        int r = record_describe(home, manifest_digest, &manifest, &config, err);

        return r < 0 ? r
                     : record_of(home, manifest_digest, manifest.manifest, config.image, ret, err);
}

int record_chain_ids(const Image *image, char ***ret) {
        return layer_chain_ids(image->config.rootfs.diff_ids, ret);
}

int record_save(const Home *home, const Image *image, Err *err) {
        char path[sizeof "images/.json" + DIGEST_HEX_LENGTH];
        Record record = { .version = RECORD_VERSION,
                          .id = (char *) image->id,
                          .manifest = (char *) image->manifest_digest,
                          .size = image->size,
                          .blobs = image->blobs,
                          .image = image->config };
        autostrv layers = NULL;
        int r;

        r = record_chain_ids(image, &layers);
        if (r >= 0)
                r = dir_make(home->data_fd, "images/names", 0700);
        if (r < 0)
                return fail(err, r, "cannot save the image's record");
        record.layers = layers;
        snprintf(path, sizeof path, "images/%s.json", digest_hex(image->id));
        return json_save(&record_type, home->data_fd, path, &record, false, err);
}

void record_remove(const Home *home, const char *id) {
        char path[sizeof "images/.json" + DIGEST_HEX_LENGTH];

        snprintf(path, sizeof path, "images/%s.json", digest_hex(id));
        (void) unlinkat(home->data_fd, path, 0);
}

void record_bury(const Home *home, const char *id) {
        autofree char *path = str_format("images/%s.json", digest_hex(id));
        autofree char *grave = str_format("images/" RECORD_BURIED_PREFIX "%s.json", digest_hex(id));

        if (path && grave)
                (void) renameat(home->data_fd, path, home->data_fd, grave);
}

int record_load_buried(const Home *home, const char *file, Image **ret) {
        autofree char *path = NULL;

        if (!str_after(file, RECORD_BURIED_PREFIX))
                return -ENOENT;
        path = str_format("images/%s", file);
        return path ? load_path(home, path, ret) : -ENOMEM;
}

void record_unname(const Home *home, const char *name) {
        autofree char *path = name_path(name);

        if (path)
                (void) unlinkat(home->data_fd, path, 0);
}

int record_name(const Home *home, const char *name, const char *id, Err *err) {
        char target[sizeof "../.json" + DIGEST_HEX_LENGTH];
        autofree char *path = name_path(name);

        if (!path)
                return 0;
        snprintf(target, sizeof target, "../%s.json", digest_hex(id));
        (void) unlinkat(home->data_fd, path, 0);
        if (symlinkat(target, home->data_fd, path) < 0)
                return fail(err, errno, "cannot name the image '%s'", name);
        return 0;
}
