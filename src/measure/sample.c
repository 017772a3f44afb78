/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "measure/sample.h"

#define FEW 5 /* values of which quartiles say nothing */

void series_clear(Series *s) {
        free(s->name);
        free(s->unit);
        free(s->at);
        free(s->values);
        *s = (Series){};
}

int series_name(Series *s, const char *name, const char *unit) {
        int r = str_set(&s->name, name);

        return r < 0 ? r : str_set(&s->unit, unit);
}

static void forget_every_second(Series *s) {
        for (size_t i = 0; i < s->n; i += 2) {
                s->at[i / 2] = s->at[i];
                s->values[i / 2] = s->values[i];
        }
        s->n = (s->n + 1) / 2;
        s->stride *= 2;
}

static bool grow(Series *s) {
        size_t capacity = s->capacity ? s->capacity * 2 : 64;
        double *at = realloc(s->at, capacity * sizeof *at), *values;

        if (at)
                s->at = at;
        values = at ? realloc(s->values, capacity * sizeof *values) : NULL;
        if (!values) {
                s->failed = true;
                return false;
        }
        s->values = values;
        s->capacity = capacity;
        return true;
}

/* Welford's update, which loses no digits over many values. */
static void count_in(Series *s, double value) {
        double from_mean = value - s->mean;

        s->count++;
        s->mean += from_mean / (double) s->count;
        s->squares += from_mean * (value - s->mean);
        s->min = s->count == 1 ? value : fmin(s->min, value);
        s->max = s->count == 1 ? value : fmax(s->max, value);
        if (s->count > 1)
                s->jitter += (fabs(value - s->last) - s->jitter) / 16;
        s->last = value;
}

void series_add(Series *s, double at, double value) {
        if (s->failed || isnan(value))
                return;
        if (s->stride == 0)
                s->stride = 1;
        if (s->count % s->stride == 0) {
                if (s->n == SERIES_MAX)
                        forget_every_second(s);
                if (s->n == s->capacity && !grow(s))
                        return;
                s->at[s->n] = at;
                s->values[s->n++] = value;
        }
        count_in(s, value);
}

static int compare_numbers(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

double *values_sorted(const double *values, size_t n) {
        double *sorted = calloc(n ? n : 1, sizeof *sorted);

        if (!sorted)
                return NULL;
        if (n > 0) {
                memcpy(sorted, values, n * sizeof *sorted);
                qsort(sorted, n, sizeof *sorted, compare_numbers);
        }
        return sorted;
}

double sorted_percentile(const double *sorted, size_t n, double share) {
        double place = share * (double) (n - 1);
        size_t below;

        if (n == 0)
                return NAN;
        if (!(place > 0))
                return sorted[0];
        below = (size_t) place;
        if (below + 1 >= n)
                return sorted[n - 1];
        return sorted[below] + (place - (double) below) * (sorted[below + 1] - sorted[below]);
}

double sorted_share(const double *sorted, size_t n, double value) {
        size_t low = 0, high = n;

        if (n == 0)
                return NAN;
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (sorted[middle] <= value)
                        low = middle + 1;
                else
                        high = middle;
        }
        return (double) low / (double) n;
}

static void set_percentiles(Summary *s, const double *sorted, size_t n) {
        s->p5 = sorted_percentile(sorted, n, 0.05);
        s->q1 = sorted_percentile(sorted, n, 0.25);
        s->median = sorted_percentile(sorted, n, 0.5);
        s->q3 = sorted_percentile(sorted, n, 0.75);
        s->p95 = sorted_percentile(sorted, n, 0.95);
        s->p99 = sorted_percentile(sorted, n, 0.99);
}

int series_summary(const Series *s, Summary *ret) {
        autofree double *sorted = s->failed ? NULL : values_sorted(s->values, s->n);

        if (!sorted)
                return -ENOMEM;
        *ret = (Summary){
                .n = s->count, .min = NAN, .max = NAN, .mean = NAN, .deviation = NAN, .jitter = NAN
        };
        set_percentiles(ret, sorted, s->n);
        if (s->count == 0)
                return 0;
        ret->min = s->min;
        ret->max = s->max;
        ret->mean = s->mean;
        ret->deviation = s->count > 1 ? sqrt(s->squares / (double) (s->count - 1)) : 0;
        ret->jitter = s->jitter;
        return 0;
}

int values_summary(const double *values, size_t n, Summary *ret) {
        autoseries s = {};
        int r;

        for (size_t i = 0; i < n; i++)
                series_add(&s, 0, values[i]);
        r = series_summary(&s, ret);
        ret->jitter = NAN;
        return r;
}

/* Both functions only move at values, so one walk over both lists meets every distance. */
static double greatest_distance(const double *a, size_t n_a, const double *b, size_t n_b) {
        double greatest = 0;
        size_t i = 0, j = 0;

        while (i < n_a && j < n_b) {
                double value = fmin(a[i], b[j]);

                while (i < n_a && a[i] <= value)
                        i++;
                while (j < n_b && b[j] <= value)
                        j++;
                greatest =
                        fmax(greatest, fabs((double) i / (double) n_a - (double) j / (double) n_b));
        }
        return greatest;
}

int values_compare(const double *a, size_t n_a, const double *b, size_t n_b, Comparison *ret) {
        autofree double *first = values_sorted(a, n_a), *second = values_sorted(b, n_b);
        double low = n_a < FEW || n_b < FEW ? 0 : 0.25, median_a, median_b;

        if (!first || !second)
                return -ENOMEM;
        if (n_a == 0 || n_b == 0)
                return -EINVAL;
        median_a = sorted_percentile(first, n_a, 0.5);
        median_b = sorted_percentile(second, n_b, 0.5);
        ret->difference = median_b - median_a;
        ret->ratio = fabs(median_a) > 0 ? median_b / median_a : NAN;
        ret->distance = greatest_distance(first, n_a, second, n_b);
        ret->overlap =
                sorted_percentile(first, n_a, low) <= sorted_percentile(second, n_b, 1 - low) &&
                sorted_percentile(second, n_b, low) <= sorted_percentile(first, n_a, 1 - low);
        return 0;
}
