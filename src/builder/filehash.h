/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Digests of files, remembered from build to build
 *
 * A file that still has the device, inode, change time and size under which it
 * was hashed has the same content: nobody can set a change time.  (One that was
 * hashed within a moment of its change could change again without a new one;
 * it is not remembered.)  There is one file of records for each context,
 * $DATA/build-cache/files-<digest of its path>, replaced by rename.
 *
 * File format: "isola filehash 1\n" and then records of 96 bytes in the
 * machine's byte order, see FileRecord.
 */

#include <stdbool.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/home.h"

typedef struct FileHashes FileHashes;

/* A missing or damaged file of records is an empty one.  NULL without memory. */
FileHashes *filehashes_load(const Home *home, const char *context);
/* Writes what is new back; failures are only told in the log. */
FileHashes *filehashes_free(FileHashes *hashes);

/* True if the file with that status was hashed before; then there is no need to open it. */
bool filehash_known(const FileHashes *hashes, const struct stat *st, char ret[DIGEST_HEX_LENGTH]);
/* The SHA-256 of an open file, hexadecimal without a NUL; @st: its status.  Negative errno from
 * reading. */
int filehash_get(FileHashes *hashes, int file, const struct stat *st, char ret[DIGEST_HEX_LENGTH]);
