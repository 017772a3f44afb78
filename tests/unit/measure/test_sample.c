/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <math.h>

#include "measure/sample.h"
#include "test.h"

static bool near(double a, double b) {
        return fabs(a - b) < 1e-9;
}

TEST(percentiles_lie_between_neighbours) {
        static const double sorted[] = { 1, 2, 3, 4 };

        expect(near(sorted_percentile(sorted, 4, 0), 1));
        expect(near(sorted_percentile(sorted, 4, 0.25), 1.75));
        expect(near(sorted_percentile(sorted, 4, 0.5), 2.5));
        expect(near(sorted_percentile(sorted, 4, 1), 4));
        expect(near(sorted_percentile(sorted, 1, 0.99), 1));
        expect(isnan(sorted_percentile(sorted, 0, 0.5)));
}

TEST(share_counts_what_is_at_most_the_value) {
        static const double sorted[] = { 1, 2, 2, 5 };

        expect(near(sorted_share(sorted, 4, 0.5), 0));
        expect(near(sorted_share(sorted, 4, 1), 0.25));
        expect(near(sorted_share(sorted, 4, 2), 0.75));
        expect(near(sorted_share(sorted, 4, 9), 1));
        expect(isnan(sorted_share(sorted, 0, 1)));
}

TEST(summary_of_a_known_set) {
        static const double values[] = { 2, 4, 4, 4, 5, 5, 7, 9 };
        Summary s;

        expect_ok(values_summary(values, 8, &s));
        expect(s.n == 8 && near(s.min, 2) && near(s.max, 9));
        expect(near(s.mean, 5) && near(s.median, 4.5));
        expect(near(s.deviation, sqrt(32.0 / 7)));
        expect(isnan(s.jitter));
}

TEST(nothing_has_no_summary) {
        Summary s;

        expect_ok(values_summary(NULL, 0, &s));
        expect(s.n == 0 && isnan(s.median) && isnan(s.mean) && isnan(s.min) && isnan(s.deviation));
}

TEST(one_value_has_no_spread) {
        double value = 3;
        Summary s;

        expect_ok(values_summary(&value, 1, &s));
        expect(near(s.median, 3) && near(s.p99, 3) && near(s.deviation, 0));
}

TEST(jitter_is_a_sixteenth_of_each_step) {
        autoseries s = {};
        Summary summary;

        series_add(&s, 0, 10);
        series_add(&s, 1, 26); /* 16 / 16 */
        series_add(&s, 2, 26); /* 1 - 1 / 16 */
        expect_ok(series_summary(&s, &summary));
        expect(near(summary.jitter, 0.9375));
}

TEST(long_series_stays_bounded_and_true) {
        autoseries s = {};
        Summary summary;
        size_t n = SERIES_MAX * 5 + 3;

        for (size_t i = 0; i < n; i++)
                series_add(&s, (double) i, (double) i);
        expect(s.n <= SERIES_MAX && s.n > SERIES_MAX / 4 && s.count == n);
        for (size_t i = 0; i < s.n; i++)
                expect(near(s.values[i], (double) (i * s.stride)) && near(s.at[i], s.values[i]));
        expect_ok(series_summary(&s, &summary));
        expect(near(summary.max, (double) (n - 1)) && near(summary.min, 0));
        expect(near(summary.mean, (double) (n - 1) / 2));
        expect(fabs(summary.median / (double) n - 0.5) < 0.001);
}

TEST(not_a_number_is_no_value) {
        autoseries s = {};

        series_add(&s, 0, NAN);
        expect(s.count == 0 && s.n == 0);
}

TEST(different_sets_are_told_apart) {
        static const double low[] = { 1, 2, 3, 4, 5 }, high[] = { 11, 12, 13, 14, 15 };
        Comparison c;

        expect_ok(values_compare(low, 5, high, 5, &c));
        expect(near(c.difference, 10) && near(c.ratio, 13.0 / 3) && near(c.distance, 1));
        expect(!c.overlap);
        expect_ok(values_compare(low, 5, low, 5, &c));
        expect(near(c.difference, 0) && near(c.distance, 0) && c.overlap);
        expect(values_compare(low, 0, high, 5, &c) == -EINVAL);
}

TEST(few_values_overlap_by_their_whole_range) {
        static const double a[] = { 1, 2, 10 }, b[] = { 9, 20, 21 };
        Comparison c;

        expect_ok(values_compare(a, 3, b, 3, &c));
        expect(c.overlap);
}
