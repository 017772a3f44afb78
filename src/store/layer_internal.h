/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Layers from inside: what layer.c and its neighbours know of each other. */

#include "store/layer.h"

/* True for a layer that was not synced before the machine went down: nothing can name it. */
bool layer_is_of_another_boot(int layers, const char *name);

/* Takes a layer its name: a draft that nobody holds is a dead one.  -ENOENT. */
int layer_bury_name(int layers, const char *name);

/* layer_commit() for a draft with the same files as another layer. */
int layer_commit_same(LayerDraft *draft, const char *parent, const Layer *like, Layer **ret,
                      Err *err);

/**
 * layer_open() - layer_load() with its directory
 * @ret_synced:	whether it lasts
 *
 * Return: the directory, owned by the caller; -ENOENT; negative errno.
 */
int layer_open(const Home *home, const char *chain_id, Layer **ret, bool *ret_synced);

/* Writes layer.json into its directory; one that says @synced is synced itself. */
int layer_save(const Layer *layer, bool synced, int dir, Err *err);
