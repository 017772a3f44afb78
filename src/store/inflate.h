/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Inflating (RFC 1951), for streams whose digest is checked afterwards
 *
 * Twice as fast as zlib: the bits are taken 64 at a time, a table look-up gives a symbol with its
 * length, matches are copied in words.  The output is a window of this decoder's own, so input may
 * end anywhere and output is given in large pieces.  Nothing is believed: codes that are
 * over-subscribed or incomplete, distances before the beginning and input that ends early are
 * refused.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define INFLATE_SLACK 8 /* bytes behind the input's end that may be read, whatever they are */

/* Where input comes from: bytes from @at up to @end; more() brings further ones behind those that
 * are left, and may move them.  Return: 1; 0 at the end of all input; negative errno with a
 * sentence. */
typedef struct InflateInput {
        const unsigned char *at, *end;
        int (*more)(struct InflateInput *input, Err *err);
        void *context;
} InflateInput;

typedef struct Inflate Inflate;

Inflate *inflate_new(void);
Inflate *inflate_free(Inflate *inflate);

/* A new stream; what came before is forgotten. */
void inflate_reset(Inflate *inflate);

/**
 * inflate_next() - some more of the stream
 * @ret:	the bytes, inside the decoder until the next call
 *
 * Return: how many; 0 at the end of the stream, with @input behind it; -EBADMSG for a damaged one.
 */
ssize_t inflate_next(Inflate *inflate, InflateInput *input, const unsigned char **ret, Err *err);
