/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What share/filters/isola_filter.h reads from packets. */

#include "stage.h"

static const FilterSpec parse = { .object = TEST_OBJECT("parse"), .action = FILTER_COUNT };
static uint64_t sent;

/* What the filter was told of a frame, member by member: "sport=1000 …". */
static const char *told_of(const Frame *f, const char *members) {
        static char line[1024];
        autostrv names = NULL;
        json_t *told;

        send_frame(stage.host, f);
        asked(PORT(false), "parse", ++sent);
        told = json_object_get(json_array_get(dump("parse", "last"), 0), "value");
        *line = 0;
        expect_ok(strv_split(members, " ", true, &names));
        strv_foreach(name, names) {
                json_t *value = json_object_get(told, *name);

                expect(value);
                snprintf(line + strlen(line), sizeof line - strlen(line), "%s%s", *line ? " " : "",
                         json_is_string(value) ? json_string_value(value) : text(value));
        }
        return line;
}

static const char *told(const Packet *p, const char *members) {
        Frame f = frame(p);

        return told_of(&f, members);
}

static void begin(void) {
        set_the_stage();
        sent = 0;
        attach(PORT(false), &parse);
}

TEST(tcp_and_udp_are_read) {
        begin();
        expect_str(told(&(Packet){ .protocol = IPPROTO_TCP,
                                   .sport = 1,
                                   .dport = 65535,
                                   .flags = 0x12,
                                   .window = 501,
                                   .seq = 0x80000001,
                                   .ack = 7,
                                   .ttl = 3,
                                   .payload = "abc",
                                   .n_payload = 3 },
                        "family protocol saddr daddr sport dport tcp_flags window seq ack ttl "
                        "network transport payload end length segments malformed egress"),
                   "4 6 10.0.0.1 10.0.0.2 1 65535 18 501 2147483649 7 3 14 34 54 57 57 1 0 false");
        expect_str(
                told(&(Packet){ .payload = "abc", .n_payload = 3 },
                     "family protocol sport dport tcp_flags seq payload end smac dmac ethertype"),
                "4 17 1000 2000 0 0 42 45 02:00:00:00:00:01 02:00:00:00:00:02 2048");
        expect_str(told(&(Packet){ .from = "fd00::1", .to = "fd00::2", .protocol = IPPROTO_TCP },
                        "family protocol saddr daddr sport dport network transport payload end"),
                   "6 6 fd00::1 fd00::2 1000 2000 14 54 74 74");
}

TEST(short_frames_end_before_their_padding) {
        Frame f = frame(&(Packet){});

        begin();
        memset(f.bytes + f.n, 0xaa, 60 - f.n);
        f.n = 60;
        expect_str(told_of(&f, "payload end length"), "42 42 60");
}

TEST(vlan_tags_are_gone_past) {
        const Frame plain = frame(&(Packet){});
        Frame f = { .n = 0 };

        begin();
        put(&f, plain.bytes, 12);
        put16(&f, ETH_P_8021AD);
        put16(&f, 0xe000 | 7);
        put16(&f, ETH_P_8021Q);
        put16(&f, 0x2000 | 100);
        put(&f, plain.bytes + 12, plain.n - 12);
        expect_str(told_of(&f, "vlan ethertype family dport"), "7 2048 4 2000");

        f.n = 0;
        put(&f, plain.bytes, 12);
        put16(&f, ETH_P_8021Q);
        put16(&f, 0x2000 | 100);
        put(&f, plain.bytes + 12, plain.n - 12);
        expect_str(told_of(&f, "vlan ethertype family dport"), "100 2048 4 2000");
}

TEST(extension_headers_are_gone_past) {
        static const uint8_t options[] = { 60, 0, 1, 4, 0, 0, 0, 0,   /* hop by hop */
                                           44, 0, 1, 4, 0, 0, 0, 0,   /* destination */
                                           17, 0, 0, 1, 0, 0, 0, 9,   /* first fragment */
                                           0,  5, 0, 6, 0, 8, 0, 0 }; /* UDP */
        static const uint8_t later[] = { 17, 0, 0, 8, 0, 0, 0, 9, 0, 5, 0, 6, 0, 8, 0, 0 };
        Frame f = frame(&(Packet){ .from = "fd00::1",
                                   .to = "fd00::2",
                                   .protocol = 255,
                                   .payload = options,
                                   .n_payload = sizeof options });

        begin();
        f.bytes[20] = 0;
        expect_str(told_of(&f, "protocol sport dport fragment transport payload malformed"),
                   "17 5 6 1 78 86 0");
        f = frame(&(Packet){ .from = "fd00::1",
                             .to = "fd00::2",
                             .protocol = 44,
                             .payload = later,
                             .n_payload = sizeof later });
        expect_str(told_of(&f, "protocol sport dport fragment"), "17 0 0 2");
}

TEST(fragments_are_told) {
        begin();
        expect_str(told(&(Packet){ .fragment = 0x2000 }, "fragment dport"), "1 2000");
        expect_str(told(&(Packet){ .fragment = 0x2010 }, "fragment dport"), "2 0");
        expect_str(told(&(Packet){ .fragment = 0x0010 }, "fragment dport"), "2 0");
        expect_str(told(&(Packet){ .fragment = 0x4000 }, "fragment dport"), "0 2000");
}

TEST(icmp_and_what_its_errors_are_about_are_read) {
        const Frame about = frame(&(Packet){ .to = "10.0.0.9", .dport = 53 });
        uint8_t error[8 + 28] = { 3, 4 };

        begin();
        expect_str(told(&(Packet){ .protocol = IPPROTO_ICMP,
                                   .payload = (uint8_t[]){ 8, 0, 0, 0, 0x12, 0x34, 0, 1 },
                                   .n_payload = 8 },
                        "icmp_type icmp_code sport dport payload inner"),
                   "8 0 4660 4660 42 false");
        memcpy(error + 8, about.bytes + 14, 28);
        expect_str(told(&(Packet){ .protocol = IPPROTO_ICMP,
                                   .payload = error,
                                   .n_payload = sizeof error },
                        "icmp_type icmp_code sport inner inner_daddr inner_dport"),
                   "3 4 0 true 10.0.0.9 53");
        /* Cut in the midst of the header that it repeats. */
        expect_str(told(&(Packet){ .protocol = IPPROTO_ICMP, .payload = error, .n_payload = 20 },
                        "icmp_type inner malformed"),
                   "3 false 0");
}

TEST(frames_that_end_too_early_are_told) {
        Frame f = frame(&(Packet){ .protocol = IPPROTO_TCP });

        begin();
        f.n = 36;
        expect_str(told_of(&f, "family malformed sport"), "4 1 0");
        f.n = 30;
        expect_str(told_of(&f, "family malformed"), "0 1");
}
