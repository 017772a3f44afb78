/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/str.h"
#include "base/toml.h"
#include "test.h"

static void becomes(const char *toml, const char *json) {
        autofree char *found = NULL;
        autoerr err = {};

        expect_ok(toml_to_json(toml, strlen(toml), "x", &found, &err));
        expect_str(found, json);
}

static void is_refused(const char *toml, const char *why) {
        autofree char *found = NULL;
        autoerr err = {};

        expect(toml_to_json(toml, strlen(toml), "x", &found, &err) == -EINVAL);
        expect_str(err.message, why);
}

TEST(keys_and_values) {
        becomes("", "{}");
        becomes("# nothing\r\n\n \t", "{}");
        becomes("a = 1\nb-2 = 'x\\y' # c\n\"c d\" = \"q\\\"\\t\\u00e9\\U0001F600\"",
                "{\"a\":1,\"b-2\":\"x\\\\y\",\"c d\":\"q\\\"\\t\xc3\xa9\xf0\x9f\x98\x80\"}");
        becomes("a = true\nb=false\nc = -1_000\nd = +7",
                "{\"a\":true,\"b\":false,\"c\":-1000,\"d\":7}");
        becomes("a.b.c = 1\na.b.d = 2", "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}");
        becomes("a = [ 1, # one\n [\"x\"],\n]\nb = []", "{\"a\":[1,[\"x\"]],\"b\":[]}");
        becomes("a = { b = 1, c.d = \"e\" }\nf = {}",
                "{\"a\":{\"b\":1,\"c\":{\"d\":\"e\"}},\"f\":{}}");
}

TEST(tables) {
        becomes("[a.b]\nc = 1\n[a]\nd = 2", "{\"a\":{\"b\":{\"c\":1},\"d\":2}}");
        becomes("[[l]]\nx = 1\n[l.t]\ny = 2\n[[l.m]]\n[[l.m]]\nz = 3\n[[l]]",
                "{\"l\":[{\"x\":1,\"t\":{\"y\":2},\"m\":[{},{\"z\":3}]},{}]}");
        becomes("[f]\na.c = 1\n[f.a.t]\ns = 2", "{\"f\":{\"a\":{\"c\":1,\"t\":{\"s\":2}}}}");
}

TEST(what_is_said_twice) {
        is_refused("a = 1\na = 2", "x:2: 'a' is said twice");
        is_refused("a.b = 1\na = 2", "x:2: 'a' is said twice");
        is_refused("[a]\n[b]\n[a]", "x:3: the table 'a' is said twice");
        is_refused("a = 1\n[a.b]", "x:2: 'a' is said already");
        is_refused("a = {}\n[a.b]", "x:2: 'a' is said already");
        is_refused("a = {}\na.b = 1", "x:2: 'a' is said already");
        is_refused("a = []\n[[a]]", "x:2: 'a' is said already");
        is_refused("[[a]]\n[a]", "x:2: the table 'a' is said twice");
        is_refused("[a.b]\n[a]\nb.c = 1", "x:3: 'b' is said already");
        is_refused("[f]\na.c = 1\n[f.a]", "x:3: the table 'a' is said twice");
}

TEST(what_is_not_read) {
        is_refused("a = \"\"\"x\"\"\"", "x:1: strings over several lines are not read here");
        is_refused("a = '''x'''", "x:1: strings over several lines are not read here");
        is_refused("a = 1.5",
                   "x:1: '1.5' is not read here: values are strings, whole numbers, true, "
                   "false, arrays and tables");
        is_refused("a = 1979-05-27",
                   "x:1: '1979-05-27' is not read here: values are strings, whole "
                   "numbers, true, false, arrays and tables");
}

TEST(what_is_no_toml) {
        is_refused("a", "x:1: 'a' has no value");
        is_refused("\na = ", "x:2: a value is missing");
        is_refused("= 1", "x:1: a key is missing");
        is_refused("a = \"b", "x:1: a string does not end");
        is_refused("a = \"b\n\"", "x:1: a string does not end");
        is_refused("a = \"\\q\"", "x:1: there is no escape '\\q'");
        is_refused("a = \"\\ud800\"", "x:1: U+D800 is no character");
        is_refused("a = \"\\u0000\"", "x:1: U+0000 is no character");
        is_refused("a = \"\xff\"", "x:1: a string is no UTF-8");
        is_refused("a = 1 b = 2", "x:1: nothing may follow, but 'b' does");
        is_refused("a = [1 2]", "x:1: an array does not end");
        is_refused("a = {b = 1\n}", "x:1: an inline table does not end in this line");
        is_refused("[a", "x:1: a table's name ends in ']'");
        is_refused("[[a]", "x:1: a table's name ends in ']]'");
        is_refused("a = [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]",
                   "x:1: values are nested deeper than 16");
        is_refused("a = _1", "x:1: '_1' is not read here: values are strings, whole numbers, true, "
                             "false, arrays and tables");
}

TEST(a_nul_byte_is_no_text) {
        autofree char *found = NULL;
        autoerr err = {};

        expect(toml_to_json("a = 1\0", 6, "x", &found, &err) == -EINVAL);
        expect_str(err.message, "x holds a NUL byte");
}
