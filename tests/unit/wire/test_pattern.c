/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "test.h"
#include "wire/pattern.h"

static int parse(const char *text, Pattern **ret, Err *err) {
        return pattern_parse(text, strlen(text), "losses", ret, err);
}

TEST(digits_are_packets_and_the_pattern_begins_again_at_its_end) {
        autoptr(Pattern) p = NULL;

        expect(parse("# every third\n0, 0\n1 # 1 1 1\n", &p, NULL) == 0);
        expect(p->n == 3 && p->n_lost == 1);
        for (uint64_t k = 0; k < 30; k++)
                expect(pattern_is_lost(p, k) == (k % 3 == 2));
}

TEST(long_patterns_keep_each_bit) {
        autoptr(Pattern) p = NULL;
        char text[1001] = {};

        for (int i = 0; i < 1000; i++)
                text[i] = i * i % 7 == 2 ? '1' : '0';
        expect(parse(text, &p, NULL) == 0);
        for (uint64_t k = 0; k < 1000; k++)
                expect(pattern_is_lost(p, k) == (k * k % 7 == 2));
}

TEST(what_is_no_digit_is_refused_with_its_line) {
        autoptr(Pattern) p = NULL;
        autoerr err = {}, none = {}, missing = {};

        expect(parse("01\n0x\n", &p, &err) == -EINVAL);
        expect(strcmp(err.message, "losses:2: a pattern is made of 0 and 1") == 0);
        expect(parse("# nothing\n", &p, &none) == -EINVAL && none.message);
        expect(pattern_read("/nonexistent/losses", &p, &missing) == -ENOENT && missing.message);
        expect(!p);
}
