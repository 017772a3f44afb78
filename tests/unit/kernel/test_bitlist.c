/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "kernel/bitlist.h"
#include "test.h"

static size_t count(const char *text) {
        Bitlist list;

        expect_ok(bitlist_parse(text, &list));
        return list.n;
}

TEST(numbers_and_ranges_are_counted_once) {
        Bitlist list;

        expect_ok(bitlist_parse("0-3,7,2-4", &list));
        expect(list.n == 6 && bitlist_has(&list, 0) && bitlist_has(&list, 4));
        expect(bitlist_has(&list, 7) && !bitlist_has(&list, 5) && !bitlist_has(&list, 1u << 20));
        expect(count("64-127") == 64 && count("8191") == 1);
}

TEST(nothing_blanks_and_extra_commas_are_no_error) {
        expect(count("") == 0 && count(" \n") == 0 && count(",1,,2, 3,") == 3);
}

TEST(what_is_no_list_is_refused) {
        static const char *const texts[] = { "a", "1-", "-1", "3-1", "1x", "1-2-3", "0x1", "+1" };
        Bitlist list;

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                expect(bitlist_parse(texts[i], &list) == -EINVAL);
        expect(bitlist_parse("8192", &list) == -ERANGE);
        expect(bitlist_parse("99999999999999999999", &list) == -ERANGE);
}
