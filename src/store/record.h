/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The cached record of an image, $DATA/images/<id>.json, and the links that name it; see image.h.
 */

#include "store/describe.h"
#include "store/image.h"

/* Each loads without words: -ENOENT if the cache does not know it. */
int record_load(const Home *home, const char *id, Image **ret);
int record_load_named(const Home *home, const char *name, Image **ret);
/* Whether there is a record of that name. */
bool record_is_named(const Home *home, const char *name);
/* By the beginning of an id; -ENOTUNIQ if several begin so. */
int record_load_prefix(const Home *home, const char *prefix, Image **ret);

/**
 * record_build() - make an image's record from its manifest and config blobs
 *
 * They may be anybody's: isola-image reads them, in its sandbox (describe.h).
 *
 * Return: 0; -ENOENT if a blob or one of its layers is not here.
 */
int record_build(const Home *home, const char *manifest_digest, Image **ret, Err *err);

/* What isola-image reads in a manifest, which is no index, and in its config; both outlive this. */
int record_describe(const Home *home, const char *manifest_digest, Description *ret_manifest,
                    Description *ret_config, Err *err);

/* The same from what is known of them already: what was made here, or what the helper read. */
int record_of(const Home *home, const char *manifest_digest, const OciManifest *manifest,
              const OciImage *config, Image **ret, Err *err);

int record_save(const Home *home, const Image *image, Err *err);
/* Both are undone by making the cache again, so failures are not told. */
void record_remove(const Home *home, const char *id);
/* Sets the record of a removed image aside for image_remove() to finish with, even after a crash.
 */
void record_bury(const Home *home, const char *id);
void record_unname(const Home *home, const char *name);
int record_name(const Home *home, const char *name, const char *id, Err *err);

/* Loads a buried record by its file's name in images/; -ENOENT if it is none. */
int record_load_buried(const Home *home, const char *file, Image **ret);
#define RECORD_BURIED_PREFIX ".dead-"

/* Chain ids of an image's layers, lowest first. */
int record_chain_ids(const Image *image, char ***ret);
