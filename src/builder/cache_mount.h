/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The directories of RUN --mount=type=cache
 *
 * $DATA/build-cache/mounts/<digest of the id>/ holds data/, which is what is
 * mounted, and a file id that says what it was called: an id is never part of a
 * path (CVE-2024-9675).  Who uses one holds a lock on it, shared or alone, so
 * that pruning leaves it.  sharing=private gives every build at the same time
 * one of its own: <digest>.1, <digest>.2 …
 *
 * Owners on disk are the container's numbers, as everywhere.
 */

#include "base/home.h"
#include "builder/run_mount.h"

typedef struct CacheMount {
        int lock;   /* holds until it is closed */
        char *data; /* absolute path of data/ */
        bool made;  /* it is new, and empty */
} CacheMount;

void cache_mount_clear(CacheMount *c);

/* Opens the directory that @m names, waiting where sharing=locked asks for it. */
int cache_mount_open(const Home *home, const RunMount *m, CacheMount *ret, Err *err);

typedef struct CacheMountInfo {
        char *id, *name; /* what the Dockerfile calls it; the directory's name */
        uint64_t size;
        int64_t used_ns; /* when it was mounted last */
} CacheMountInfo;

/* All there are, as an array that cache_mount_list_free() frees. */
int cache_mount_list(const Home *home, CacheMountInfo **ret, size_t *ret_n, Err *err);
void cache_mount_list_free(CacheMountInfo *list, size_t n);

/* Removes one that nobody uses; 1 if it is gone, 0 if somebody does. */
int cache_mount_remove(const Home *home, const char *name, Err *err);
