/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "test.h"
#include "topology/yaml.h"

static YamlValue *parsed(const char *text) {
        autoerr err = {};
        YamlValue *v = NULL;

        if (yaml_read(text, strlen(text), "f", &v, &err) < 0)
                fprintf(stderr, "# %s\n", err.message);
        return v;
}

static char *refusal(const char *text) {
        autoerr err = {};
        YamlValue *v = NULL;

        expect(yaml_read(text, strlen(text), "f", &v, &err) == -EINVAL);
        expect(!v);
        return take_ptr(err.message);
}

TEST(a_tree_knows_its_lines) {
        autoptr(YamlValue) v = parsed("a: 1\nb:\n  - x\n  - {c: 'd', e: }\n");
        const YamlValue *b = yaml_get(v, "b");

        expect(v && v->kind == YAML_MAP && v->n == 2);
        expect_str(yaml_get(v, "a")->text, "1");
        expect(v->key_lines[1] == 2);
        expect(b->kind == YAML_LIST && b->n == 2 && b->items[1]->line == 4);
        expect(yaml_get(b->items[1], "c")->quoted);
        expect(yaml_is_null(yaml_get(b->items[1], "e")));
        expect(!yaml_get(b, "c") && !yaml_get(NULL, "c"));
}

TEST(anchors_and_merges) {
        autoptr(YamlValue) v = parsed("base: &b {x: 1, y: [2]}\none: {<<: *b, x: 3}\ntwo: *b\n"
                                      "three: {<<: [{z: 1}, *b]}\n");

        expect_str(yaml_get(yaml_get(v, "one"), "x")->text, "3");
        expect(yaml_get(yaml_get(v, "one"), "y")->n == 1);
        expect_str(yaml_get(yaml_get(v, "two"), "x")->text, "1");
        expect(yaml_get(v, "three")->n == 3);
}

TEST(what_is_wrong_is_told_with_its_line) {
        static const struct {
                const char *text, *words;
        } cases[] = {
                { "", "f: it is empty" },
                { "a: 1\na: 2\n", "f:2: 'a' is there twice" },
                { "a: *b\n", "f:1: nothing is called '&b'" },
                { "a: 1\n---\nb: 2\n", "f:2: a second document begins" },
                { "[a]: 1\n", "f:1: a key must be a word" },
                { "a: \"x\\0y\"\n", "f:1: there is a NUL in it" },
                { "a: {<<: 1}\n", "f:1: '<<' takes a map, or a list of maps" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *words = refusal(cases[i].text);

                expect_str(words, cases[i].words);
        }
        for (size_t i = 0; i < 3; i++) {
                static const char *const broken[] = { "a: [\n", "a:\n\t- b\n", "a: b: c\n" };
                autofree char *words = refusal(broken[i]);

                expect(str_after(words, "f:"));
        }
}

/* Ten levels of ten aliases are ten thousand million values. */
TEST(a_bomb_does_not_explode) {
        autostr s = {};
        autofree char *text = NULL, *words = NULL;

        str_put(&s, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for (int i = 1; i < 10; i++) {
                str_printf(&s, "a%d: &a%d [", i, i);
                for (int k = 0; k < 10; k++)
                        str_printf(&s, "*a%d,", i - 1);
                str_put(&s, "]\n");
        }
        text = str_take(&s);
        words = refusal(text);
        expect(strstr(words, "there are more than 1000000 values"));
}

TEST(nesting_has_an_end) {
        autostr s = {};
        autofree char *text = NULL, *words = NULL;

        for (int i = 0; i < 100; i++)
                str_put(&s, "[");
        for (int i = 0; i < 100; i++)
                str_put(&s, "]");
        text = str_take(&s);
        words = refusal(text);
        expect_str(words, "f:1: it is nested too deeply");
}

TEST(texts_are_read_back) {
        static const char *const texts[] = { "",
                                             "plain",
                                             "a: b",
                                             "- x",
                                             "yes",
                                             "null",
                                             "1.5",
                                             "x#y",
                                             "\"",
                                             "a\nb",
                                             "\t",
                                             "\x01",
                                             "äöü",
                                             "*a",
                                             "{}",
                                             "0x10",
                                             "\xc2\x85",
                                             "\xe2\x80\xa8",
                                             "\xef\xbb\xbf",
                                             "\xef\xbf\xbf",
                                             "\xf0\x9f\x98\x80",
                                             " x " };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                autoptr(YamlValue) v = NULL;
                autostr s = {};
                autofree char *text = NULL;

                str_put(&s, "k: ");
                yaml_put_text(&s, texts[i]);
                str_put(&s, "\n");
                text = str_take(&s);
                v = parsed(text);
                expect(v);
                expect_str(yaml_get(v, "k")->text, texts[i]);
                expect(!yaml_is_null(yaml_get(v, "k")));
        }
}

TEST(bytes_that_are_no_characters_are_taken_as_latin) {
        autoptr(YamlValue) v = NULL;
        autostr s = {};

        str_put(&s, "k: ");
        yaml_put_text(&s, "Z\xfcrich \xe2\x82");
        v = parsed(s.text);
        expect_str(yaml_get(v, "k")->text, "Zürich â\xc2\x82");
}
