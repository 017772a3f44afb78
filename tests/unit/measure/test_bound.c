/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <math.h>

#include "measure/bound.h"
#include "test.h"

typedef struct Case {
        const char *text;
        BoundKind kind;
        bool least;
        double in, out; /* values that hold and do not */
} Case;

TEST(limits_in_words) {
        static const Case cases[] = {
                { "10ms", BOUND_SPAN, false, 10, 10.1 },
                { "10", BOUND_SPAN, false, 9, 11 },
                { "10mbit", BOUND_RATE, true, 10e6, 9.9e6 },
                { "<= 250us", BOUND_SPAN, false, 0.25, 0.26 },
                { "< 1%", BOUND_SHARE, false, 0.0099, 0.01 },
                { "0%", BOUND_SHARE, false, 0, 0.001 },
                { ">3", BOUND_COUNT, false, 4, 3 },
                { ">= 3", BOUND_COUNT, false, 3, 2 },
                { "9ms .. 11ms", BOUND_SPAN, false, 9, 8.9 },
                { "9ms..11ms", BOUND_SPAN, false, 11, 11.1 },
                { "20ms +- 5%", BOUND_SPAN, false, 21, 21.1 },
                { "20ms ± 1ms", BOUND_SPAN, false, 19, 18.9 },
                { "10% +- 10%", BOUND_SHARE, false, 0.19, 0.21 },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                Bound b = {};
                autoerr err = {};

                printf("# %s\n", cases[i].text);
                expect_well(bound_parse(cases[i].text, cases[i].kind, cases[i].least, &b, &err),
                            err);
                expect(bound_holds(&b, cases[i].in));
                expect(!bound_holds(&b, cases[i].out));
                expect(!bound_holds(&b, NAN));
        }
}

TEST(what_is_no_limit_is_refused) {
        static const struct {
                const char *text;
                BoundKind kind;
        } cases[] = {
                { "", BOUND_SPAN },           { "<", BOUND_SPAN },
                { "10 parsecs", BOUND_RATE }, { "10ms..", BOUND_SPAN },
                { "..", BOUND_SPAN },         { "11ms..9ms", BOUND_SPAN },
                { "+- 5%", BOUND_SPAN },      { "150%", BOUND_SHARE },
                { "ten", BOUND_COUNT },       { "nan", BOUND_COUNT },
                { "=> 3", BOUND_COUNT },      { "2 +- -5", BOUND_COUNT },
                { "2 +- -5%", BOUND_SPAN },   { "2 +- nan%", BOUND_SPAN },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                Bound b = {};
                autoerr err = {};

                expect(bound_parse(cases[i].text, cases[i].kind, false, &b, &err) == -EINVAL);
                printf("# %s\n", err.message);
        }
}

TEST(nothing_asked_holds_for_everything) {
        Bound b = {};

        expect(bound_holds(&b, 1) && bound_holds(&b, NAN));
}
