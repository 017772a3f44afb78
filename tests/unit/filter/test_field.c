/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <bpf/btf.h>
#include <jansson.h>

#include "base/auto.h"
#include "filter/field.h"
#include "test.h"

/* A struct with something of everything, and the BTF that a compiler would make of it. */
typedef struct Sample {
        uint32_t rate;
        int16_t offset;
        uint16_t port; /* isola_be16 */
        uint32_t low : 3, high : 29;
        bool on;
        char name[7];
        uint32_t verdict; /* enum */
        uint32_t slots[3];
        struct {
                uint8_t address[16]; /* isola_ip */
                uint8_t fill;        /* "_fill" */
        } flow;
        union {
                uint32_t word;
                uint8_t byte;
        }; /* without a name */
        uint8_t mac[6];
        uint64_t big;
        uint32_t prefix_length;
        uint8_t prefix[16];
} Sample;

static int member(struct btf *btf, const char *name, int type, size_t at) {
        return expect_ok(btf__add_field(btf, name, type, (uint32_t) at * 8, 0));
}
#define MEMBER(name, type) member(btf, #name, type, offsetof(Sample, name))

static int add_bytes(struct btf *btf, const char *name, int byte, int index, uint32_t n) {
        int array = expect_ok(btf__add_array(btf, index, byte, n));
        int id = expect_ok(btf__add_struct(btf, name, n));

        member(btf, "bytes", array, 0);
        return id;
}

static FieldType describe(void) {
        struct btf *btf = btf__new_empty();
        int u8, u16, u32, s16, u64, be16, character, boolean, name, verdict, slots, ip, flow,
                either, mac, prefix, id;

        u8 = expect_ok(btf__add_int(btf, "unsigned char", 1, 0));
        u16 = expect_ok(btf__add_int(btf, "unsigned short", 2, 0));
        u32 = expect_ok(btf__add_int(btf, "unsigned int", 4, 0));
        u64 = expect_ok(btf__add_int(btf, "unsigned long long", 8, 0));
        s16 = expect_ok(btf__add_int(btf, "short", 2, BTF_INT_SIGNED));
        boolean = expect_ok(btf__add_int(btf, "_Bool", 1, BTF_INT_BOOL));
        character = expect_ok(btf__add_int(btf, "char", 1, BTF_INT_SIGNED));
        be16 = expect_ok(btf__add_typedef(btf, "isola_be16", u16));
        name = expect_ok(btf__add_array(btf, u32, character, 7));
        slots = expect_ok(btf__add_array(btf, u32, u32, 3));
        verdict = expect_ok(btf__add_enum(btf, "isola_verdict", 4));
        expect_ok(btf__add_enum_value(btf, "ISOLA_PASS", 0));
        expect_ok(btf__add_enum_value(btf, "ISOLA_DROP", 2));
        ip = add_bytes(btf, "isola_ip", u8, u32, 16);
        mac = add_bytes(btf, "isola_mac", u8, u32, 6);
        prefix = expect_ok(btf__add_struct(btf, "isola_prefix", 20));
        member(btf, "length", u32, 0);
        member(btf, "address", ip, 4);
        flow = expect_ok(btf__add_struct(btf, "flow", 17));
        member(btf, "address", ip, 0);
        member(btf, "_fill", u8, 16);
        either = expect_ok(btf__add_union(btf, NULL, 4));
        member(btf, "word", u32, 0);
        member(btf, "byte", u8, 0);

        id = expect_ok(btf__add_struct(btf, "sample", sizeof(Sample)));
        MEMBER(rate, u32);
        MEMBER(offset, s16);
        MEMBER(port, be16);
        expect_ok(btf__add_field(btf, "low", u32, 64, 3));
        expect_ok(btf__add_field(btf, "high", u32, 67, 29));
        MEMBER(on, boolean);
        MEMBER(name, name);
        MEMBER(verdict, verdict);
        MEMBER(slots, slots);
        MEMBER(flow, flow);
        expect_ok(btf__add_field(btf, NULL, either, offsetof(Sample, word) * 8, 0));
        MEMBER(mac, mac);
        MEMBER(big, u64);
        member(btf, "prefix", prefix, offsetof(Sample, prefix_length));
        return (FieldType){ btf, (uint32_t) id, "value" };
}

static const FieldType *sample(void) {
        static FieldType type;

        if (!type.btf)
                type = describe();
        return &type;
}

static int set(Sample *s, const char *path, const char *text) {
        autoerr err = {};
        int r = field_set(sample(), s, sizeof *s, path, text, NULL, &err);

        expect((r < 0) == (err.message != NULL));
        return r;
}

