/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Packing a layer that was built here: its canonical tar, compressed or not, in a scratch file
 *
 * Compressed it is gzip of many members, one for each MiB, which are made by several threads at
 * once and which every reader takes for one stream (RFC 1952 §2.2).  The same tar gives the same
 * bytes.
 */

#include "store/layer.h"

typedef struct Packed {
        int file;
        char *path; /* below $DATA */
        char digest[DIGEST_LENGTH + 1];
        int64_t size;
} Packed;

void packed_clear(Packed *packed);

/* How layers leave the store. */
typedef struct PackOptions {
        bool compress; /* those that were built here, as registries expect it: their manifest's
                          digest changes, and so does an index's */
        bool whole;    /* the index that the image belongs to as well, if all it names is here */
} PackOptions;

int pack_layer(const Home *home, const Layer *layer, bool compress, Packed *ret, Err *err);
