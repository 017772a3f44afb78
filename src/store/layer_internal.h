/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Layers from inside: what layer.c and layer_draft.c know of each other. */

#include "store/layer.h"

/* True for a layer that was not synced before the machine went down: nothing can name it. */
bool layer_is_of_another_boot(int layers, const char *name);

/* Takes a layer its name: a draft that nobody holds is a dead one.  -ENOENT. */
int layer_bury_name(int layers, const char *name);

/* layer_commit() for a draft with the same files as another layer. */
int layer_commit_same(LayerDraft *draft, const char *parent, const Layer *like, Layer **ret,
                      Err *err);
