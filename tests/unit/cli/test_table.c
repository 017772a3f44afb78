/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/table.h"
#include "test.h"

#define LINES(...)                \
        (const char *const[]) {   \
                __VA_ARGS__, NULL \
        }

static void expect_table(const char *const *lines, const char *wanted) {
        autofree char *text = NULL;
        autostr out = {};

        table_layout((char *const *) lines, &out);
        text = str_take(&out);
        expect_str(text, wanted);
}

TEST(cells_are_three_blanks_apart_and_ten_wide) {
        expect_table(LINES("ID\tNAMES\tPORTS", "0123456789ab\tx\t"),
                     "ID             NAMES     PORTS\n"
                     "0123456789ab   x         \n");
}

TEST(characters_count_not_bytes) {
        expect_table(LINES("12345678\tA", "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
                                          "\xc3\xa9\xc3\xa9\tB"),
                     "12345678   A\n"
                     "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9   B\n");
}

TEST(no_cell_breaks_its_line) {
        autofree char *text = NULL;
        autostr line = {};

        table_put(&line, "a\tb\nc");
        text = str_take(&line);
        expect_str(text, "a b c");
}
