/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Series of measured values
 *
 * A series remembers when each value came and keeps exact count, mean, spread,
 * extremes and jitter as it grows.  It is bounded: once SERIES_MAX values are kept,
 * every second one is forgotten and from then on only every second (fourth, …) new
 * one is kept, evenly over time, so that percentiles and plots stay true to the whole.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"

#define SERIES_MAX 131072

typedef struct Series {
        char *name, *unit;   /* "rtt", "ms"; or NULL */
        double *at, *values; /* seconds since the measurement began; in the order they came */
        size_t n, capacity;
        uint64_t count;                 /* of all values, kept or not; so are all below */
        uint64_t stride;                /* one in so many is kept; 0: every one */
        double min, max, mean, squares; /* squares: sum of squared distances from the mean */
        double jitter; /* RFC 3550, 6.4.1: of values that are transit times in order of arrival */
        double last;
        bool failed; /* memory ran out */
} Series;

#define autoseries __attribute__((__cleanup__(series_clear))) Series
void series_clear(Series *s);
/* Copies of both words; -ENOMEM. */
int series_name(Series *s, const char *name, const char *unit);
/* Sticky: without memory it sets failed and what follows is ignored. */
void series_add(Series *s, double at, double value);

/* What is said of a set of values; all NAN where there is none. */
typedef struct Summary {
        uint64_t n;
        double min, p5, q1, median, q3, p95, p99, max;
        double mean, deviation; /* standard deviation of a sample (n - 1); 0 for one value */
        double jitter;          /* RFC 3550, of a series */
} Summary;

/* -ENOMEM, also for a series that failed. */
int series_summary(const Series *s, Summary *ret);
/* Of @n values in any order; jitter is NAN. */
int values_summary(const double *values, size_t n, Summary *ret);

/* The caller's copy in ascending order; NULL without memory. */
double *values_sorted(const double *values, size_t n);
/* The value below which @share (0 to 1) of the @n sorted ones lie, interpolated between neighbours
 * (type 7 of Hyndman and Fan, as R and NumPy do); NAN for none. */
double sorted_percentile(const double *sorted, size_t n, double share);
/* Empirical distribution function: the share of the sorted values that are at most @value. */
double sorted_share(const double *sorted, size_t n, double value);

/* How two sets of values differ. */
typedef struct Comparison {
        double difference; /* of the medians: second less first */
        double ratio;      /* second by first; NAN if that is 0 */
        double distance;   /* greatest distance of their distribution functions (Kolmogorov and
                              Smirnov), 0 to 1 */
        bool overlap;      /* the ranges of the middle halves have values in common; with fewer than
                              five values on a side, the whole ranges */
} Comparison;

/* -EINVAL if one is empty; -ENOMEM. */
int values_compare(const double *a, size_t n_a, const double *b, size_t n_b, Comparison *ret);
