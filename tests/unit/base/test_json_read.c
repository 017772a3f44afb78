/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <jansson.h>

#include "base/str.h"
#include "json_items.h"
#include "test.h"

typedef struct Doc {
        char *title;
        char **tags, **set, **pairs;
        Item first;
        Item *maybe;
        Item *items;
        size_t n_items;
        Port *ports;
        size_t n_ports;
        int64_t limit;
} Doc;

static const JsonField doc_fields[] = {
        JSON_STRING(Doc, title, "title"),
        JSON_STRINGS(Doc, tags, "tags"),
        JSON_SET(Doc, set, "set"),
        JSON_PAIRS(Doc, pairs, "pairs"),
        JSON_STRUCT(Doc, first, Item, "first", &item_type),
        JSON_POINTER(Doc, maybe, Item, "maybe", &item_type),
        JSON_ARRAY(Doc, items, Item, "items", &item_type),
        JSON_MAP(Doc, ports, Port, "ports", &port_type),
        JSON_I64(Doc, limit, "limit", JSON_MINUS),
        {},
};
static const JsonType doc_type = { sizeof(Doc), doc_fields };

static const char text[] =
        "{\"title\":\"t\\n\\\"q\\\"\",\"tags\":[\"a\",\"b\"],\"set\":{\"x\":{}},\"pairs\":{\"k\":\"v\"},"
        "\"first\":{\"name\":\"n\",\"size\":-7,\"on\":true},\"maybe\":{\"name\":\"m\"},"
        "\"items\":[{\"name\":\"i\"},{\"name\":\"j\"}],\"ports\":{\"80/tcp\":[\"h\"],\"81/tcp\":[]},"
        "\"limit\":5}\n";

TEST(what_isola_writes_is_read) {
        autofree char *out = NULL;
        Doc d = {};

        expect_ok(json_parse(&doc_type, text, strlen(text), "doc", &d, NULL));
        expect_str(d.title, "t\n\"q\"");
        expect(d.n_items == 2 && d.n_ports == 2 && d.limit == 5 && d.first.size == -7);
        out = json_text(&doc_type, &d);
        expect_str(out, text);
        json_clear(&doc_type, &d);
}

TEST(strangers_and_nulls_are_passed_over) {
        static const char other[] = " { \"x\" : [1, {\"y\": [null, true]}], \"title\" : null,"
                                    "\"first\":{\"name\":\"n\",\"z\":\"\"} }";
        Doc d = {};

        expect_ok(json_parse(&doc_type, other, strlen(other), "doc", &d, NULL));
        expect(!d.title && d.limit == -1);
        expect_str(d.first.name, "n");
        json_clear(&doc_type, &d);
}

