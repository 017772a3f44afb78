/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A histogram of spans of time
 *
 * Of fixed size and with no allocation: each power of two of nanoseconds has eight buckets, so
 * that what it tells is right to an eighth, from one nanosecond to a minute.
 */

#include <stdint.h>

#define HISTOGRAM_BUCKETS 272

typedef struct Histogram {
        uint64_t n;
        int64_t sum_ns, max_ns;
        uint32_t buckets[HISTOGRAM_BUCKETS];
} Histogram;

/* Counts a span; below zero counts as zero. */
void histogram_add(Histogram *h, int64_t ns);
/* The smallest span that belongs to a bucket; bucket HISTOGRAM_BUCKETS - 1 has no upper end. */
int64_t histogram_floor(int bucket);
/* The span that the share @q (0 to 1) of all is not above, interpolated inside of its bucket; 0 if
 * there are none. */
int64_t histogram_quantile(const Histogram *h, double q);
void histogram_merge(Histogram *h, const Histogram *other);
