/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Removing images that nobody uses: what `image prune` and `system prune` share. */

#include <stdbool.h>
#include <stdint.h>

#include "base/home.h"

/* The name of a container that was made of an image, owned by the caller, or NULL; as
 * image_remove() asks it.  @context: a Home. */
char *image_user(const char *image_id, void *context);

typedef struct ImagePrune {
        bool all;                  /* also those that have a name */
        int64_t before_ns;         /* only what was made before; INT64_MAX for all */
        const char *const *labels; /* "key" or "key=value", all of which it must have; NULL */
} ImagePrune;

/* After a pull, a build and all else that held the images: what was removed meanwhile goes. */
void images_finish_removals(const Home *home);

/* Prints what was removed; @ret_bytes: how much that was. */
int images_prune(const Home *home, const ImagePrune *how, uint64_t *ret_bytes, Err *err);

/* --filter until=WHEN and label=… of the prune verbs. */
int prune_filters(const char *const *filters, int64_t *ret_before_ns, char ***ret_labels, Err *err);
