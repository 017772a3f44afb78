/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A build cache in a directory: --cache-to and --cache-from
 *
 *   DIR/steps/KEY.json        {"version", "diffId", "created"}: what a step came to; without
 *                             diffId it changed nothing
 *   DIR/layers/DIFF-ID.tar    the layer that it made
 *
 * Keys are those of the cache of the store (cache.h), so what another machine
 * built from the same inputs is found, and nothing else.  A layer is taken in
 * only if its bytes have the digest that the step names.
 */

#include "builder/step.h"

/* Checks the values of --cache-from and --cache-to: type=local and its directory. */
int cache_transfer_check(const BuildRequest *request, Err *err);

/* Looks for a step's result in the directories of --cache-from; 1 if the store's cache now has it.
 */
int cache_import(const Step *step, Err *err);
/* Notes it in those of --cache-to. */
int cache_export(const Step *step, const Layer *layer, const char *created, Err *err);
