/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Files of packets that are lost
 *
 * A file of 0 (arrives) and 1 (lost), one for each packet; blanks, line breaks and commas are
 * skipped, and so is what follows '#' in a line.  After the last one it begins again.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

typedef struct Pattern {
        uint64_t n, n_lost; /* packets, lost ones among them */
        uint64_t *bits;
} Pattern;

/* @text of @length bytes; errors name @file and the line.  -EINVAL where there is not one packet.
 */
int pattern_parse(const char *text, size_t length, const char *file, Pattern **ret, Err *err);
/* Reads a file of at most 64 MiB. */
int pattern_read(const char *file, Pattern **ret, Err *err);
Pattern *pattern_free(Pattern *p);
DEFINE_AUTOPTR(Pattern, pattern_free)

static inline bool pattern_is_lost(const Pattern *p, uint64_t k) {
        uint64_t i = k % p->n;

        return p->bits[i / 64] >> (i % 64) & 1;
}
