/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Round trips between all pairs of many stations, all at the same time. */

#include "measure/probe.h"

#define MATRIX_MAX 4096 /* stations */

typedef struct MatrixOptions {
        const Station *stations;
        size_t n;
        int count; /* requests for each ordered pair, one round after the other */
        int64_t timeout_ns;
        size_t window; /* requests under way at most: beyond it, the host's queues would lose them
                        */
        int stop;
} MatrixOptions;

/* One ordered pair of stations. */
typedef struct MatrixCell {
        uint32_t sent, received;
        double min_ms, mean_ms; /* NAN without an answer */
} MatrixCell;

typedef struct MatrixResult {
        MatrixCell *cells; /* from i to j: cells[i * n + j]; the diagonal stays empty */
        size_t n;
        uint64_t pairs, reached; /* reached: at least one answer */
        uint64_t sent, received;
        bool crowded; /* the kernel's neighbour table was full: entries were removed on the way */
        bool stopped;
} MatrixResult;

void matrix_clear(MatrixResult *r);
#define automatrix __attribute__((__cleanup__(matrix_clear))) MatrixResult

/* One request, a second's patience, 256 under way. */
MatrixOptions matrix_defaults(const Station *stations, size_t n);
/* Stations of the other family are not pinged: all are to be of one. */
int matrix(const MatrixOptions *o, MatrixResult *ret, Err *err);
