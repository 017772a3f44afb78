/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/size.h"
#include "test.h"

TEST(sizes_are_powers_of_1024) {
        uint64_t n;

        expect_ok(size_parse("512m", &n));
        expect(n == 512u << 20);
        expect_ok(size_parse("1.5GiB", &n));
        expect(n == 1536u << 20);
        expect_ok(size_parse("64kB", &n));
        expect(n == 65536);
        expect_ok(size_parse("100", &n));
        expect(n == 100);
        expect(size_parse("12q", &n) == -EINVAL);
        expect(size_parse("-1", &n) == -EINVAL);
        expect(size_parse("", &n) == -EINVAL);
}

TEST(sizes_are_shown_in_powers_of_1000) {
        char *s = size_words(12345678);

        expect_str(s, "12.3MB");
        free(s);
}
