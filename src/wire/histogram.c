/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "wire/histogram.h"

/* Up to 15 each value has a bucket; from there on the three bits below the highest choose one. */
static int bucket_of(uint64_t ns) {
        int top, bucket;

        if (ns < 16)
                return (int) ns;
        top = 63 - __builtin_clzll(ns);
        bucket = (top - 2) * 8 + (int) ((ns >> (top - 3)) & 7);
        return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

int64_t histogram_floor(int bucket) {
        if (bucket < 16)
                return bucket;
        return (int64_t) (8 + bucket % 8) << (bucket / 8 - 1);
}

void histogram_add(Histogram *h, int64_t ns) {
        if (ns < 0)
                ns = 0;
        h->n++;
        h->sum_ns += ns;
        if (ns > h->max_ns)
                h->max_ns = ns;
        h->buckets[bucket_of((uint64_t) ns)]++;
}

int64_t histogram_quantile(const Histogram *h, double q) {
        double rank = q * (double) h->n, below = 0;

        for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
                int64_t floor = histogram_floor(i), ceiling = histogram_floor(i + 1);

                if (h->buckets[i] == 0)
                        continue;
                if (below + h->buckets[i] >= rank) {
                        double share = rank > below ? (rank - below) / h->buckets[i] : 0;

                        if (ceiling > h->max_ns || i == HISTOGRAM_BUCKETS - 1)
                                ceiling = h->max_ns;
                        return floor + (int64_t) (share * (double) (ceiling - floor));
                }
                below += h->buckets[i];
        }
        return h->max_ns;
}

void histogram_merge(Histogram *h, const Histogram *other) {
        h->n += other->n;
        h->sum_ns += other->sum_ns;
        if (other->max_ns > h->max_ns)
                h->max_ns = other->max_ns;
        for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
                h->buckets[i] += other->buckets[i];
}
