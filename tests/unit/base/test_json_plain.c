/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <jansson.h>

#include "base/json_plain.h"
#include "base/str.h"
#include "test.h"

typedef struct Port {
        char *key;
        char **hosts;
} Port;
typedef struct Item {
        char *name;
        int64_t size;
        bool on;
} Item;
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

static const JsonField port_fields[] = { JSON_STRINGS(Port, hosts, ""), {} };
static const JsonType port_type = { sizeof(Port), port_fields };
static const JsonField item_fields[] = {
        JSON_STRING(Item, name, "name", JSON_REQUIRED),
        JSON_I64(Item, size, "size"),
        JSON_BOOL(Item, on, "on"),
        {},
};
static const JsonType item_type = { sizeof(Item), item_fields };
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

        expect_ok(json_read_plain(&doc_type, text, strlen(text), &d));
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

        expect_ok(json_read_plain(&doc_type, other, strlen(other), &d));
        expect(!d.title && d.limit == -1);
        expect_str(d.first.name, "n");
        json_clear(&doc_type, &d);
}

TEST(the_unusual_is_left_to_others) {
        static const char *const texts[] = {
                "",
                "[]",
                "{\"title\":1}",
                "{\"title\":\"\\u0041\"}",
                "{\"title\":\"\xc3\xa9\"}",
                "{\"title\":\"a\",\"title\":\"b\"}",
                "{\"limit\":1.5}",
                "{\"limit\":012}",
                "{\"limit\":99999999999999999999}",
                "{\"first\":{}}",
                "{\"tags\":[\"a\",]}",
                "{\"pairs\":{\"a\":\"1\",\"a\":\"2\"}}",
                "{} x",
                "{\"title\":\"\n\"}",
        };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                Doc d = {};

                expect(json_read_plain(&doc_type, texts[i], strlen(texts[i]), &d) == -EINVAL);
                json_clear(&doc_type, &d);
        }
}

TEST(a_cut_document_is_no_document) {
        for (size_t n = 0; n < strlen(text) - 1; n++) {
                autofree char *copy = strndup(text, n);
                Doc d = {};

                expect(json_read_plain(&doc_type, copy, n, &d) == -EINVAL);
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
                        if (json_read_plain(&doc_type, copy, length, &d) >= 0) {
                                json_t *tree = json_loadb(copy, length, 0, NULL);

                                expect(tree);
                                json_decref(tree);
                        }
                        json_clear(&doc_type, &d);
                }
}
