/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Heavy hitters: flows that sent at least threshold bytes within a window of time match, and are
 * listed in the map "hitters".
 *
 * Bytes are kept in a count-min sketch (Cormode and Muthukrishnan, 2005): four rows of counters, of
 * which a flow has one in each; the least of the four is what it sent, or a little more where
 * others share all of its counters.  So millions of flows take no more memory than one.
 */

#include "isola_filter.h"

#define ROWS    4
#define COLUMNS 8192 /* a power of two */

ISOLA_PARAM(u64, threshold) = 1000000;
/* Milliseconds; 0: from the beginning. */
ISOLA_PARAM(u64, window) = 10000;
/* Counts by source address instead of by flow. */
ISOLA_PARAM(bool, by_source) = false;

struct cell {
        u64 window; /* number of the one that it counted last */
        u64 bytes;
};
struct hitter {
        u64 bytes;       /* in its last window, as the sketch has it */
        u64 first, last; /* packet over the threshold, isola_now() */
};

ISOLA_ARRAY(sketch, struct cell, ROWS *COLUMNS);
ISOLA_LRU(hitters, struct isola_flow, struct hitter, 1024);

ISOLA_INLINE u64 hash(const struct isola_flow *flow) {
        const u32 *words = (const u32 *) flow;
        u64 h = 0x9e3779b97f4a7c15ull;

#pragma clang loop unroll(full)
        for (unsigned i = 0; i < sizeof *flow / sizeof *words; i++) {
                h = (h ^ words[i]) * 0xff51afd7ed558ccdull;
                h ^= h >> 33;
        }
        return h;
}

/* Adds to the flow's counters and returns the least of them. */
ISOLA_INLINE u64 count(const struct isola_flow *flow, u64 bytes, u64 number) {
        u64 h = hash(flow), least = ~0ull;

#pragma clang loop unroll(full)
        for (u32 row = 0; row < ROWS; row++) {
                u32 index = row * COLUMNS + (((u32) h + row * (u32) (h >> 32)) & (COLUMNS - 1));
                struct cell *cell = isola_get(&sketch, &index);

                if (!cell)
                        return 0;
                if (cell->window != number) {
                        cell->window = number;
                        cell->bytes = 0;
                }
                isola_add(&cell->bytes, bytes);
                if (cell->bytes < least)
                        least = cell->bytes;
        }
        return least;
}

ISOLA_FILTER(heavyhitters) {
        struct isola_flow flow = isola_flow_of(p);
        struct hitter *hitter;
        u64 now = isola_now(), bytes;

        if (!p->family)
                return ISOLA_PASS;
        if (by_source) {
                __builtin_memset(&flow, 0, sizeof flow);
                flow.saddr = p->saddr;
        }
        bytes = count(&flow, p->length, window ? now / (window * (ISOLA_SECOND / 1000)) : 0);
        if (bytes < threshold)
                return ISOLA_PASS;
        hitter = isola_get_or_add(&hitters, &flow);
        if (hitter) {
                if (!hitter->first)
                        hitter->first = now;
                hitter->last = now;
                hitter->bytes = bytes;
        }
        return ISOLA_MATCH;
}
