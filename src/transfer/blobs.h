/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Bringing blobs into the store, in one pass
 *
 * The bytes of a blob come from the network process's pipe or from a file.  As they come they are
 * hashed and written to a file (ingest.h), and from there given to a helper that inflates, hashes
 * and unpacks them into a layer's draft (store/sandbox.h): all blobs at once, each as fast as its
 * helper is, with memory for none of them.  A blob gets its name once its digest is right, a layer
 * once its tar's is as well.
 */

#include "oci/image.h"
#include "store/layer.h"
#include "transfer/remote.h"

typedef struct Blob {
        /* What it is. */
        char digest[DIGEST_LENGTH + 1]; /* "" if not known: found out on the way */
        int64_t size;
        const char *media_type;
        char *const *urls; /* where a blob that may not be distributed is had; or NULL */

        /* Where it is: a file, which stays the caller's; else the remote is asked. */
        bool local;
        int file;
        int64_t offset;

        /* What it is to become: a layer above a chain ("" for the first), or only a blob. */
        const char *diff_id; /* or NULL */
        char parent[DIGEST_LENGTH + 1];
        /* Or neither, but a file that the caller closes, and in the end removes: its path, new. */
        bool to_scratch;
        char *scratch;

        /* Told meanwhile. */
        int64_t arrived, unpacked_bytes;
        bool there;   /* nothing was to be done */
        bool waiting; /* for another process that is bringing it */
        bool finished;
} Blob;

typedef struct BlobMove {
        const Home *home;
        Remote *remote; /* or NULL, if all are local */
        const char *repository;
        Blob *blobs;
        size_t n;
        /* Called often; may be NULL. */
        void (*progress)(void *context);
        void *context;
} BlobMove;

/* Return: 0 when all are there; -EBADMSG for one that is not what its digest says. */
int blobs_move(const BlobMove *move, Err *err);
