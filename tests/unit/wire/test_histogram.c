/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "test.h"
#include "wire/histogram.h"

TEST(every_span_is_in_a_bucket_that_begins_at_most_an_eighth_below_it) {
        for (int i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
                int64_t floor = histogram_floor(i), ceiling = histogram_floor(i + 1);
                Histogram h = {};

                expect(floor < ceiling && (ceiling - floor) * 8 <= floor + 8);
                histogram_add(&h, floor);
                histogram_add(&h, ceiling - 1);
                expect(h.buckets[i] == 2);
        }
        expect(histogram_floor(HISTOGRAM_BUCKETS - 1) > 15000000000);
}

TEST(what_is_beyond_the_ends_counts_in_the_first_and_last) {
        Histogram h = {};

        histogram_add(&h, -5);
        histogram_add(&h, INT64_MAX);
        expect(h.buckets[0] == 1 && h.buckets[HISTOGRAM_BUCKETS - 1] == 1);
        expect(h.max_ns == INT64_MAX);
}

TEST(quantiles_are_right_to_an_eighth) {
        Histogram h = {}, all = {};

        expect(histogram_quantile(&h, 0.5) == 0);
        for (int i = 1; i <= 100000; i++)
                histogram_add(&h, i);
        for (int percent = 1; percent < 100; percent++) {
                int64_t q = histogram_quantile(&h, percent / 100.0), exact = percent * 1000;

                expect(q > exact * 7 / 8 && q < exact * 9 / 8);
        }
        expect(histogram_quantile(&h, 1) == 100000 && h.sum_ns == 5000050000);
        histogram_merge(&all, &h);
        histogram_merge(&all, &h);
        expect(all.n == 200000 && all.max_ns == 100000);
        expect(histogram_quantile(&all, 0.3) == histogram_quantile(&h, 0.3));
}
