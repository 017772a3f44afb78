/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Indexes in the making: `isola manifest create` collects images of several platforms that are at
 * registries, `annotate` changes what is said of them, `push` puts the index beside them
 *
 * $DATA/manifest-lists/HEX.json is one of them, HEX the digits of its name's digest.
 */

#include "base/home.h"
#include "oci/image.h"
#include "transfer/pull.h"

typedef struct ManifestListItem {
        char *reference; /* how the user called it: "registry/repository:tag" */
        char *source;    /* "registry/repository@digest" */
        OciDescriptor descriptor;
} ManifestListItem;

typedef struct ManifestList {
        int version;
        char *name;
        ManifestListItem *items;
        size_t n_items;
} ManifestList;

void manifest_list_clear(ManifestList *list);
#define automanifestlist __attribute__((__cleanup__(manifest_list_clear))) ManifestList

/* -ENOENT if nobody has begun it. */
int manifest_list_load(const Home *home, const char *name, ManifestList *ret, Err *err);
int manifest_list_save(const Home *home, const ManifestList *list, Err *err);
int manifest_list_remove(const Home *home, const char *name, Err *err);

/* Adds what a name stands for at its registry; of an index every image that it names. */
int manifest_list_add(ManifestList *list, const char *reference, const PlaceOptions *place,
                      Err *err);
/* The item that was added as @reference, or has that digest; NULL if there is none. */
ManifestListItem *manifest_list_find(const ManifestList *list, const char *reference);

/* The index: Docker's list if all images are in Docker's format, else OCI's; new. */
char *manifest_list_text(const ManifestList *list, const char **ret_media_type);

/**
 * manifest_list_push() - put the index under its name, and what it names where it is missing there
 * @ret_digest:	of the index
 */
int manifest_list_push(const Home *home, const ManifestList *list, const PlaceOptions *place,
                       const Watcher *watcher, char ret_digest[DIGEST_LENGTH + 1], Err *err);
