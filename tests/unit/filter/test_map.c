/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "stage.h"

static const FilterSpec types = { .object = TEST_OBJECT("types"), .action = FILTER_COUNT };

static int use(int (*call)(const FilterMap *map, char *const *words, Err *err), const char *name,
               const char *words, Err *err) {
        autoptr(FilterMap) map = open_map("types", name);
        autostrv list = NULL;

        expect_ok(strv_split(words, " ", true, &list));
        return call(map, list, err);
}

static const char *get(const char *name, const char *words) {
        autoptr(FilterMap) map = open_map("types", name);
        json_t *shown = NULL;
        autostrv list = NULL;
        autoerr err = {};

        expect_ok(strv_split(words, " ", true, &list));
        if (filter_map_get(map, list, &shown, &err) < 0)
                return keep(take_ptr(err.message));
        return text(keep(shown));
}

static const char *complaint(int (*call)(const FilterMap *map, char *const *words, Err *err),
                             const char *name, const char *words) {
        static char text_[512];
        autoerr err = {};

        expect(use(call, name, words, &err) < 0);
        snprintf(text_, sizeof text_, "%s; %s", err.message, err.hint ? err.hint : "");
        return text_;
}

static void set(const char *name, const char *words) {
        set_entry("types", name, words);
}

TEST(entry_is_written_and_read_by_its_members) {
        set_the_stage();
        attach(PORT(false), &types);
        set("rules",
            "key.saddr=10.0.0.1 key.dport=80 key.protocol=6 value.rate=1000 value.verdict=drop");
        expect_str(
                get("rules", "key.saddr=10.0.0.1 key.protocol=6 key.dport=80"),
                "{\"key\":{\"dport\":80,\"protocol\":6,\"saddr\":\"10.0.0.1\"},\"value\":{\"name\":"
                "\"\",\"offset\":0,\"on\":false,\"rate\":1000,\"verdict\":\"ISOLA_DROP\"}}");
        /* What is not said stays. */
        set("rules",
            "key.saddr=10.0.0.1 key.dport=80 key.protocol=6 value.name=web value.offset=-3");
        expect_str(
                get("rules", "key.saddr=10.0.0.1 key.protocol=6 key.dport=80"),
                "{\"key\":{\"dport\":80,\"protocol\":6,\"saddr\":\"10.0.0.1\"},\"value\":{\"name\":"
                "\"web\",\"offset\":-3,\"on\":false,\"rate\":1000,\"verdict\":\"ISOLA_DROP\"}}");
        expect_ok(use(filter_map_delete, "rules", "key.saddr=10.0.0.1 key.dport=80 key.protocol=6",
                      NULL));
        expect_str(get("rules", "key.saddr=10.0.0.1 key.protocol=6 key.dport=80"),
                   "map 'rules' has no such key");
        expect_str(text(dump("types", "rules")), "[]");
}

/* The filter finds what was written, and what it writes is found. */
TEST(program_and_command_see_the_same_map) {
        const Packet packet = { .payload = "12345678", .n_payload = 8 };
        Filter f;

        set_the_stage();
        attach(PORT(false), &types);
        from_host(&packet);
        f = asked(PORT(false), "types", 1);
        expect(f.counters[FILTER_COUNT].packets == 0);
        set("rules", "key.saddr=10.0.0.1 key.dport=2000 key.protocol=17 value.rate=1");
        set("networks", "key=10.0.0.0/8 value=7");
        from_host(&packet);
        f = asked(PORT(false), "types", 2);
        expect(f.counters[FILTER_COUNT].packets == 1);
        expect_str(get("slots", "key=1"), "{\"key\":1,\"value\":7}");
        expect_str(text(dump("types", "recent")), "[{\"key\":50,\"value\":2}]");
        expect_str(text(dump("types", "networks")), "[{\"key\":\"10.0.0.0/8\",\"value\":7}]");
}

TEST(values_of_each_processor_are_shown_and_set) {
        json_t *values, *value;
        json_int_t sum = 0;
        size_t i;

        set_the_stage();
        attach(PORT(false), &types);
        from_host(&(Packet){});
        asked(PORT(false), "types", 1);
        values = json_object_get(json_array_get(dump("types", "by_cpu"), 1), "values");
        expect(json_array_size(values) >= 1);
        json_array_foreach(values, i, value) sum +=
                json_integer_value(json_object_get(value, "packets"));
        expect(sum == 1);

        set("by_cpu", "key=1 value.packets=9");
        values = json_object_get(json_array_get(dump("types", "by_cpu"), 1), "values");
        json_array_foreach(values, i, value)
                expect(json_integer_value(json_object_get(value, "packets")) == 9);
}

