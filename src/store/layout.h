/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The image layout on disk (image-spec image-layout.md): blobs and the index
 *
 * Changes are made under layout_lock(); index.json is replaced by rename, so readers need no lock.
 */

#include "base/digest.h"
#include "base/home.h"
#include "oci/image.h"

/* Makes the layout where it is missing.  Return: descriptor that holds the lock; -EAGAIN if
 * somebody has it and not @wait. */
int layout_lock(const Home *home, bool wait, Err *err);

/* An empty index where there is none yet. */
int layout_load_index(const Home *home, OciIndex *ret, Err *err);
/* Synced with everything that was written before. */
int layout_save_index(const Home *home, const OciIndex *index, Err *err);

/* Stores bytes under their digest, unsynced. */
int layout_put_blob(const Home *home, const char *bytes, size_t size, const char *digest, Err *err);
/* Reads a blob and checks its digest; -ENOENT, -EBADMSG. */
int layout_read_blob(const Home *home, const char *digest, char **ret, size_t *ret_size, Err *err);
/* What the digest of a blob of any size is by now. */
int layout_hash_blob(const Home *home, const char *digest, char ret[DIGEST_LENGTH + 1]);
void layout_remove_blob(const Home *home, const char *digest);

/*
 * What isola notes of an image in its entry, besides its name: the digests of its config, which is
 * its id, and of the index it was chosen from; and "NAME@DIGEST"s that it was pulled as, separated
 * by blanks.
 */
#define LAYOUT_ID           "org.isola.image.id"
#define LAYOUT_INDEX        "org.isola.image.index"
#define LAYOUT_REPO_DIGESTS "org.isola.image.repo-digests"

/* The name an index entry gives its image, inside the entry; NULL for none. */
const char *descriptor_name(const OciDescriptor *d);
/* The entry with that name, inside the index; or NULL. */
OciDescriptor *layout_find_name(const OciIndex *index, const char *name);
/* The "NAME@DIGEST"s that an entry was pulled as. */
int layout_repo_digests(const OciDescriptor *d, char ***ret);

/* Whether the layout has a blob, unread. */
bool layout_has_blob(const Home *home, const char *digest);
/* In bytes; negative errno. */
int64_t layout_blob_size(const Home *home, const char *digest);
/* Its path below $DATA; new. */
char *layout_blob_path(const char *digest);
