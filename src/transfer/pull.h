/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Pulling an image
 *
 * Reference to index to manifest to config, each checked by its digest and read in a sandbox; then
 * all layers at once (blobs.h); then manifest, config and index are put beside them and the image
 * gets its names.  A pull that was killed leaves what it had for the next one.
 */

#include "store/image.h"
#include "transfer/blobs.h"
#include "transfer/document.h"
#include "transfer/place.h"

/* Told how a transfer goes on; each may be NULL. */
typedef struct Watcher {
        /* "latest: Pulling from library/busybox" */
        void (*begins)(void *context, const char *what);
        void (*blobs)(void *context, const Blob *blobs, size_t n);
        void (*done)(void *context, const Blob *blobs, size_t n);
        void *context;
} Watcher;

typedef struct PullOptions {
        PlaceOptions place;
        const char *platform; /* NULL: this machine's */
        bool all_platforms;
        Watcher watcher;
} PullOptions;

/**
 * pull_image() - get an image from its registry
 * @name:	reference
 * @ret_digest:	of what the name stands for at the registry, index or manifest
 * @ret_new:	whether the name meant something else here before
 */
int pull_image(const Home *home, const char *name, const PullOptions *options, Image **ret,
               char ret_digest[DIGEST_LENGTH + 1], bool *ret_new, Err *err);

/* Fills blobs for a manifest's layers; @ret: n_layers of them, to be freed. */
int pull_plan(const OciManifest *manifest, const OciImage *config, Blob **ret, Err *err);

/* Puts a document into the image layout. */
int pull_keep(const Home *home, const Document *document, Err *err);