/* The sentence and hint of a member that is refused, which must not change anything. */
static const char *complaint(const char *path, const char *text) {
        static char words[512];
        Sample s, before;
        autoerr err = {};

        memset(&s, 0x5a, sizeof s);
        before = s;
        expect(field_set(sample(), &s, sizeof s, path, text, NULL, &err) < 0);
        expect(memcmp(&s, &before, sizeof s) == 0);
        snprintf(words, sizeof words, "%s; %s", err.message, err.hint ? err.hint : "");
        return words;
}

static const char *shown(const Sample *s, const char *name) {
        static char text[512];
        json_t *all = field_json(sample(), s, sizeof *s);
        char *dump = json_dumps(json_object_get(all, name), JSON_ENCODE_ANY | JSON_COMPACT);

        snprintf(text, sizeof text, "%s", dump ? dump : "nothing");
        free(dump);
        json_decref(all);
        return text;
}

/* No compiler makes such a field: its type is larger than the value. */
TEST(part_of_an_address_is_no_member) {
        struct btf *btf = btf__new_empty();
        int byte = expect_ok(btf__add_int(btf, "unsigned char", 1, 0)),
            index = expect_ok(btf__add_int(btf, "unsigned int", 4, 0)),
            ip = add_bytes(btf, "isola_ip", byte, index, 16),
            id = expect_ok(btf__add_struct(btf, "short", 1));
        FieldType type = { btf, (uint32_t) id, "value" };
        uint8_t value = 0;
        autoerr err = {};

        expect_ok(btf__add_field(btf, "address", ip, 0, 8));
        expect(!field_json(&type, &value, sizeof value));
        expect(field_set(&type, &value, sizeof value, "address", "1.2.3.4", NULL, &err) == -ENOENT);
        btf__free(btf);
}

TEST(numbers_are_written_where_they_belong) {
        Sample s = {};

        expect_ok(set(&s, "rate", "4294967295"));
        expect_ok(set(&s, "offset", "-32768"));
        expect_ok(set(&s, "port", "80"));
        expect_ok(set(&s, "low", "5"));
        expect_ok(set(&s, "high", "0x1fffffff"));
        expect_ok(set(&s, "slots[2]", "7"));
        expect_ok(set(&s, "big", "18446744073709551615"));
        expect(s.rate == UINT32_MAX && s.offset == INT16_MIN && s.port == htons(80));
        expect(s.low == 5 && s.high == 0x1fffffff);
        expect(s.slots[0] == 0 && s.slots[1] == 0 && s.slots[2] == 7);
        expect_str(shown(&s, "rate"), "4294967295");
        expect_str(shown(&s, "offset"), "-32768");
        expect_str(shown(&s, "port"), "80");
        expect_str(shown(&s, "low"), "5");
        expect_str(shown(&s, "high"), "536870911");
        expect_str(shown(&s, "slots"), "[0,0,7]");
        expect_str(shown(&s, "big"), "\"18446744073709551615\"");
}

TEST(addresses_networks_and_names_are_read_and_shown_alike) {
        static const char *const pairs[][3] = {
                { "flow.address", "10.0.0.1", "{\"address\":\"10.0.0.1\"}" },
                { "flow.address", "2001:db8::1", "{\"address\":\"2001:db8::1\"}" },
                { "mac", "02:00:00:00:00:fe", "\"02:00:00:00:00:fe\"" },
                { "prefix", "10.1.2.3/8", "\"10.0.0.0/8\"" },
                { "prefix", "0.0.0.0/0", "\"0.0.0.0/0\"" },
                { "prefix", "::/0", "\"::/0\"" },
                { "prefix", "10.0.0.1", "\"10.0.0.1/32\"" },
                { "prefix", "2001:db8::/33", "\"2001:db8::/33\"" },
                { "name", "eth0", "\"eth0\"" },
                { "name", "1234567", "\"1234567\"" },
                { "on", "yes", "true" },
                { "verdict", "ISOLA_DROP", "\"ISOLA_DROP\"" },
                { "verdict", "drop", "\"ISOLA_DROP\"" },
                { "verdict", "9", "9" },
        };

        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
                char member_name[16];
                Sample s = {};

                snprintf(member_name, sizeof member_name, "%.*s", (int) strcspn(pairs[i][0], "."),
                         pairs[i][0]);
                expect_ok(set(&s, pairs[i][0], pairs[i][1]));
                expect_str(shown(&s, member_name), pairs[i][2]);
        }
}

TEST(members_without_a_name_are_their_parents) {
        Sample s = {};

        expect_ok(set(&s, "byte", "255"));
        expect(s.word == 255);
        expect_str(shown(&s, "word"), "255");
}

