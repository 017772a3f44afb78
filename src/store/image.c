/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "oci/reference.h"
#include "store/image.h"
#include "store/layer.h"
#include "store/layout.h"
#include "store/record.h"

static void index_auto(OciIndex *index) {
        json_clear(&oci_index_type, index);
}
#define autoindex __attribute__((__cleanup__(index_auto))) OciIndex

static OciDescriptor *find_name(const OciIndex *index, const char *name) {
        for (size_t i = 0; i < index->n_manifests; i++)
                if (str_equal(descriptor_name(&index->manifests[i]), name))
                        return &index->manifests[i];
        return NULL;
}

static int compare_strings(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int names_of(const OciIndex *index, const char *manifest_digest, char ***ret) {
        autostrv names = NULL;

        for (size_t i = 0; i < index->n_manifests; i++) {
                const char *name = descriptor_name(&index->manifests[i]);

                if (name && str_equal(index->manifests[i].digest, manifest_digest) &&
                    !strv_has(names, name) && strv_add(&names, name) < 0)
                        return -ENOMEM;
        }
        if (names)
                qsort(names, strv_length(names), sizeof *names, compare_strings);
        *ret = take_ptr(names);
        return 0;
}

/*
 * Makes the cached record, and the link called @name, again.  If the layout is being changed, also
 * by ourselves further up, the next one may heal it.
 */
static void heal(const Home *home, const Image *image, const char *name) {
        autoclose int lock = layout_lock(home, false, NULL);
        autoindex index = {};
        OciDescriptor *d;

        if (lock < 0 || layout_load_index(home, &index, NULL) < 0)
                return;
        d = find_name(&index, name);
        if (!d || !str_equal(d->digest, image->manifest_digest))
                return;
        if (record_save(home, image, NULL) >= 0)
                (void) record_name(home, name, image->id, NULL);
}

/* By "name:tag", or "name@digest" where the digest is the manifest's or the image's. */
static int load_reference(const Home *home, const Reference *ref, Image **ret) {
        autofree char *name = reference_text(ref);
        autoptr(Image) image = NULL;
        autoindex index = {};
        int r;

        if (!name)
                return -ENOMEM;
        if (!ref->digest) {
                r = record_load_named(home, name, ret);
                if (r != -ENOENT)
                        return r;
        }
        r = layout_load_index(home, &index, NULL);
        if (r < 0)
                return r;
        for (size_t i = 0; i < index.n_manifests && !image; i++) {
                const OciDescriptor *d = &index.manifests[i];
                const char *called = descriptor_name(d);

                if (!ref->digest ? !str_equal(called, name)
                                 : !called || strncmp(called, ref->name, strlen(ref->name)) != 0 ||
                                           called[strlen(ref->name)] != ':' ||
                                           !str_equal(d->digest, ref->digest))
                        continue;
                r = record_build(home, d->digest, &image, NULL);
                if (r < 0)
                        return -ENOENT;
        }
        if (!image)
                return -ENOENT;
        if (!ref->digest)
                heal(home, image, name);
        *ret = take_ptr(image);
        return 0;
}

/* How many letters one has to change, insert or take away to come from a to b. */
static size_t distance(const char *a, const char *b) {
        size_t n = strlen(b), row[256];

        if (n >= sizeof row / sizeof *row)
                return SIZE_MAX;
        for (size_t j = 0; j <= n; j++)
                row[j] = j;
        for (size_t i = 1; a[i - 1]; i++) {
                size_t diagonal = row[0];

                row[0] = i;
                for (size_t j = 1; j <= n; j++) {
                        size_t best = diagonal + (a[i - 1] != b[j - 1]);

                        diagonal = row[j];
                        if (row[j] + 1 < best)
                                best = row[j] + 1;
                        if (row[j - 1] + 1 < best)
                                best = row[j - 1] + 1;
                        row[j] = best;
                }
        }
        return row[n];
}

static int no_such_image(const Home *home, const char *name, Err *err) {
        size_t best = strlen(name) / 3 + 2;
        const char *nearest = NULL;
        autoindex index = {};
        int r;

        r = refuse(err, ENOENT, "there is no image '%s'", name);
        if (layout_load_index(home, &index, NULL) < 0 || index.n_manifests == 0)
                return err_hint(err, r, "make one with 'isola build' or 'isola image import'");
        for (size_t i = 0; i < index.n_manifests; i++) {
                const char *other = descriptor_name(&index.manifests[i]);
                autofree char *bare = other ? strdup(other) : NULL;
                size_t d;

                if (!bare)
                        continue;
                if (!strchr(name, ':') && str_ends_with(bare, ":latest"))
                        bare[strlen(bare) - strlen(":latest")] = 0;
                d = distance(name, bare);
                if (d < best) {
                        best = d;
                        nearest = other;
                }
        }
        return nearest ? err_hint(err, r, "did you mean '%s'?", nearest)
                       : err_hint(err, r, "'isola images' lists what is here");
}

/*
 * Finds an image by its id, or the beginning of it, in the index: one whose maker was killed before
 * it wrote the record.
 */
static int load_without_record(const Home *home, const char *name, Image **ret) {
        const char *prefix = str_after(name, "sha256:") ? str_after(name, "sha256:") : name;
        Image **list = NULL;
        int r, found = -ENOENT;
        size_t n = 0;

        if (!id_is_prefix(prefix))
                return -ENOENT;
        r = image_list(home, &list, &n, NULL);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                if (!str_after(digest_hex(list[i]->id), prefix))
                        continue;
                found = found == -ENOENT ? (int) i : -ENOTUNIQ;
        }
        if (found >= 0)
                *ret = take_ptr(list[found]);
        image_list_free(list, n);
        return r < 0 ? r : found < 0 ? found : 0;
}

