/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Packing a layer that was built here: its canonical tar, compressed or not, in a scratch file
 *
 * Compressed it is gzip of many members, or zstd of many frames, one for each MiB, which are made
 * by several threads at once and which every reader takes for one stream (RFC 1952 §2.2, RFC 8878
 * §3.1).  The same tar gives the same bytes.
 */

#include "store/layer.h"

typedef struct Packed {
        int file;
        char *path; /* below $DATA */
        char digest[DIGEST_LENGTH + 1];
        int64_t size;
} Packed;

void packed_clear(Packed *packed);

typedef enum Compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD } Compression;

/* How layers leave the store. */
typedef struct PackOptions {
        /* Of those that were built here; registries expect it.  If there is any, their manifest's
         * digest changes, and so does an index's. */
        Compression compression;
        int level;  /* 0 for the usual one */
        bool whole; /* the index that the image belongs to as well, if all it names is here */
} PackOptions;

/* The highest level of a compression, from 1. */
int compression_levels(Compression compression);
/* The media type of layers. */
const char *compression_media_type(Compression compression);

/**
 * pack_remembered() - what a layer came to when it was compressed before
 *
 * It would come to the same again: the layer does not change, and who compresses is the same.
 *
 * Return: true if that is known.
 */
bool pack_remembered(const Home *home, const Layer *layer, const PackOptions *how,
                     char ret_digest[DIGEST_LENGTH + 1], int64_t *ret_size);
/* The next pack_layer() finds out anew. */
void pack_forget(const Home *home, const Layer *layer);

/* Remembers what it came to, if it is compressed. */
int pack_layer(const Home *home, const Layer *layer, const PackOptions *how, Packed *ret, Err *err);