TEST(global_variables_are_a_map) {
        Filter f;

        set_the_stage();
        attach(PORT(false), &types);
        from_host(&(Packet){});
        asked(PORT(false), "types", 1);
        expect_str(text(dump("types", "bss")), "[{\"value\":{\"seen\":1}}]");
        expect_str(text(dump("types", "data")), "[{\"value\":{\"answer\":42}}]");
        expect_str(text(dump("types", "rodata")), "[{\"value\":{\"limit\":5}}]");
        f = look(PORT(false), "types");
        expect(f.counters[FILTER_COUNT].packets == 1); /* a frame of 42 bytes */

        set("data", "value.answer=43");
        from_host(&(Packet){});
        f = asked(PORT(false), "types", 2);
        expect(f.counters[FILTER_COUNT].packets == 1);
        expect_str(complaint(filter_map_set, "rodata", "value.limit=42"),
                   "'rodata' cannot be changed any more; parameters are set when the filter is "
                   "attached");
}

TEST(many_entries_are_all_listed) {
        autoptr(FilterMap) map = NULL;
        json_t *list;
        bool seen[64] = {};

        set_the_stage();
        attach(PORT(false), &types);
        for (int i = 0; i < 16; i++) {
                char words[64];

                snprintf(words, sizeof words, "key=10.%d.0.0/16 value=%d", i, i);
                set("networks", words);
        }
        list = dump("types", "networks");
        expect(json_array_size(list) == 16);
        for (size_t i = 0; i < 16; i++)
                seen[json_integer_value(json_object_get(json_array_get(list, i), "value"))] = true;
        for (size_t i = 0; i < 16; i++)
                expect(seen[i]);
        expect(json_array_size(dump("types", "slots")) == 4);
        expect_str(complaint(filter_map_set, "networks", "key=10.99.0.0/16 value=1"),
                   "map 'networks' is full: it has room for 16 entries; ");
}

TEST(wrong_words_are_refused) {
        set_the_stage();
        attach(PORT(false), &types);
        expect_str(
                complaint(filter_map_set, "rules", "key.saddr=10.0.0.1 key.dport=80 value.rate=1"),
                "key.protocol is missing; ");
        expect_str(complaint(filter_map_set, "rules",
                             "key.saddr=10.0.0.1 key.dport=80 "
                             "key.protocol=6"),
                   "there is no value to set; give value.NAME=… or value=…");
        expect_str(complaint(filter_map_set, "rules", "saddr=10.0.0.1 value.rate=1"),
                   "'saddr=10.0.0.1' is no member; give key.NAME=… and value.NAME=…");
        expect_str(complaint(filter_map_delete, "rules", "key.saddr=10.0.0.1 value.rate=1"),
                   "'value.rate=1' is no member; give key.NAME=…");
        expect_str(complaint(filter_map_set, "rules", "key.sadr=10.0.0.1 value.rate=1"),
                   "the key has no member 'sadr'; it has saddr, dport, protocol");
        expect_str(complaint(filter_map_set, "slots", "key=4 value=1"),
                   "key cannot be '4': it is from 0 to 3; ");
        expect_str(complaint(filter_map_set, "slots", "value=1"), "key is missing; ");
        expect_str(complaint(filter_map_delete, "slots", "key=1"),
                   "entries of map 'slots' are always there; ");
        expect_str(complaint(filter_map_delete, "recent", "key=99"),
                   "map 'recent' has no such key; ");
        expect_str(complaint(filter_map_set, "networks", "key=10.0.0.0/33 value=1"),
                   "key cannot be '10.0.0.0/33': it wants a network like 10.0.0.0/8; ");
}

static int add_name(const FilterMap *map, void *context) {
        str_printf(context, "%s %s %u; ", map->name, map->kind, map->max_entries);
        return 0;
}

TEST(maps_are_listed_without_isolas_own) {
        static const char *const maps[] = {
                "rules hash 4; ",   "recent lru 64; ", "slots array 4; ", "by_cpu cpu-array 2; ",
                "rodata array 1; ", "bss array 1; ",   "data array 1; ",  "networks prefixes 16; ",
        };
        autofree char *listed = NULL;
        FilterMap *none = NULL;
        size_t length = 0;
        Str names = {};
        autoerr err = {};
        Filter f;

        set_the_stage();
        f = attach(PORT(false), &types);
        expect_ok(filter_map_each(f.program, add_name, &names, NULL));
        listed = str_take(&names);
        for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
                expect(strstr(listed, maps[i]));
                length += strlen(maps[i]);
        }
        expect(strlen(listed) == length);
        expect(filter_map_open(f.program, "rule", &none, &err) == -ENOENT);
        expect_str(err.message, "the filter has no map 'rule'");
        expect(strstr(err.hint, "rules"));
}
