/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Build caches in registries
 *
 * One of its own is an artifact: a manifest whose config lists steps (store/describe.h: CacheList)
 * and whose layers are what they made.  An image may carry the same list in an annotation of its
 * manifest, and its own layers are then what the list means.  The list is read in the sandbox;
 * a layer that is fetched has the digest that the manifest says.
 */

#include "transfer/source.h"

#define CACHE_ARTIFACT   "application/vnd.isola.buildcache.v1"
#define CACHE_CONFIG     "application/vnd.isola.buildcache.config.v1+json"
#define CACHE_ANNOTATION "org.isola.buildcache.v1"

/* A cache that is at hand by what it lists. */
typedef struct CacheImage {
        char *reference; /* "name@digest" of its manifest */
        OciDescriptor *layers;
        size_t n_layers;
        CacheStep *steps;
        size_t n_steps;
} CacheImage;

typedef struct CacheImages {
        CacheImage *list;
        size_t n;
} CacheImages;

/* Reads the lists of a name: its own, or of an index those of all its images.  None is no error. */
int cache_images_load(const Home *home, const char *name, const PlaceOptions *place,
                      CacheImages *ret, Err *err);
void cache_images_clear(CacheImages *images);

/**
 * cache_image_fetch() - get a layer
 * @ret:	owns the file that @place names
 */
int cache_image_fetch(const Home *home, const CacheImage *image, size_t layer,
                      const PlaceOptions *options, Source **ret, BlobPlace *place, Err *err);

/* A step and the layer that it made, by its chain id; NULL if it changed nothing. */
typedef struct CacheResult {
        const char *key, *created, *chain_id;
} CacheResult;

/* Puts a cache into a registry; layers are compressed as for images. */
int cache_image_push(const Home *home, const char *name, const PlaceOptions *place,
                     const CacheResult *results, size_t n, Err *err);
