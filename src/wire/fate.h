/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What becomes of each packet: loss, damage, duplication, delay
 *
 * Decided in the order of arrival, for every packet that arrives, whatever the queue then does with
 * it: the k-th packet's fate depends on the seed and k alone.
 */

#include <stdbool.h>
#include <stdint.h>

#include "topology/quality.h"
#include "wire/pattern.h"
#include "wire/trace.h"

typedef struct Fate {
        bool lost, corrupt, duplicate;
        bool overtakes;   /* has no delay */
        int64_t delay_ns; /* jitter included, never negative */
        uint64_t choice;  /* of the bit to turn over, if corrupt */
} Fate;

/* What one quality says about fates, with the files that it names. */
typedef struct FateRules {
        const Quality *quality;
        const Pattern *pattern; /* or NULL */
        const Trace *trace;     /* one with delays or losses, or NULL */
        int64_t origin_ns;      /* of the trace */
} FateRules;

typedef struct FateMaker {
        uint64_t seed;
        uint64_t k;         /* packets so far */
        uint64_t pattern_k; /* the one with which the pattern began */
        bool bad;           /* state of Gilbert-Elliott's chain, which begins in the good one */
} FateMaker;

/* Whether all packets that arrive at about the same time have the same fate: nothing is drawn. */
bool fate_is_plain(const FateRules *rules);
/* The next packet's, which arrives at @now. */
Fate fate_next(FateMaker *m, const FateRules *rules, int64_t now);
/* Whether two packets may go in one piece: a corrupt one never. */
static inline bool fate_equal(const Fate *a, const Fate *b) {
        return a->lost == b->lost && a->corrupt == b->corrupt && a->duplicate == b->duplicate &&
               a->overtakes == b->overtakes && a->delay_ns == b->delay_ns && !a->corrupt;
}
/* The delay with jitter of the k-th packet. */
int64_t fate_delay(const Quality *q, uint64_t seed, uint64_t k);
