/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Build caches that leave the store: --cache-to and --cache-from
 *
 * In a directory:
 *   DIR/steps/KEY.json        {"version", "diffId", "created"}: what a step came to; without
 *                             diffId it changed nothing
 *   DIR/layers/DIFF-ID.tar    the layer that it made
 * In a registry, and in images themselves: transfer/cache_image.h.
 *
 * Keys are those of the cache of the store (cache.h), so what another machine
 * built from the same inputs is found, and nothing else.  A layer is taken in
 * only if its bytes have the digest that the step names.
 */

#include "builder/step.h"

/* Asks registries what --cache-from has there.  What cannot be had is warned of. */
void cache_transfer_open(Build *build);

/* Looks for a step's result in the places of --cache-from; 1 if the store's cache now has it. */
int cache_import(const Step *step, Err *err);
/* Notes it in the directories of --cache-to, and in the stage for the others. */
int cache_export(const Step *step, const Layer *layer, const char *created, Err *err);

/* Puts what all stages have noted into the registries of --cache-to. */
int cache_push(const Build *builds, size_t n, Err *err);
/* "NAME=LIST": the annotation of an image that carries its cache; NULL without --cache-to
 * type=inline; the caller's. */
int cache_inline(const Build *build, char **ret, Err *err);
