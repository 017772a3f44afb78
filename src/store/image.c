/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "oci/reference.h"
#include "store/image_internal.h"
#include "store/layer.h"
#include "store/layout.h"
#include "store/record.h"

static void index_auto(OciIndex *index) {
        json_clear(&oci_index_type, index);
}
#define autoindex __attribute__((__cleanup__(index_auto))) OciIndex

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
        d = layout_find_name(&index, name);
        if (!d || !str_equal(d->digest, image->manifest_digest))
                return;
        if (record_save(home, image, NULL) >= 0)
                (void) record_name(home, name, image->id, NULL);
}

/* Whether "name@digest" means the entry: it was pulled as that, or has the name and is that. */
static bool is_called(const OciDescriptor *d, const Reference *ref) {
        const char *called = descriptor_name(d);
        const char *rest = called ? str_after(called, ref->name) : NULL;
        autofree char *wanted = str_format("%s@%s", ref->name, ref->digest);
        autostrv pulled = NULL;

        if (layout_repo_digests(d, &pulled) < 0 || !wanted)
                return false;
        return (rest && *rest == ':' && str_equal(d->digest, ref->digest)) ||
               strv_has(pulled, wanted);
}

static bool has_layers(const Home *home, const Image *image) {
        autostrv chains = NULL;

        if (record_chain_ids(image, &chains) < 0)
                return false;
        strv_foreach(chain, chains) {
                autoptr(Layer) layer = NULL;

                if (layer_load(home, *chain, &layer, NULL) < 0)
                        return false;
        }
        return true;
}

/* What a container needs, at the price of a call for each layer. */
static bool has_directories(const Image *image) {
        strv_foreach(lower, image->lowers)
                if (file_access(AT_FDCWD, *lower, F_OK) < 0)
                        return false;
        return true;
}

int image_load_entry(const Home *home, const OciDescriptor *d, Image **ret, Err *err) {
        const char *id = strv_env_get(d->annotations, LAYOUT_ID);
        autofree char *manifest = NULL, *config = NULL;
        autoptr(Image) image = NULL;
        size_t size;
        int r;

        if (!id || !digest_is_valid(id))
                return refuse(err, ENOENT, "'%s' is another tool's", d->digest);
        /* The record stands for blobs that are whole; to see that nobody has to read them. */
        r = layout_read_blob(home, d->digest, &manifest, &size, err);
        if (r >= 0)
                r = layout_read_blob(home, id, &config, &size, err);
        if (r < 0)
                return r;
        if (record_load(home, id, &image) >= 0 && str_equal(image->manifest_digest, d->digest) &&
            has_layers(home, image)) {
                *ret = take_ptr(image);
                return 0;
        }
        return record_build(home, d->digest, ret, err);
}

/* One of isola's own that the index has still, and that cannot be loaded: why not. */
static int is_damaged(const Home *home, const OciDescriptor *d, const char *name, const Err *why,
                      Err *err) {
        autoindex index = {};
        bool there = false;

        if (!strv_env_get(d->annotations, LAYOUT_ID) || layout_load_index(home, &index, NULL) < 0)
                return -ENOENT;
        for (size_t i = 0; i < index.n_manifests; i++)
                there |= str_equal(index.manifests[i].digest, d->digest);
        if (!there)
                return -ENOENT; /* somebody removed it meanwhile */
        return err_hint(err,
                        refuse(err, EUCLEAN, "image '%s' is damaged: %s", name,
                               why->message ? why->message : "it cannot be read"),
                        "pull or build it again, or remove it; 'isola store check --repair' mends "
                        "what it can");
}

