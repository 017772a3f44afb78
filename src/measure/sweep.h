/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The highest rate without loss, for each size of frame
 *
 * A binary search after RFC 2544, 26.1: a trial at a rate passes if no more than the
 * tolerated share of its datagrams is lost.  Frames count from destination address to
 * checksum, without preamble and gap.  A rate that the sender itself does not reach is
 * no result of the network; the search then ends there and says so.
 */

#include "measure/probe.h"

#define SWEEP_SIZES_MAX  32
#define SWEEP_TRIALS_MAX 24 /* for each size */

typedef struct SweepOptions {
        Station from, to;
        int sizes[SWEEP_SIZES_MAX]; /* bytes of a frame; ends with 0; the first 0: RFC 2544's */
        double max_bps;             /* of frames: where the search begins, and its limit */
        double resolution; /* the search ends once its interval is that share of the rate */
        double tolerance;  /* share of loss that passes; 0 as in the RFC */
        int64_t trial_ns;
        int stop;
} SweepOptions;

typedef struct SweepPoint {
        int frame;         /* bytes; enlarged where headers alone are longer */
        double rate_bps;   /* of frames, as the passing trial offered them; 0: none passed */
        double packets;    /* a second, at that rate */
        double loss_above; /* of the lowest rate that did not pass; 0: none failed */
        int trials;
        bool sender_limited;  /* what the sender could offer passed */
        bool receiver_missed; /* a trial failed because the receiving socket was full */
} SweepPoint;

typedef struct SweepResult {
        SweepPoint points[SWEEP_SIZES_MAX];
        size_t n;
        bool stopped;
} SweepResult;

/* 10 Gbit/s at most, to 1 %, no loss, two seconds each. */
SweepOptions sweep_defaults(const Station *from, const Station *to);
int sweep(const SweepOptions *o, SweepResult *ret, Err *err);
