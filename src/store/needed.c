/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "store/needed.h"
#include "base/str.h"
#include "store/describe.h"
#include "store/layer.h"
#include "store/record.h"

#define DEPTH_MAX 8 /* an index of indexes, as other tools may have made it */

static int add_described(const Home *home, const char *digest, int depth, char ***ret);

static int add_children(const Home *home, const OciIndex *index, int depth, char ***ret) {
        int r = 0;

        for (size_t i = 0; i < index->n_manifests && r >= 0; i++)
                if (layout_has_blob(home, index->manifests[i].digest))
                        r = add_described(home, index->manifests[i].digest, depth, ret);
        return r;
}

static int add_described(const Home *home, const char *digest, int depth, char ***ret) {
        autofree char *text = NULL;
        autodescription said = {};
        size_t size;
        int r;

        if (depth > DEPTH_MAX)
                return -ELOOP;
        r = layout_read_blob(home, digest, &text, &size, NULL);
        if (r >= 0)
                r = describe_document(text, size, NULL, &said, NULL);
        if (r >= 0)
                r = strv_add(ret, digest);
        if (r < 0 || said.index)
                return r < 0 ? r : add_children(home, said.index, depth + 1, ret);
        r = strv_add(ret, said.manifest->config.digest);
        for (size_t i = 0; i < said.manifest->n_layers && r >= 0; i++)
                r = strv_add(ret, said.manifest->layers[i].digest);
        return r;
}

/* The record of one of isola's own, if it is this entry's. */
static int load_record(const Home *home, const OciDescriptor *d, Image **ret) {
        const char *id = strv_env_get(d->annotations, LAYOUT_ID);
        autoptr(Image) image = NULL;

        if (!id || !digest_is_valid(id) || record_load(home, id, &image) < 0 ||
            !str_equal(image->manifest_digest, d->digest))
                return -ENOENT;
        *ret = take_ptr(image);
        return 0;
}

static int add_blobs(const Home *home, const OciDescriptor *d, char ***ret) {
        const char *from = strv_env_get(d->annotations, LAYOUT_INDEX);
        autoptr(Image) image = NULL;
        int r = from ? strv_add(ret, from) : 0;

        if (r < 0)
                return r;
        if (load_record(home, d, &image) < 0)
                return add_described(home, d->digest, 0, ret);
        r = strv_add(ret, d->digest);
        if (r >= 0)
                r = strv_add(ret, image->id);
        return r < 0 ? r : strv_extend(ret, image->blobs);
}

int needed_blobs(const Home *home, const OciIndex *index, char ***ret) {
        int r = 0;

        for (size_t i = 0; i < index->n_manifests && r >= 0; i++)
                r = add_blobs(home, &index->manifests[i], ret);
        return r;
}

static int add_layers(const Home *home, const OciDescriptor *d, char ***ret) {
        autodescription manifest = {};
        autodescription config = {};
        autoptr(Image) image = NULL;
        autostrv chains = NULL;
        int r;

        if (!strv_env_get(d->annotations, LAYOUT_ID))
                return 0; /* another tool's has no unpacked layers */
        if (load_record(home, d, &image) >= 0) {
                r = record_chain_ids(image, &chains);
        } else {
                r = record_describe(home, d->digest, &manifest, &config, NULL);
                if (r >= 0)
                        r = layer_chain_ids(config.image->rootfs.diff_ids, &chains);
        }
        return r < 0 ? r : strv_extend(ret, chains);
}

int needed_layers(const Home *home, const OciIndex *index, char ***ret) {
        int r = 0;

        for (size_t i = 0; i < index->n_manifests && r >= 0; i++)
                r = add_layers(home, &index->manifests[i], ret);
        return r;
}
