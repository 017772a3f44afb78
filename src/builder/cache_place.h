/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * --cache-from and --cache-to: where build caches are
 *
 *   type=local,src=DIR (or dest=DIR); also just DIR, if it begins with "/" or "." or is a directory
 *   type=registry,ref=NAME[,mode=min|max][,ignore-error=true]; also just NAME
 *   type=inline: in the image itself, for a later --cache-from its name
 *
 * mode=min are the steps that made the image, max those of all stages.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

typedef enum CacheKind { CACHE_LOCAL, CACHE_REGISTRY, CACHE_INLINE } CacheKind;

typedef struct CachePlace {
        CacheKind kind;
        char *where; /* directory or reference; NULL for inline */
        bool all;    /* mode=max */
        bool ignore_error;
} CachePlace;

typedef struct CachePlaces {
        CachePlace *list;
        size_t n;
} CachePlaces;

/* @to: of --cache-to, whose directories are made. */
int cache_places_parse(const char *const *words, bool to, CachePlaces *ret, Err *err);
void cache_places_clear(CachePlaces *places);
/* The first of a kind, or NULL. */
const CachePlace *cache_places_find(const CachePlaces *places, CacheKind kind);