int image_load(const Home *home, const char *name, Image **ret, Err *err) {
        autoptr(Reference) ref = NULL;
        autoerr ignored = {};
        int r, bad;

        if (digest_is_valid(name)) {
                r = record_load(home, name, ret);
                if (r == -ENOENT)
                        r = load_without_record(home, name, ret);
                return r == -ENOENT ? no_such_image(home, name, err)
                       : r < 0      ? fail(err, r, "cannot load image '%s'", name)
                                    : 0;
        }
        bad = reference_parse(name, &ref, &ignored);
        r = bad < 0 ? -ENOENT : load_reference(home, ref, ret);
        if (r == -ENOENT)
                r = record_load_prefix(home, name, ret);
        if (r == -ENOENT)
                r = load_without_record(home, name, ret);
        if (r == -ENOTUNIQ)
                return refuse(err, r, "several images have an id that begins with '%s'", name);
        if (r == -ENOENT && bad < 0)
                return refuse(err, bad, "%s", ignored.message);
        if (r == -ENOENT)
                return no_such_image(home, name, err);
        return r < 0 ? fail(err, r, "cannot load image '%s'", name) : 0;
}

int image_load_names(const Home *home, Image *image, Err *err) {
        autoindex index = {};
        autostrv names = NULL;
        int r;

        r = layout_load_index(home, &index, err);
        if (r < 0)
                return r;
        r = names_of(&index, image->manifest_digest, &names);
        if (r < 0)
                return fail(err, r, "cannot list the image's names");
        strv_free(image->names);
        image->names = take_ptr(names);
        return 0;
}

void image_list_free(Image **list, size_t n) {
        for (size_t i = 0; i < n; i++)
                image_free(list[i]);
        free(list);
}

static int64_t created_ns(const Image *image) {
        int64_t ns;

        if (!image->config.created || clock_parse_rfc3339(image->config.created, &ns) < 0)
                return 0;
        return ns;
}

static int compare_images(const void *a, const void *b) {
        const Image *x = *(Image *const *) a, *y = *(Image *const *) b;
        int64_t ns_x = created_ns(x), ns_y = created_ns(y);

        return ns_x != ns_y ? (ns_x < ns_y ? 1 : -1) : strcmp(x->id, y->id);
}

/* Images that other tools put into the layout have no unpacked layers: they are not isola's. */
static int list_from(const Home *home, const OciIndex *index, Image ***list, size_t *n, Err *err) {
        autostrv seen = NULL;

        for (size_t i = 0; i < index->n_manifests; i++) {
                const char *digest = index->manifests[i].digest;
                autoptr(Image) image = NULL;
                autoerr why = {};
                Image **slot;
                int r;

                if (strv_has(seen, digest))
                        continue;
                if (strv_add(&seen, digest) < 0)
                        return fail(err, ENOMEM, "cannot list images");
                r = record_build(home, digest, &image, &why);
                if (r < 0) {
                        log_debug("image store: %s", why.message);
                        continue;
                }
                r = names_of(index, digest, &image->names);
                slot = r < 0 ? NULL : json_grow(list, n, sizeof **list);
                if (!slot)
                        return fail(err, ENOMEM, "cannot list images");
                *slot = take_ptr(image);
        }
        return 0;
}

