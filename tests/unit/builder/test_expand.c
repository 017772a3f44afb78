/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/str.h"
#include "builder/expand.h"
#include "test.h"

static char *environment[] = { (char *) "a=1",
                               (char *) "home=/home/me",
                               (char *) "empty=",
                               (char *) "two=x  y",
                               (char *) "path=a/b/c.tar.gz",
                               (char *) "q=it's \"q\"",
                               (char *) "name_1=under",
                               NULL };

/* NULL: refused, and the sentence contains the text after it. */
static const struct {
        const char *word, *result;
} words[] = {
        { "", "" },
        { "plain", "plain" },
        { "$a", "1" },
        { "${a}", "1" },
        { "x${a}y", "x1y" },
        { "$name_1-", "under-" },
        { "$unset", "" },
        { "a$", "a$" },
        { "$.", "$." },
        { "\\$a", "$a" },
        { "\\a", "a" },
        { "end\\", "end" },
        { "'$a'", "$a" },
        { "\"$a\"", "1" },
        { "\"\\$a\"", "$a" },
        { "\"\\\"\"", "\"" },
        { "\"\\x\"", "\\x" },
        { "$q", "it's \"q\"" },
        { "$1x$@", "x" },
        { "${a:-w}", "1" },
        { "${unset:-w}", "w" },
        { "${unset-w}", "w" },
        { "${empty:-w}", "w" },
        { "${empty-w}", "" },
        { "${unset:-}", "" },
        { "${unset:-$a}", "1" },
        { "${unset:-${unset:-${a}}}", "1" },
        { "${unset:-\"b c\"}", "b c" },
        { "${a:+w}", "w" },
        { "${empty:+w}", "" },
        { "${empty+w}", "w" },
        { "${unset+w}", "" },
        { "${a:?no}", "1" },
        { "${empty?no}", "" },
        { "${path#*/}", "b/c.tar.gz" },
        { "${path##*/}", "c.tar.gz" },
        { "${path%.*}", "a/b/c.tar" },
        { "${path%%.*}", "a/b/c" },
        { "${path#?/}", "b/c.tar.gz" },
        { "${path%zip}", "a/b/c.tar.gz" },
        { "${path#\\*}", "a/b/c.tar.gz" },
        { "${path/b/X}", "a/X/c.tar.gz" },
        { "${path//\\//-}", "a-b-c.tar.gz" },
        { "${a/$empty/x}", "x1" },
        { "${a//$empty/-}", "-1-" },
        { "${empty/*/x}", "x" },
        { "${a//*/x}", "x" },
        { "${path/?.*/$a}", "a/b/1" },
        { "${unset/a/b}", "" },
};

TEST(words) {
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
                autofree char *result = NULL;
                autoerr err = {};

                if (expand_word(words[i].word, environment, '\\', &result, &err) < 0)
                        printf("# '%s': %s\n", words[i].word, err.message);
                expect_str(result, words[i].result);
        }
}

static const struct {
        const char *word, *complaint;
} mistakes[] = {
        { "${}", "'${}'" },
        { "${", "no '}'" },
        { "${:x}", "no substitution" },
        { "${a", "no '}'" },
        { "${a:-w", "no '}'" },
        { "'a", "a ' has no partner" },
        { "\"a", "a \" has no partner" },
        { "${unset?is missing}", "unset: is missing" },
        { "${empty:?}", "empty: is not allowed to be empty" },
        { "${unset?}", "unset: is not allowed to be unset" },
        { "${a:#x}", "':#' is no modifier" },
        { "${a=x}", "'=' is no modifier" },
        { "${a^}", "'^' is no modifier" },
        { "${path#\\x}", "invalid escape" },
};

TEST(mistakes) {
        for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
                autofree char *result = NULL;
                autoerr err = {};

                expect(expand_word(mistakes[i].word, environment, '\\', &result, &err) == -EINVAL);
                if (!strstr(err.message, mistakes[i].complaint))
                        printf("# '%s': %s\n", mistakes[i].word, err.message);
                expect(strstr(err.message, mistakes[i].complaint));
        }
}

TEST(other_escape_character) {
        autofree char *result = NULL;
        autoerr err = {};

        expect_ok(expand_word("c:\\dir`$a$a", environment, '`', &result, &err));
        expect_str(result, "c:\\dir$a1");
}

TEST(split_into_fields) {
        static const struct {
                const char *word, *joined;
        } cases[] = {
                { "$two", "x|y" }, { "\"$two\"", "x  y" }, { "a$two", "ax|y" },
                { "$unset", "" },  { "\"\"", "" },         { "80 '81 82'", "80|81 82" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autostrv fields = NULL;
                autofree char *joined = NULL;
                autoerr err = {};

                expect_ok(expand_words(cases[i].word, environment, '\\', &fields, &err));
                joined = strv_join(fields, "|");
                expect_str(joined, cases[i].joined);
                expect(strv_length(fields) != 0 || str_equal(cases[i].word, "$unset"));
        }
}

TEST(deep_nesting_is_refused) {
        autostr word = {};
        autofree char *result = NULL;
        autoerr err = {};

        for (int i = 0; i < 100000; i++)
                str_put(&word, "${u:-");
        expect(expand_word(word.text, environment, '\\', &result, &err) == -EINVAL);
}
