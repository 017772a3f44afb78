/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <time.h>

#include "base/auto.h"
#include "base/clock.h"
#include "test.h"

TEST(time_goes_to_words_and_back) {
        char *text = clock_rfc3339(1700000000123456789);
        int64_t ns;

        expect_str(text, "2023-11-14T22:13:20.123456789Z");
        expect_ok(clock_parse_rfc3339(text, &ns));
        expect(ns == 1700000000123456789);
        expect_ok(clock_parse_rfc3339("2023-11-15T00:13:20+02:00", &ns));
        expect(ns == 1700000000000000000);
        expect(clock_parse_rfc3339("yesterday", &ns) == -EINVAL);
        expect(clock_parse_rfc3339("0026-11-15", &ns) == -ERANGE);
        free(text);
}

TEST(dates_agree_with_libc) {
        for (int64_t day = -106000; day < 106000; day += 7) {
                char text[CLOCK_RFC3339_LENGTH + 1], wanted[64];
                time_t seconds = day * 86400 + 86399;
                struct tm tm;

                clock_put_rfc3339(seconds * 1000000000, text);
                gmtime_r(&seconds, &tm);
                strftime(wanted, sizeof wanted, "%Y-%m-%dT%H:%M:%S.000000000Z", &tm);
                expect_str(text, wanted);
        }
}

TEST(spans_have_units) {
        int64_t ns;

        expect_ok(span_parse("1h30m", 0, &ns));
        expect(ns == 5400000000000);
        expect_ok(span_parse("10", 1000000000, &ns));
        expect(ns == 10000000000);
        expect_ok(span_parse("-2.5s", 0, &ns));
        expect(ns == -2500000000);
        expect(span_parse("5", 0, &ns) == -EINVAL);
        expect(span_parse("5 parsecs", 0, &ns) == -EINVAL);
}

TEST(exact_spans_are_read_back) {
        static const struct {
                int64_t ns;
                const char *text;
        } cases[] = { { 0, "0s" },         { 2000000000, "2s" }, { 1500000000, "1500ms" },
                      { 250000, "250us" }, { 1, "1ns" },         { -3000000, "-3ms" } };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *text = span_exact(cases[i].ns);
                int64_t ns;

                expect_str(text, cases[i].text);
                expect_ok(span_parse(text, 0, &ns));
                expect(ns == cases[i].ns);
        }
}
