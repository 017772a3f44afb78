/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Making room: the cache of builds, and layers that nothing needs
 *
 * A layer is needed by an image, by a container, or by a step that the cache
 * knows.  Nothing is removed while a build or a pull is at work, which holds the
 * store (image_hold()).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/home.h"

typedef struct CacheUse {
        size_t n_steps, n_layers, n_mounts;
        int64_t bytes; /* of layers that only the cache needs, and of cache mounts */
        int64_t mount_bytes;
} CacheUse;

/* What the cache holds that nothing else does. */
int build_cache_use(const Home *home, CacheUse *ret, Err *err);

typedef struct PruneRequest {
        int64_t before_ns; /* only what was made or used before; INT64_MAX for all */
        bool mounts;       /* also the directories of RUN --mount=type=cache */
} PruneRequest;

/* Return: 0; -EBUSY while somebody builds or pulls. */
int build_cache_prune(const Home *home, const PruneRequest *request, CacheUse *ret, Err *err);