/* By "name:tag", or "name@digest" where the digest is the manifest's or the image's. */
static int load_reference(const Home *home, const Reference *ref, Image **ret, Err *err) {
        autofree char *name = reference_text(ref);
        autoptr(Image) image = NULL;
        autoindex index = {};
        autoerr why = {};
        int r;

        if (!name)
                return -ENOMEM;
        if (!ref->digest) {
                r = record_load_named(home, name, &image);
                if (r >= 0 && has_directories(image)) {
                        *ret = take_ptr(image);
                        return 0;
                }
                if (r < 0 && r != -ENOENT)
                        return r;
                image = image_free(image);
        }
        r = layout_load_index(home, &index, NULL);
        if (r < 0)
                return r;
        for (size_t i = 0; i < index.n_manifests && !image; i++) {
                const OciDescriptor *d = &index.manifests[i];

                if (ref->digest ? !is_called(d, ref) : !str_equal(descriptor_name(d), name))
                        continue;
                r = image_load_entry(home, d, &image, &why);
                if (r < 0)
                        return is_damaged(home, d, name, &why, err);
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
                if (r == -ENOENT)
                        r = image_load_part(home, name, NULL, ret);
                return r == -ENOENT ? no_such_image(home, name, err)
                       : r < 0      ? fail(err, r, "cannot load image '%s'", name)
                                    : 0;
        }
        bad = reference_parse(name, &ref, &ignored);
        r = bad < 0 ? -ENOENT : load_reference(home, ref, ret, err);
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
        if (r == -EUCLEAN)
                return r;
        return r < 0 ? fail(err, r, "cannot load image '%s'", name) : 0;
}

/* Its names, and what it was pulled as. */
static int take_names(const OciIndex *index, Image *image) {
        autostrv pulled = NULL;
        autostrv names = NULL;
        int r = names_of(index, image->manifest_digest, &names);

        for (size_t i = 0; i < index->n_manifests && r >= 0; i++) {
                autostrv some = NULL;

                if (!str_equal(index->manifests[i].digest, image->manifest_digest))
                        continue;
                r = layout_repo_digests(&index->manifests[i], &some);
                strv_foreach(name, some)
                        if (r >= 0 && !strv_has(pulled, *name))
                                r = strv_add(&pulled, *name);
        }
        if (r < 0)
                return r;
        strv_free(image->names);
        image->names = take_ptr(names);
        strv_free(image->repo_digests);
        image->repo_digests = take_ptr(pulled);
        image->is_part = image_is_part(index, image->manifest_digest);
        return 0;
}

bool image_is_named(const Home *home, const char *name) {
        autoptr(Reference) ref = NULL;
        autofree char *text = NULL;

        if (reference_parse(name, &ref, NULL) < 0 || ref->digest)
                return false;
        text = reference_text(ref);
        return text && record_is_named(home, text);
}

