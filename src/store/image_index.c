/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Images for several platforms
 *
 * The layout's index.json names one image, that of this machine, and says in an
 * annotation which index it was chosen from; that index is a blob.  The other
 * images have entries without a name that say the same index: they live as long
 * as some name stands for it.
 */

#include <string.h>

#include "base/str.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "store/image_internal.h"
#include "store/layout.h"

static void index_auto(OciIndex *index) {
        json_clear(&oci_index_type, index);
}
#define autoindex __attribute__((__cleanup__(index_auto))) OciIndex

static const char *index_said(const OciDescriptor *d) {
        return strv_env_get(d->annotations, LAYOUT_INDEX);
}

bool image_index_is_named(const OciIndex *layout, const char *index) {
        for (size_t i = 0; i < layout->n_manifests; i++)
                if (descriptor_name(&layout->manifests[i]) &&
                    str_equal(index_said(&layout->manifests[i]), index))
                        return true;
        return false;
}

bool image_is_part(const OciIndex *layout, const char *manifest_digest) {
        for (size_t i = 0; i < layout->n_manifests; i++) {
                const OciDescriptor *d = &layout->manifests[i];

                if (str_equal(d->digest, manifest_digest) && !descriptor_name(d) && index_said(d) &&
                    image_index_is_named(layout, index_said(d)))
                        return true;
        }
        return false;
}

const char *image_index_of(const OciIndex *layout, const char *name) {
        autoptr(Reference) ref = NULL;
        autofree char *text = NULL;
        const char *digest = name;

        if (!digest_is_valid(name)) {
                if (reference_parse(name, &ref, NULL) < 0)
                        return NULL;
                digest = ref->digest;
                text = reference_text(ref);
        }
        for (size_t i = 0; i < layout->n_manifests; i++) {
                const char *index = index_said(&layout->manifests[i]);

                if (index && (digest ? str_equal(index, digest)
                                     : str_equal(descriptor_name(&layout->manifests[i]), text)))
                        return index;
        }
        return NULL;
}

int image_load_part(const Home *home, const char *index, const OciPlatform *platform, Image **ret) {
        OciPlatform here = {};
        const OciDescriptor *best = NULL;
        autoindex layout = {};
        int rank = -1, r;

        r = layout_load_index(home, &layout, NULL);
        if (r >= 0 && !platform)
                r = platform_here(&here);
        for (size_t i = 0; r >= 0 && i < layout.n_manifests; i++) {
                const OciDescriptor *d = &layout.manifests[i];
                int found;

                if (!str_equal(index_said(d), index) || !d->platform)
                        continue;
                found = platform_match(platform ? platform : &here, d->platform);
                if (found > rank && (found > 0 || !platform)) {
                        rank = found;
                        best = d;
                }
        }
        platform_clear(&here);
        if (r < 0)
                return r;
        return best && image_load_entry(home, best, ret, NULL) >= 0 ? 0 : -ENOENT;
}

bool image_serves(const Home *home, const char *name, const char *index) {
        autoptr(Image) image = NULL;
        OciPlatform here = {};
        autoindex layout = {};
        bool good;

        if (layout_load_index(home, &layout, NULL) < 0 ||
            !str_equal(image_index_of(&layout, name), index) ||
            image_load(home, name, &image, NULL) < 0 || platform_here(&here) < 0)
                return false;
        good = image_fits(image, &here);
        platform_clear(&here);
        return good;
}

int image_load_manifest(const Home *home, const char *digest, Image **ret) {
        autoindex layout = {};
        int r = layout_load_index(home, &layout, NULL);

        for (size_t i = 0; r >= 0 && i < layout.n_manifests; i++)
                if (str_equal(layout.manifests[i].digest, digest))
                        return image_load_entry(home, &layout.manifests[i], ret, NULL) < 0 ? -ENOENT
                                                                                           : 0;
        return r < 0 ? r : -ENOENT;
}

