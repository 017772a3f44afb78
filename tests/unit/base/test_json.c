/* SPDX-License-Identifier: GPL-2.0-or-later */
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
        uint64_t most;
        int64_t *counts;
        size_t n_counts;
        uint32_t small;
        int level;
        bool has_level;
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
        JSON_U64(Doc, most, "most"),
        JSON_NUMBERS(Doc, counts, "counts"),
        JSON_U32(Doc, small, "small"),
        JSON_OPT_INT(Doc, level, "level"),
        {},
};
static const JsonType doc_type = { sizeof(Doc), doc_fields };

static const char text[] =
        "{\"title\":\"t\",\"tags\":[\"a\",\"b\"],\"set\":{\"x\":{}},\"pairs\":{\"k\":\"v\"},"
        "\"first\":{\"name\":\"n\",\"size\":7,\"on\":true},\"maybe\":{\"name\":\"m\"},"
        "\"items\":[{\"name\":\"i\"}],\"ports\":{\"80/tcp\":[\"h\"]},"
        "\"most\":18446744073709551615,\"counts\":[1,-9223372036854775808],\"small\":4294967295,"
        "\"level\":0}\n";

TEST(document_is_written_as_it_was_read) {
        autofree char *out = NULL;
        Doc d = {}, copy = {};

        expect_ok(json_parse(&doc_type, text, strlen(text), "doc", &d, NULL));
        expect(d.first.size == 7 && d.first.on && d.most == UINT64_MAX && d.has_level);
        expect_str(d.pairs[0], "k=v");
        expect_str(d.ports[0].hosts[0], "h");
        expect_ok(json_clone(&doc_type, &d, &copy));
        json_clear(&doc_type, &d);
        out = json_text(&doc_type, &copy);
        expect_str(out, text);
        json_clear(&doc_type, &copy);
}

TEST(error_names_the_place) {
        static const char bad[] = "{\"first\":{\"name\":\"n\"},\"items\":[{\"name\":\"a\"},{}]}";
        autoerr err = {};
        Doc d = {};

        expect(json_parse(&doc_type, bad, strlen(bad), "doc.json", &d, &err) == -EINVAL);
        expect_str(err.message, "doc.json:1: items[1].name: missing");
}

TEST(twice_the_same_key_is_refused) {
        static const char bad[] = "{\"title\":\"a\",\"title\":\"b\"}";
        Doc d = {};

        expect(json_parse(&doc_type, bad, strlen(bad), "doc.json", &d, NULL) == -EINVAL);
}