TEST(what_does_not_fit_is_refused_with_words) {
        expect_str(complaint("rate", "4294967296"),
                   "value.rate cannot be '4294967296': it wants a number that fits; "
                   "it is unsigned and has 32 bits");
        expect_str(complaint("rate", "-1"), "value.rate cannot be '-1': it wants a number that "
                                            "fits; it is unsigned and has 32 bits");
        expect_str(complaint("offset", "32768"),
                   "value.offset cannot be '32768': it wants a number "
                   "that fits; it is signed and has 16 bits");
        expect_str(complaint("low", "8"), "value.low cannot be '8': it wants a number that fits; "
                                          "it is unsigned and has 3 bits");
        expect_str(complaint("name", "12345678"),
                   "value.name cannot be '12345678': it wants a text that fits; it has 7 bytes");
        expect_str(complaint("mac", "02:00:00:00:00"),
                   "value.mac cannot be '02:00:00:00:00': it wants a MAC address; ");
        expect_str(complaint("mac", "02:00:00:00:00:01:02"),
                   "value.mac cannot be '02:00:00:00:00:01:02': it wants a MAC address; ");
        expect_str(complaint("prefix", "10.0.0.0/33"),
                   "value.prefix cannot be '10.0.0.0/33': it wants a network like 10.0.0.0/8; ");
        expect_str(complaint("flow.address", "10.0.0.256"),
                   "value.flow.address cannot be '10.0.0.256': it wants an address; ");
        expect_str(complaint("verdict", "eat"),
                   "value.verdict cannot be 'eat': it wants one of its "
                   "names, or a number; its names are ISOLA_PASS, "
                   "ISOLA_DROP");
        expect_str(complaint("rate", "0x"), "value.rate cannot be '0x': it wants a number that "
                                            "fits; it is unsigned and has 32 bits");
}

TEST(path_that_leads_nowhere_is_refused_with_what_there_is) {
        expect_str(complaint("flow.port", "1"),
                   "the value has no member 'flow.port'; it has address");
        expect_str(complaint("slots[3]", "1"),
                   "the value has no member 'slots[3]'; it has elements from [0] to [2]");
        expect_str(complaint("slots[x]", "1"),
                   "the value has no member 'slots[x]'; it has elements from [0] to [2]");
        expect_str(complaint("rate.more", "1"), "the value has no member 'rate.more'; ");
        expect_str(complaint("flow", "1"), "value.flow has members, '1' is one value; say which: "
                                           "value.flow.MEMBER=…");
        expect_str(complaint("slots", "1"), "value.slots has members, '1' is one value; say which: "
                                            "value.slots[0]=…");
        expect(strstr(complaint("nothing", "1"),
                      "it has rate, offset, port, low, high, on, name, "
                      "verdict, slots, flow, word, byte, mac, big, prefix"));
}

TEST(members_not_written_are_found) {
        static const char *const all[][2] = {
                { "rate", "1" },      { "offset", "1" },        { "port", "1" },
                { "low", "1" },       { "high", "1" },          { "on", "true" },
                { "name", "x" },      { "verdict", "drop" },    { "slots[0]", "1" },
                { "slots[1]", "1" },  { "slots[2]", "1" },      { "flow.address", "::" },
                { "word", "1" },      { "mac", "0:0:0:0:0:0" }, { "big", "1" },
                { "prefix", "::/0" },
        };
        size_t n = sizeof all / sizeof *all;

        for (size_t left_out = 0; left_out <= n; left_out++) {
                uint8_t said[sizeof(Sample)] = {};
                char words[64];
                autoerr err = {};
                Sample s = {};

                for (size_t i = 0; i < n; i++)
                        if (i != left_out)
                                expect_ok(field_set(sample(), &s, sizeof s, all[i][0], all[i][1],
                                                    said, NULL));
                if (left_out == n) {
                        expect_ok(field_check_said(sample(), said, sizeof s, NULL));
                        break;
                }
                /* Bits that share a byte are one. */
                if (strcmp(all[left_out][0], "low") == 0)
                        continue;
                expect(field_check_said(sample(), said, sizeof s, &err) == -EINVAL);
                snprintf(words, sizeof words, "value.%s is missing", all[left_out][0]);
                expect_str(err.message, words);
        }
}

TEST(value_that_is_shorter_than_its_type_is_refused) {
        Sample s = {};
        autoerr err = {};
        uint64_t number;

        expect(field_set(sample(), &s, 8, "big", "1", NULL, &err) == -EINVAL);
        expect(field_json(sample(), &s, 8) == NULL);
        expect(field_number(sample(), &s, 8, "big", &number) == -EINVAL);
}

TEST(number_is_read_by_path) {
        Sample s = { .verdict = 2, .slots = { 0, 9 }, .port = htons(80) };
        uint64_t number = 0;

        expect_ok(field_number(sample(), &s, sizeof s, "slots[1]", &number));
        expect(number == 9);
        expect_ok(field_number(sample(), &s, sizeof s, "verdict", &number));
        expect(number == 2);
        expect_ok(field_number(sample(), &s, sizeof s, "port", &number));
        expect(number == 80);
        expect(field_number(sample(), &s, sizeof s, "mac", &number) == -EINVAL);
        expect(field_number(sample(), &s, sizeof s, "none", &number) == -ENOENT);
}
