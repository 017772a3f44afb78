/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "test.h"

TEST(list_grows_and_keeps_its_order) {
        autostrv list = NULL;

        for (int i = 0; i < 100; i++)
                expect_ok(strv_addf(&list, "%d", i));
        expect(strv_length(list) == 100);
        expect_str(list[0], "0");
        expect_str(list[99], "99");
}

TEST(environment_is_replaced_in_place) {
        autostrv env = NULL;

        expect_ok(strv_env_set(&env, "A=1"));
        expect_ok(strv_env_set(&env, "B=2"));
        expect_ok(strv_env_set(&env, "A=3"));
        expect_str(env[0], "A=3");
        expect_ok(strv_env_set(&env, "A"));
        expect(strv_length(env) == 1);
        expect_str(strv_env_get(env, "B"), "2");
        expect(!strv_env_get(env, "A"));
}

TEST(what_a_terminal_would_obey_is_replaced) {
        autofree char *s = str_printable("a\x1b]0;x\x07 \xc2\x9b \xe2\x80\xae ok \xff \xc3\xa9");

        expect_str(s, "a?]0;x? ? ? ok ? \xc3\xa9");
}

TEST(numbers_are_whole_strings) {
        uint64_t u;
        int i;

        expect(parse_u64("12x", &u) == -EINVAL);
        expect(parse_u64("", &u) == -EINVAL);
        expect(parse_u64("99999999999999999999", &u) == -ERANGE);
        expect(parse_int("-5", -10, 10, &i) == 0 && i == -5);
        expect(parse_int("11", -10, 10, &i) == -ERANGE);
}

TEST(printable_lines_keep_breaks_and_tabs) {
        autofree char *s = str_printable_lines("a\tb\n\x1b[1mc\r\x7f");

        expect_str(s, "a\tb\n?[1mc??");
}

TEST(printable_json_means_the_same) {
        autofree char *s = str_printable_json("{\n\t\"a\": \"\x7f\xc2\x9b\xe2\x80\xae\xc3\xa9\"}");

        expect_str(s, "{\n\t\"a\": \"\\u007f\\u009b\\u202e\xc3\xa9\"}");
}

TEST(set_puts_a_copy_in_the_place_of_a_string) {
        char *string = NULL;

        expect(str_set(&string, "one") == 0 && str_equal(string, "one"));
        expect(str_set(&string, string + 1) == 0 && str_equal(string, "ne"));
        expect(str_set(&string, NULL) == 0 && !string);
}

TEST(fields_between_commas_may_be_quoted) {
        autostrv fields = NULL;
        autostrv open = NULL;

        expect_ok(strv_split_csv("a,\"b,c\",\"d\"\"e\",", &fields));
        expect(strv_length(fields) == 4);
        expect_str(fields[1], "b,c");
        expect_str(fields[2], "d\"e");
        expect_str(fields[3], "");
        expect(strv_split_csv("a,\"b", &open) == -EINVAL);
}