int image_list(const Home *home, Image ***ret, size_t *ret_n, Err *err) {
        autoindex index = {};
        Image **list = NULL;
        size_t n = 0;
        int r;

        r = layout_load_index(home, &index, err);
        if (r < 0)
                return r;
        r = list_from(home, &index, &list, &n, err);
        if (r < 0) {
                image_list_free(list, n);
                return r;
        }
        if (n > 0)
                qsort(list, n, sizeof *list, compare_images);
        *ret = list;
        *ret_n = n;
        return 0;
}

/* Makes @name point at the manifest; who had the name keeps an entry without one. */
static int index_name(OciIndex *index, const char *digest, int64_t size, const char *name,
                      const OciImage *config) {
        OciDescriptor *d = name ? find_name(index, name) : NULL;
        OciPlatform *platform;

        if (d && str_equal(d->digest, digest))
                return 0;
        if (d && strv_env_set(&d->annotations, OCI_REF_NAME) < 0)
                return -ENOMEM;

        d = NULL;
        for (size_t i = 0; i < index->n_manifests && !d; i++)
                if (str_equal(index->manifests[i].digest, digest) &&
                    !descriptor_name(&index->manifests[i]))
                        d = &index->manifests[i];
        if (!d) {
                d = json_grow(&index->manifests, &index->n_manifests, sizeof *d);
                if (!d)
                        return -ENOMEM;
                platform = calloc(1, sizeof *platform);
                d->media_type = strdup(OCI_MEDIA_MANIFEST);
                d->digest = strdup(digest);
                d->size = size;
                d->platform = platform;
                if (!platform || !d->media_type || !d->digest)
                        return -ENOMEM;
                platform->architecture = strdup(config->architecture);
                platform->os = strdup(config->os);
                if (!platform->architecture || !platform->os)
                        return -ENOMEM;
        }
        return name ? strv_addf(&d->annotations, OCI_REF_NAME "=%s", name) : 0;
}

/* An entry without a name says only that the image is there: one is enough, none if it has a name.
 */
static void index_tidy(OciIndex *index) {
        size_t kept = 0;

        for (size_t i = 0; i < index->n_manifests; i++) {
                OciDescriptor *d = &index->manifests[i];
                bool redundant = false;

                for (size_t j = 0; j < index->n_manifests && !descriptor_name(d) && !redundant; j++)
                        redundant = j != i && index->manifests[j].digest &&
                                    str_equal(index->manifests[j].digest, d->digest) &&
                                    (descriptor_name(&index->manifests[j]) || j < i);
                if (redundant)
                        json_clear(&oci_descriptor_type, d);
        }
        for (size_t i = 0; i < index->n_manifests; i++)
                if (index->manifests[i].digest)
                        index->manifests[kept++] = index->manifests[i];
        index->n_manifests = kept;
}

