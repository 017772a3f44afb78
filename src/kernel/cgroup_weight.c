/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Version 1's shares and weights in version 2's terms. */

#include "kernel/cgroup_internal.h"

#define SHARES_MIN    2
#define SHARES_MAX    262144
#define WEIGHT_MAX    10000
#define IO_WEIGHT_MIN 10
#define IO_WEIGHT_MAX 1000

/* Binary logarithm of x >= 1 by repeated squaring: libm would be all of it for one number. */
static double log2_of(double x) {
        double whole = 0, part = 0;

        for (; x >= 2; x /= 2)
                whole++;
        for (double bit = 0.5; bit > 1e-15; bit /= 2) {
                x *= x;
                if (x >= 2) {
                        x /= 2;
                        part += bit;
                }
        }
        return whole + part;
}

/* 2 to the power of x >= 0: the whole part by doubling, the rest by its Taylor series. */
static double exp2_of(double x) {
        const double ln2 = 0.69314718055994530942;
        double term = 1, sum = 1, whole = 1;

        for (; x >= 1; x--)
                whole *= 2;
        for (int i = 1; i < 24; i++) {
                term *= x * ln2 / i;
                sum += term;
        }
        return whole * sum;
}

unsigned cgroup_weight(uint64_t shares) {
        const double log2_10 = 3.32192809488736234787;
        double l, exponent, weight;

        if (shares <= SHARES_MIN)
                return 1;
        if (shares >= SHARES_MAX)
                return WEIGHT_MAX;

        /* runc's curve since 2025: a parabola in the exponent through (2, 1), (1024, 100) and
         * (262144, 10000); the straight line before it made 1024 a weight of 39. */
        l = log2_of((double) shares);
        exponent = (l * l + 125 * l) / 612 - 7.0 / 34;
        weight = exponent <= 0 ? 1 : exp2_of(exponent * log2_10);
        return (unsigned) (weight + 1 - 1e-6); /* rounded up */
}

unsigned cgroup_io_weight(unsigned weight) {
        if (weight <= IO_WEIGHT_MIN)
                return 1;
        if (weight >= IO_WEIGHT_MAX)
                return WEIGHT_MAX;
        /* A straight line between the ends, as runc and crun draw it. */
        return 1 + (weight - IO_WEIGHT_MIN) * (WEIGHT_MAX - 1) / (IO_WEIGHT_MAX - IO_WEIGHT_MIN);
}
