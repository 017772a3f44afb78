/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Draws that depend on nothing but what they are for
 *
 * The k-th packet's draw for a property is a hash of seed, property and k (the finalizer of
 * SplitMix64: Steele, Lea, Flood 2014): turning one property on or off, or the order of events,
 * changes no other draw.
 */

#include <stdint.h>

typedef enum DrawFor {
        DRAW_LOSS = 1,
        DRAW_LOSS_STATE, /* of Gilbert-Elliott's chain */
        DRAW_CORRUPT,
        DRAW_CORRUPT_BIT, /* which one */
        DRAW_DUPLICATE,
        DRAW_REORDER,
        DRAW_JITTER,
} DrawFor;

static inline uint64_t draw_mix(uint64_t x) {
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        return x ^ (x >> 31);
}

/* The seed of one of many (a direction of a wire, a link of a lab) from a common one. */
static inline uint64_t draw_seed(uint64_t seed, uint64_t which) {
        return draw_mix(draw_mix(seed + 0x9e3779b97f4a7c15) ^ (which + 1) * 0xd1342543de82ef95);
}

static inline uint64_t draw(uint64_t seed, DrawFor property, uint64_t k) {
        return draw_mix(draw_seed(seed, property) + k * 0x9e3779b97f4a7c15);
}

/* From 0 to below 1. */
static inline double draw_unit(uint64_t bits) {
        return (double) (bits >> 11) * 0x1p-53;
}
