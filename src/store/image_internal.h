/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Images from inside the store: entries of the layout's index. */

#include "store/image.h"

/* What an entry says of an image. */
typedef struct ImageEntry {
        const Image *image;
        int64_t manifest_size;
        const char *media_type;          /* NULL: as it is said already */
        const char *index, *repo_digest; /* may be NULL */
        bool stands_alone;               /* without @index: the name means this image alone now */
} ImageEntry;

/* The three steps that image.h promises; the caller holds the layout's lock. */
int image_give_names(const Home *home, const ImageEntry *entry, char *const *names, Err *err);

/* Reads names as the user wrote them into "repository:tag". */
int image_full_names(char *const *names, char ***ret, Err *err);

/* By its cached record, where there is one; else from the layout. */
int image_load_entry(const Home *home, const OciDescriptor *d, Image **ret, Err *err);

/* Whether an entry without a name says that the image is a part of an index that has one. */
bool image_is_part(const OciIndex *layout, const char *manifest_digest);
/* Whether an entry with a name is the image of this index that the name stands for. */
bool image_index_is_named(const OciIndex *layout, const char *index);

/**
 * image_load_part() - find an image of an index
 * @index:	its digest
 * @platform:	NULL for this machine's, or else any
 *
 * Return: 0; -ENOENT without words.
 */
int image_load_part(const Home *home, const char *index, const OciPlatform *platform, Image **ret);
