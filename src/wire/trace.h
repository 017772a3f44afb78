/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Traces: what a link could carry, over time
 *
 * Two kinds of file are read, told apart by their content; both begin again at their end.
 *
 * Mahimahi's: a number of milliseconds in each line, never less than the one before.  Each line is
 * an opportunity to deliver TRACE_OPPORTUNITY bytes at that time: what of it nobody waits for is
 * lost, a larger packet takes several.  The last line's time is the length of the trace.
 *
 * CSV: "time,rate" in each line, and perhaps delay and loss; a first line that does not begin with
 * a number names the columns.  Times are seconds or spans ("1.5", "1500ms"), in ascending order;
 * rates bits per second or as in qualities ("4mbit"), delays milliseconds or spans, losses as in
 * qualities ("1%").  A row is valid until the next one's time, the last for as long as the one
 * before it; what comes before the first row's time belongs to the first.
 *
 * '#' begins a comment in both.  A trace is at most 30 days long.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

#define TRACE_OPPORTUNITY 1500
#define TIME_FAR          (INT64_MAX / 4) /* a time that never comes */

typedef struct TraceRow {
        int64_t at_ns;
        uint64_t rate_bps;
        int64_t delay_ns;
        double loss;
} TraceRow;

typedef struct Trace {
        bool has_delay, has_loss;  /* only in CSV */
        int64_t *opportunities_ns; /* mahimahi's; or NULL */
        TraceRow *rows;            /* of a CSV; or NULL */
        size_t n;                  /* of either */
        int64_t period_ns;
        unsigned __int128 work; /* bits of a period, times 1e9; of a CSV */
        uint64_t mean_bps;
} Trace;

/* Where a transmitter is in a trace. */
typedef struct TraceCursor {
        int64_t origin_ns; /* when the trace began */
        uint64_t cycle;    /* times it has begun again */
        size_t next;       /* opportunity that follows the one in use */
        int64_t at_ns;     /* the one in use, */
        uint32_t left;     /* and its bytes left */
} TraceCursor;

/* @text of @length bytes; errors name @file and the line. */
int trace_parse(const char *text, size_t length, const char *file, Trace **ret, Err *err);
/* Reads a file of at most 64 MiB. */
int trace_read(const char *file, Trace **ret, Err *err);
Trace *trace_free(Trace *t);
DEFINE_AUTOPTR(Trace, trace_free)

/* When a packet of @bytes that the transmitter takes at @start is sent; TIME_FAR if not before. */
int64_t trace_send(const Trace *t, TraceCursor *cursor, int64_t start, uint32_t bytes);
/* The row of a CSV that is valid at a time. */
const TraceRow *trace_row(const Trace *t, int64_t origin_ns, int64_t at);
