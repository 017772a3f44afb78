/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Images
 *
 * $DATA/image-store is an OCI image layout (image-spec image-layout.md): config
 * and manifest are blobs, index.json names them.  An image's id is its config's
 * digest.  Layers live unpacked beside it, see layer.h.
 *
 * $DATA/images/<id>.json holds all that a container needs of an image, and
 * $DATA/images/names/<name> is a link to it, so that one open and one short read
 * find an image.  Both are a cache of the image layout, which is the truth: what is
 * missing or cannot be read is made again from there.  A change takes away the cached
 * names first, then replaces index.json, then makes the new names, so whoever comes in
 * between finds less than there is, never something else.
 */

#include <stdbool.h>

#include "base/digest.h"
#include "base/home.h"
#include "oci/image.h"
#include "store/tree.h"

typedef struct Image {
        char id[DIGEST_LENGTH + 1];
        char manifest_digest[DIGEST_LENGTH + 1];
        OciImage config;
        char **names; /* every "repository:tag" that points at it, sorted; NULL for a dangling
                         one.  Filled by image_list() and image_load_names() only: finding them
                         means reading the whole index, which `run` has no use for. */
        char **repo_digests; /* "name@digest"s that it was pulled or pushed as; like the names */
        char **lowers;       /* absolute diff/ directories, topmost first; NULL for an image without
                                layers */
        char top_chain_id[DIGEST_LENGTH + 1]; /* "" without layers */
        char **blobs;                         /* digests of its layers as its manifest names them */
        int64_t size;                         /* sum of its layers' tar sizes */
        bool is_part; /* of an index that has a name: of another platform, mostly; like the names */
} Image;

Image *image_free(Image *image);
DEFINE_AUTOPTR(Image, image_free)

/**
 * image_load() - find an image
 * @name:	a reference, an id, or an unambiguous beginning of one
 *
 * Return: 0; -ENOENT "there is no image 'x'" with a hint that names the nearest one; -EUCLEAN for
 * one that lacks something.
 */
int image_load(const Home *home, const char *name, Image **ret, Err *err);
/**
 * image_load_for() - find an image for a platform
 *
 * Of an image that is here for several platforms, see image_create_index(), the one that fits best.
 *
 * Return: 1; 0 if what is found is for another platform; -ENOENT as image_load().
 */
int image_load_for(const Home *home, const char *name, const OciPlatform *platform, Image **ret,
                   Err *err);
/* Whether a name stands for an index here, and for this machine's image of it. */
bool image_serves(const Home *home, const char *name, const char *index);
/* By its manifest's digest; -ENOENT without words. */
int image_load_manifest(const Home *home, const char *digest, Image **ret);
bool image_fits(const Image *image, const OciPlatform *platform);
/* Whether a name is known to the cache, which is asked with one call; false says nothing. */
bool image_is_named(const Home *home, const char *name);
/* Fills image->names. */
int image_load_names(const Home *home, Image *image, Err *err);

/* Docker's inspect document (a new jansson reference); wants the names filled. */
struct json_t *image_inspect(const Image *image);

/* All images, newest first, as an array that image_list_free() frees. */
int image_list(const Home *home, Image ***ret, size_t *ret_n, Err *err);
void image_list_free(Image **list, size_t n);

/**
 * image_create() - put a config and its layers into the store
 * @config:	complete but for rootfs, which is filled from @layers; architecture, os and
 *		created are filled where they are missing.  Stays the caller's.
 * @layers:	chain ids, lowest first; they must exist
 * @names:	references to give it, moved from where they point now; may be NULL
 */
int image_create(const Home *home, OciImage *config, char *const *layers, char *const *names,
                 Image **ret, Err *err);
/* The same, with annotations ("key=value") in its manifest; NULL for none. */
int image_create_annotated(const Home *home, OciImage *config, char *const *layers,
                           char *const *names, char *const *annotations, Image **ret, Err *err);

/* Images of several platforms under one name. */
typedef struct ImageParts {
        Image *const *images; /* which are in the store */
        size_t n;
        size_t chosen;                  /* the one that the names stand for here */
        char *const *annotations;       /* "key=value", of the index; or NULL */
        char ***descriptor_annotations; /* for each image, of its entry; or NULL */
} ImageParts;

typedef struct ImageIndex {
        char digest[DIGEST_LENGTH + 1];
        int64_t size;
} ImageIndex;

/* Makes an index of images and names it. */
int image_create_index(const Home *home, const ImageParts *parts, char *const *names,
                       ImageIndex *ret, Err *err);

/* The digest of the index that a name, or the digest of one, stands for; NULL for none, as with an
 * image's id.  Inside @layout. */
const char *image_index_of(const OciIndex *layout, const char *name);

typedef struct ImportSource {
        int archive;         /* tar, plain or compressed with gzip, xz or zstd; may be a pipe */
        const char *comment; /* of the history's entry */
        /* Asked when everything is read: whether what wrote the archive was content with it. */
        int (*check)(void *context, Err *err);
        void *context;
} ImportSource;

/**
 * image_import() - make an image of one layer from a root file system's archive
 * @config:	as in image_create(); its creation time and history are filled in
 * @name:	may be NULL
 */
int image_import(const Home *home, const ImportSource *source, OciImage *config, const char *name,
                 TreeReport *ret_report, Image **ret, Err *err);

/*
 * An image from outside, whose layers are unpacked and whose manifest and config lie in the layout
 * as they came.
 */
typedef struct ImageAdoption {
        const char *manifest_digest, *media_type;
        int64_t manifest_size;
        const OciManifest *manifest; /* both as the helper read them */
        const OciImage *config;
        char *const *layers;     /* chain ids, lowest first */
        char *const *names;      /* references to give it; may be NULL */
        const char *index;       /* digest of the index it was chosen from, kept with it; or NULL */
        const char *repo_digest; /* "name@sha256:…": what it can be called by besides; or NULL */
} ImageAdoption;

int image_adopt(const Home *home, const ImageAdoption *adoption, Image **ret, Err *err);

/* Notes that the image is to be had as repository @name with this digest. */
int image_note_digest(const Home *home, const char *image, const char *name, const char *digest,
                      Err *err);

/* Gives one more name to an image; a name that pointed elsewhere is moved. */
int image_tag(const Home *home, const char *source, const char *target, Err *err);

/**
 * image_hold() - keep all layers where they are
 *
 * For who has found an image or a layer and will only later have a record that names it, as a
 * build does and the making of a container.  Shared; image_remove() then leaves the layers to
 * image_finish_removals() or the next removal.
 *
 * Return: descriptor that holds until it is closed; negative errno, also if there are no images.
 */
int image_hold(const Home *home);

/**
 * image_remove() - take a name away, and the image with its last one
 * @used_by:	tells whether a container uses the image id: returns its name (owned by the
 *		caller) or NULL; must look anew each time
 * @ret_log:	what was done, as Docker prints it: "Untagged: x", "Deleted: sha256:…"
 *
 * Return: 0; -ENOENT; -EBUSY if a container uses it and not @force.
 */
int image_remove(const Home *home, const char *name, bool force,
                 char *(*used_by)(const char *image_id, void *context), void *context,
                 char ***ret_log, Err *err);

/**
 * image_finish_removals() - remove what removals left because somebody held the layers
 * @all:	look for blobs that nothing needs as well, as a maker that was killed leaves them
 *
 * For those who have just let go of the layers, and may have been the last; at the price of reading
 * two directories where there is nothing.
 */
void image_finish_removals(const Home *home, char *(*used_by)(const char *image_id, void *context),
                           void *context, bool all);