bool image_fits(const Image *image, const OciPlatform *platform) {
        return platform_match(platform, &(OciPlatform){ .os = image->config.os,
                                                        .architecture = image->config.architecture,
                                                        .variant = image->config.variant }) > 0;
}

int image_load_for(const Home *home, const char *name, const OciPlatform *platform, Image **ret,
                   Err *err) {
        autoptr(Image) image = NULL;
        autoptr(Image) other = NULL;
        autoindex layout = {};
        const char *index;
        int r;

        r = image_load(home, name, &image, err);
        if (r < 0)
                return r;
        if (image_fits(image, platform)) {
                *ret = take_ptr(image);
                return 1;
        }
        r = layout_load_index(home, &layout, err);
        if (r < 0)
                return r;
        index = image_index_of(&layout, name);
        r = index ? image_load_part(home, index, platform, &other) : -ENOENT;
        *ret = r < 0 ? take_ptr(image) : take_ptr(other);
        return r >= 0;
}

/* The document; descriptors are borrowed from the caller's. */
static int put_index(const Home *home, const ImageParts *parts, OciDescriptor *descriptors,
                     OciPlatform *platforms, ImageIndex *ret, Err *err) {
        OciIndex index = { .schema_version = 2,
                           .media_type = (char *) OCI_MEDIA_INDEX,
                           .manifests = descriptors,
                           .n_manifests = parts->n,
                           .annotations = (char **) parts->annotations };
        autofree char *text = NULL;

        for (size_t i = 0; i < parts->n; i++) {
                const Image *image = parts->images[i];
                autofree char *manifest = NULL;
                size_t size;
                int r = layout_read_blob(home, image->manifest_digest, &manifest, &size, err);

                if (r < 0)
                        return r;
                platforms[i] = (OciPlatform){ .os = image->config.os,
                                              .architecture = image->config.architecture,
                                              .variant = image->config.variant };
                descriptors[i] = (OciDescriptor){
                        .media_type = (char *) OCI_MEDIA_MANIFEST,
                        .digest = (char *) image->manifest_digest,
                        .size = (int64_t) size,
                        .platform = &platforms[i],
                        .annotations = parts->descriptor_annotations
                                               ? parts->descriptor_annotations[i]
                                               : NULL,
                };
        }
        text = json_text(&oci_index_type, &index);
        if (!text)
                return refuse(err, EINVAL, "the index's annotations are not UTF-8");
        ret->size = (int64_t) strlen(text);
        digest_of(text, strlen(text), ret->digest);
        return layout_put_blob(home, text, strlen(text), ret->digest, err);
}

int image_create_index(const Home *home, const ImageParts *parts, char *const *names,
                       ImageIndex *ret, Err *err) {
        autofree OciDescriptor *descriptors = calloc(parts->n, sizeof *descriptors);
        autofree OciPlatform *platforms = calloc(parts->n, sizeof *platforms);
        autoclose int lock = -EBADF;
        autostrv full = NULL;
        int r;

        if (!descriptors || !platforms)
                return fail(err, ENOMEM, "cannot make an index");
        r = image_full_names(names, &full, err);
        if (r < 0)
                return r;
        lock = layout_lock(home, true, err);
        if (lock < 0)
                return lock;
        r = put_index(home, parts, descriptors, platforms, ret, err);
        /* The one with the names last: what they stand for is whole then. */
        for (size_t i = 0; i < parts->n && r >= 0; i++)
                if (i != parts->chosen)
                        r = image_give_names(home,
                                             &(ImageEntry){ .image = parts->images[i],
                                                            .manifest_size = descriptors[i].size,
                                                            .media_type = OCI_MEDIA_MANIFEST,
                                                            .index = ret->digest },
                                             NULL, err);
        if (r < 0)
                return r;
        return image_give_names(home,
                                &(ImageEntry){ .image = parts->images[parts->chosen],
                                               .manifest_size = descriptors[parts->chosen].size,
                                               .media_type = OCI_MEDIA_MANIFEST,
                                               .index = ret->digest },
                                full, err);
}