int image_load_names(const Home *home, Image *image, Err *err) {
        autoindex index = {};
        int r;

        r = layout_load_index(home, &index, err);
        if (r < 0)
                return r;
        r = take_names(&index, image);
        return r < 0 ? fail(err, r, "cannot list the image's names") : 0;
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

static void warn_of_damage(const Home *home, const OciDescriptor *d, const Err *why) {
        const char *name = descriptor_name(d);
        autoerr said = {};

        if (is_damaged(home, d, name ? name : d->digest, why, &said) == -EUCLEAN)
                log_warn("%s", said.message);
        else
                log_debug("image store: %s", why->message);
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
                r = image_load_entry(home, &index->manifests[i], &image, &why);
                if (r < 0) {
                        warn_of_damage(home, &index->manifests[i], &why);
                        continue;
                }
                r = take_names(index, image);
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

/* "NAME@DIGEST" besides those that are noted already. */
static int note_repo_digest(OciDescriptor *d, const char *repo_digest) {
        const char *there = strv_env_get(d->annotations, LAYOUT_REPO_DIGESTS);
        autofree char *text = NULL;
        autostrv list = NULL;

        if (there && strv_split(there, " ", true, &list) < 0)
                return -ENOMEM;
        if (strv_has(list, repo_digest))
                return 0;
        text = str_format(LAYOUT_REPO_DIGESTS "=%s%s%s", there ? there : "", there ? " " : "",
                          repo_digest);
        return text ? strv_env_set(&d->annotations, text) : -ENOMEM;
}

static int note_all(OciDescriptor *d, const ImageEntry *e) {
        autofree char *id = str_format(LAYOUT_ID "=%s", e->image->id);
        autofree char *from = e->index ? str_format(LAYOUT_INDEX "=%s", e->index) : NULL;
        int r = id && (!e->index || from) ? strv_env_set(&d->annotations, id) : -ENOMEM;

        if (r >= 0 && (from || e->stands_alone))
                r = strv_env_set(&d->annotations, from ? from : LAYOUT_INDEX);
        return r >= 0 && e->repo_digest ? note_repo_digest(d, e->repo_digest) : r;
}

static int begin_entry(OciIndex *index, const ImageEntry *e, OciDescriptor **ret) {
        const OciImage *config = &e->image->config;
        const char *media_type = e->media_type ? e->media_type : OCI_MEDIA_MANIFEST;
        OciDescriptor *d;

        for (size_t i = 0; i < index->n_manifests && !e->media_type; i++)
                if (str_equal(index->manifests[i].digest, e->image->manifest_digest))
                        media_type = index->manifests[i].media_type;
        d = json_grow(&index->manifests, &index->n_manifests, sizeof *d);
        if (!d)
                return -ENOMEM;
        d->platform = calloc(1, sizeof *d->platform);
        d->media_type = strdup(media_type);
        d->digest = strdup(e->image->manifest_digest);
        d->size = e->manifest_size;
        if (!d->platform || !d->media_type || !d->digest)
                return -ENOMEM;
        d->platform->architecture = strdup(config->architecture);
        d->platform->os = strdup(config->os);
        if (!d->platform->architecture || !d->platform->os ||
            str_set(&d->platform->variant, config->variant) < 0)
                return -ENOMEM;
        *ret = d;
        return 0;
}

/* What was noted of an image under one of its names holds for all. */
static int copy_notes(const OciIndex *index, const ImageEntry *e, OciDescriptor *to) {
        static const char *const keys[] = { LAYOUT_REPO_DIGESTS, LAYOUT_INDEX };
        size_t n_keys = sizeof keys / sizeof *keys - e->stands_alone;

        for (size_t i = 0; i < index->n_manifests; i++)
                for (size_t k = 0; k < n_keys; k++) {
                        const OciDescriptor *d = &index->manifests[i];
                        const char *said = strv_env_get(d->annotations, keys[k]);

                        if (said && str_equal(d->digest, to->digest) &&
                            !strv_env_get(to->annotations, keys[k]) &&
                            strv_addf(&to->annotations, "%s=%s", keys[k], said) < 0)
                                return -ENOMEM;
                }
        return 0;
}

/* Whether a nameless entry can become @e's; one that keeps a part of another index cannot. */
static bool can_become(const OciDescriptor *d, const ImageEntry *e) {
        const char *from = strv_env_get(d->annotations, LAYOUT_INDEX);

        return str_equal(d->digest, e->image->manifest_digest) && !descriptor_name(d) &&
               (!from || str_equal(from, e->index));
}

/* Makes @name point at the manifest; who had the name keeps an entry without one. */
static int index_name(OciIndex *index, const char *name, const ImageEntry *e) {
        const char *digest = e->image->manifest_digest;
        OciDescriptor *d = name ? layout_find_name(index, name) : NULL;
        int r;

        if (d && str_equal(d->digest, digest))
                return note_all(d, e);
        if (d && strv_env_set(&d->annotations, OCI_REF_NAME) < 0)
                return -ENOMEM;

        d = NULL;
        for (size_t i = 0; i < index->n_manifests && !d; i++)
                if (can_become(&index->manifests[i], e))
                        d = &index->manifests[i];
        r = d ? 0 : begin_entry(index, e, &d);
        if (r >= 0)
                r = note_all(d, e);
        if (r >= 0)
                r = copy_notes(index, e, d);
        return r >= 0 && name ? strv_addf(&d->annotations, OCI_REF_NAME "=%s", name) : r;
}

/* Whether @other says all that the nameless entry @d does. */
static bool says_as_much(const OciDescriptor *other, const OciDescriptor *d) {
        const char *from = strv_env_get(d->annotations, LAYOUT_INDEX);

        return other->digest && str_equal(other->digest, d->digest) &&
               (!from || str_equal(from, strv_env_get(other->annotations, LAYOUT_INDEX)));
}

/*
 * An entry without a name says only that the image is there, and which index it is a part of: one
 * is enough, none if one with a name says the same.
 */
static void index_tidy(OciIndex *index) {
        size_t kept = 0;

        for (size_t i = 0; i < index->n_manifests; i++) {
                OciDescriptor *d = &index->manifests[i];
                bool redundant = false;

                for (size_t j = 0; j < index->n_manifests && !descriptor_name(d) && !redundant; j++)
                        redundant = j != i && says_as_much(&index->manifests[j], d) &&
                                    (descriptor_name(&index->manifests[j]) || j < i ||
                                     !says_as_much(d, &index->manifests[j]));
                if (redundant)
                        json_clear(&oci_descriptor_type, d);
        }
        for (size_t i = 0; i < index->n_manifests; i++)
                if (index->manifests[i].digest)
                        index->manifests[kept++] = index->manifests[i];
        index->n_manifests = kept;
}

int image_give_names(const Home *home, const ImageEntry *entry, char *const *names, Err *err) {
        const Image *image = entry->image;
        autoindex index = {};
        int r;

        r = layout_load_index(home, &index, err);
        if (r < 0)
                return r;
        strv_foreach(name, names) {
                record_unname(home, *name);
                r = index_name(&index, *name, entry);
                if (r < 0)
                        return fail(err, r, "cannot name an image");
        }
        if (!names || !*names) {
                r = index_name(&index, NULL, entry);
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

int image_full_names(char *const *names, char ***ret, Err *err) {
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

int image_adopt(const Home *home, const ImageAdoption *a, Image **ret, Err *err) {
        autoptr(Image) image = NULL;
        autoclose int lock = -EBADF;
        autostrv full = NULL;
        int r;

        r = image_full_names(a->names, &full, err);
        if (r < 0)
                return r;
        lock = layout_lock(home, true, err);
        if (lock < 0)
                return lock;
        r = record_of(home, a->manifest_digest, a->manifest, a->config, &image, err);
        if (r >= 0)
                r = layer_make_durable(home, a->layers, err);
        fault_point("image.adopted");
        if (r >= 0)
                r = image_give_names(home,
                                     &(ImageEntry){ .image = image,
                                                    .manifest_size = a->manifest_size,
                                                    .media_type = a->media_type,
                                                    .index = a->index,
                                                    .repo_digest = a->repo_digest },
                                     full, err);
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
        autoindex index = {};
        const char *from;
        size_t size;
        int r;

        r = image_full_names(names, &full, err);
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
        r = layout_load_index(home, &index, err);
        if (r < 0)
                return r;
        from = image_index_of(&index, source);
        return image_give_names(home,
                                &(ImageEntry){ .image = image,
                                               .manifest_size = (int64_t) size,
                                               .index = from,
                                               .stands_alone = !from },
                                full, err);
}

int image_note_digest(const Home *home, const char *name, const char *repository,
                      const char *digest, Err *err) {
        autofree char *note = str_format("%s@%s", repository, digest);
        autoptr(Image) image = NULL;
        autoclose int lock = -EBADF;
        autoindex index = {};
        int r;

        r = image_load(home, name, &image, err);
        if (r < 0)
                return r;
        lock = layout_lock(home, true, err);
        if (lock < 0)
                return lock;
        r = layout_load_index(home, &index, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < index.n_manifests; i++)
                if (str_equal(index.manifests[i].digest, image->manifest_digest) &&
                    (!note || note_repo_digest(&index.manifests[i], note) < 0))
                        return fail(err, ENOMEM, "cannot note the digest");
        return layout_save_index(home, &index, err);
}