/* The three steps that image.h promises; the caller holds the layout's lock. */
static int give_names(const Home *home, const Image *image, int64_t manifest_size,
                      char *const *names, Err *err) {
        autoindex index = {};
        int r;

        r = layout_load_index(home, &index, err);
        if (r < 0)
                return r;
        strv_foreach(name, names) {
                record_unname(home, *name);
                r = index_name(&index, image->manifest_digest, manifest_size, *name,
                               &image->config);
                if (r < 0)
                        return fail(err, r, "cannot name an image");
        }
        if (!names || !*names) {
                r = index_name(&index, image->manifest_digest, manifest_size, NULL, &image->config);
                if (r < 0)
                        return fail(err, r, "cannot add an image");
        }
        index_tidy(&index);
        fault_point("image.unnamed");
        r = layout_save_index(home, &index, err);
        if (r < 0)
                return r;
        fault_point("image.indexed");
        /* Not before: an id must not be found that the index does not have. */
        r = record_save(home, image, err);
        if (r < 0)
                return r;
        fault_point("image.record");
        strv_foreach(name, names) {
                r = record_name(home, *name, image->id, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Reads names as the user wrote them into "repository:tag". */
static int full_names(char *const *names, char ***ret, Err *err) {
        autostrv list = NULL;

        strv_foreach(name, names) {
                autoptr(Reference) ref = NULL;
                autofree char *text = NULL;
                int r = reference_parse(*name, &ref, err);

                if (r < 0)
                        return r;
                if (ref->digest)
                        return refuse(err, EINVAL,
                                      "'%s': an image cannot be given a digest as its name", *name);
                text = reference_text(ref);
                if (!text || (!strv_has(list, text) && strv_add(&list, text) < 0))
                        return fail(err, ENOMEM, "cannot read image names");
        }
        *ret = take_ptr(list);
        return 0;
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

static int put_json(const Home *home, const JsonType *type, const void *value, int64_t *ret_size,
                    char digest[DIGEST_LENGTH + 1], Err *err) {
        autofree char *text = json_text(type, value);
        size_t size;

        if (!text)
                return refuse(err, EINVAL, "the image's config holds text that is not UTF-8");
        size = strlen(text);
        digest_of(text, size, digest);
        *ret_size = (int64_t) size;
        return layout_put_blob(home, text, size, digest, err);
}

/* Writes config, manifest and record. */
static int put_image(const Home *home, const OciImage *config, Layer *const *layers, size_t n,
                     Image **ret, int64_t *ret_manifest_size, Err *err) {
        autofree OciDescriptor *descriptors = calloc(n + 1, sizeof *descriptors);
        autoptr(Image) image = calloc(1, sizeof *image);
        OciManifest manifest = { .schema_version = 2,
                                 .media_type = (char *) OCI_MEDIA_MANIFEST,
                                 .layers = descriptors,
                                 .n_layers = n };
        int r;

        if (!descriptors || !image)
                return fail(err, ENOMEM, "cannot write the image");
        for (size_t i = 0; i < n; i++) {
                descriptors[i].media_type = (char *) OCI_MEDIA_LAYER;
                descriptors[i].digest = layers[i]->diff_id;
                descriptors[i].size = layers[i]->size;
        }
        r = put_json(home, &oci_image_type, config, &manifest.config.size, image->id, err);
        if (r < 0)
                return r;
        manifest.config.media_type = (char *) OCI_MEDIA_CONFIG;
        manifest.config.digest = image->id;
        r = put_json(home, &oci_manifest_type, &manifest, ret_manifest_size, image->manifest_digest,
                     err);
        if (r < 0)
                return r;
        return record_build(home, image->manifest_digest, ret, err);
}

static int load_layers(const Home *home, char *const *chain_ids, Layer **layers, Err *err) {
        for (size_t i = 0; chain_ids && chain_ids[i]; i++) {
                int r = layer_load(home, chain_ids[i], &layers[i], err);

                if (r < 0)
                        return r;
        }
        return 0;
}

int image_create(const Home *home, OciImage *config, char *const *chain_ids, char *const *names,
                 Image **ret, Err *err) {
        size_t n = strv_length(chain_ids);
        autofree Layer **layers = calloc(n + 1, sizeof *layers);
        autoptr(Image) image = NULL;
        autoclose int lock = -EBADF;
        autostrv full = NULL;
        int64_t manifest_size = 0;
        int r;

        if (!layers)
                return fail(err, ENOMEM, "cannot make an image");
        r = full_names(names, &full, err);
        if (r < 0)
                return r;
        lock = layout_lock(home, true, err);
        if (lock < 0)
                return lock;

        r = load_layers(home, chain_ids, layers, err);
        if (r >= 0)
                r = fill_config(config, layers, n, err);
        if (r >= 0)
                r = put_image(home, config, layers, n, &image, &manifest_size, err);
        for (size_t i = 0; i < n; i++)
                layer_free(layers[i]);
        if (r < 0)
                return r;

        fault_point("image.blobs");
        r = layer_make_durable(home, chain_ids, err);
        if (r >= 0)
                r = give_names(home, image, manifest_size, full, err);
        if (r < 0)
                return r;
        *ret = take_ptr(image);
        return 0;
}

int image_tag(const Home *home, const char *source, const char *target, Err *err) {
        char *const names[] = { (char *) target, NULL };
        autofree char *manifest = NULL;
        autoptr(Image) image = NULL;
        autoclose int lock = -EBADF;
        autostrv full = NULL;
        size_t size;
        int r;

        r = full_names(names, &full, err);
        if (r < 0)
                return r;
        r = image_load(home, source, &image, err);
        if (r < 0)
                return r;
        lock = layout_lock(home, true, err);
        if (lock < 0)
                return lock;
        r = layout_read_blob(home, image->manifest_digest, &manifest, &size, err);
        if (r < 0)
                return err_prefix(err, r, "image '%s'", source);
        return give_names(home, image, (int64_t) size, full, err);
}