TEST(errors_name_line_place_and_cause) {
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "", "doc:1: not JSON: it ends, but should go on with a value" },
                { "[]", "doc:1: not an object" },
                { "{\"title\":1}", "doc:1: title: not a string" },
                { "{\"title\":\"a\",\n\"title\":\"b\"}", "doc:2: title: said twice" },
                { "{\"limit\":1.5}", "doc:1: limit: not a whole number" },
                { "{\"limit\":1e3}", "doc:1: limit: not a whole number" },
                { "{\"limit\":012}", "doc:1: not JSON: expected a number without leading zeros" },
                { "{\"limit\":99999999999999999999}", "doc:1: limit: out of range" },
                { "{\"limit\":9223372036854775808}", "doc:1: limit: out of range" },
                { "{\"limit\":-}", "doc:1: not JSON: expected a digit" },
                { "{\n\n\"first\":{}}", "doc:3: first.name: missing" },
                { "{\"items\":[{\"name\":\"a\"},\n{\"name\":[1]}]}",
                  "doc:2: items[1].name: not a string" },
                { "{\"items\":{}}", "doc:1: items: not a list" },
                { "{\"ports\":{\"80\":7}}", "doc:1: ports.80: not a list" },
                { "{\"ports\":{\"80\":[],\"80\":[]}}", "doc:1: ports.80: said twice" },
                { "{\"tags\":[\"a\",]}", "doc:1: not JSON: expected a value" },
                { "{\"tags\":[\"a\" \"b\"]}", "doc:1: not JSON: expected ',' or ']'" },
                { "{\"pairs\":{\"a\":\"1\",\"a\":\"2\"}}", "doc:1: pairs.a: said twice" },
                { "{\"pairs\":{\"a\":1}}", "doc:1: pairs.a: not a string" },
                { "{\"pairs\":{\"a\":\"1\",\"a=b\":\"2\"}}", "doc:1: pairs.a=b: said twice" },
                { "{} x", "doc:1: not JSON: expected nothing more" },
                { "{\"title\":\"\n\"}",
                  "doc:1: not JSON: expected '\"': control characters must be escaped" },
                { "{\"title\":\"\xc3\"}", "doc:1: not JSON: expected UTF-8" },
                { "{\"title\":\"\\x\"}", "doc:1: not JSON: expected a known escape" },
                { "{\"title\":\"\\u0000\"}", "doc:1: not JSON: expected a known escape" },
                { "{\"title\":\"\\ud83d\"}", "doc:1: not JSON: expected a known escape" },
                { "{\"first\":{\"name\":\"n\",\"on\":1}}",
                  "doc:1: first.on: neither true nor false" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autoerr err = {};
                Doc d = {};

                expect(json_parse(&doc_type, cases[i].text, strlen(cases[i].text), "doc", &d,
                                  &err) == -EINVAL);
                expect_str(err.message, cases[i].message);
                expect(!d.title && !d.items && !d.ports);
        }
}

TEST(escapes_and_foreign_scripts_are_read) {
        static const char other[] = "{\"\\u0074itle\":\"\\u00e9\\ud83d\\ude00\xc3\xa9\\/\\t\","
                                    "\"x\":[1.5e-3,0.0,-0,1E+2]}";
        autofree char *out = NULL;
        Doc d = {};

        expect_ok(json_parse(&doc_type, other, strlen(other), "doc", &d, NULL));
        expect_str(d.title, "\xc3\xa9\xf0\x9f\x98\x80\xc3\xa9/\t");
        d.limit = -1;
        out = json_text(&doc_type, &d);
        expect(strstr(out, "\xf0\x9f\x98\x80\xc3\xa9/\\t"));
        json_clear(&doc_type, &d);
}

TEST(bytes_that_are_no_text_are_marked) {
        autofree char *out = NULL;
        Doc d = { .title = strdup("a\xff\x01"), .limit = -1 };

        out = json_text(&doc_type, &d);
        expect(strstr(out, "\"a\xef\xbf\xbd\\u0001\""));
        json_clear(&doc_type, &d);
}

TEST(nesting_is_bounded) {
        char deep[4096];
        autoerr err = {};
        Doc d = {};

        strcpy(deep, "{\"x\":");
        memset(deep + 5, '[', sizeof deep - 5);
        expect(json_parse(&doc_type, deep, sizeof deep, "doc", &d, &err) == -EINVAL);
        expect_str(err.message, "doc:1: not JSON: expected less depth");
}

TEST(a_cut_document_is_no_document) {
        for (size_t n = 0; n < strlen(text) - 1; n++) {
                autofree char *copy = strndup(text, n);
                Doc d = {};

                expect(json_parse(&doc_type, copy, n, "doc", &d, NULL) == -EINVAL);
                json_clear(&doc_type, &d);
        }
}

TEST(nothing_is_accepted_that_is_no_json) {
        size_t length = strlen(text);

        for (size_t i = 0; i < length; i++)
                for (int c = 0; c < 256; c++) {
                        autofree char *copy = strdup(text);
                        Doc d = {};

                        copy[i] = (char) c;
                        if (json_parse(&doc_type, copy, length, "doc", &d, NULL) >= 0) {
                                json_t *tree = json_loadb(copy, length, 0, NULL);

                                expect(tree);
                                json_decref(tree);
                        }
                        json_clear(&doc_type, &d);
                }
}
