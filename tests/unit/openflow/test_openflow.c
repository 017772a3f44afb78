/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "hex.h"
#include "openflow/openflow.h"

static int negotiate(const char *hex, unsigned versions) {
        uint8_t bytes[64];

        return of_negotiate(bytes, from_hex(hex, bytes, sizeof bytes), versions);
}

/* 1.3.5, 6.3.1 */
TEST(highest_version_of_both_is_chosen) {
        expect(negotiate("04000008 00000001", OF_VERSIONS) == OF_13);
        expect(negotiate("01000008 00000001", OF_VERSIONS) == OF_10);
        expect(negotiate("06000008 00000001", OF_VERSIONS) == OF_13);
        expect(negotiate("06000010 00000001 0001 0008 00000072", OF_VERSIONS) == OF_13);
        expect(negotiate("06000010 00000001 0001 0008 00000042", OF_VERSIONS) == OF_10);
        expect(negotiate("06000018 00000001 0009 0008 00000000 0001 0008 00000010", OF_VERSIONS) ==
               OF_13);
        expect(negotiate("06000010 00000001 0001 0008 00000020", OF_VERSIONS) == -EPROTONOSUPPORT);
        expect(negotiate("01000008 00000001", 1u << OF_13) == -EPROTONOSUPPORT);
        expect(negotiate("ff000008 00000001", OF_VERSIONS) == OF_13);
        expect(negotiate("04010008 00000001", OF_VERSIONS) == -EBADMSG);
        expect(negotiate("0400000c 00000001 0001 0000", OF_VERSIONS) == OF_13);
}

TEST(hello_says_all_our_versions) {
        autostr out = {};

        expect_ok(of_put_hello(&out, OF_VERSIONS, 1));
        expect_bytes(&out, "04000010 00000001 0001 0008 00000012");
}

TEST(types_have_1_0s_numbers_there) {
        autostr out = {};
        OfHeader header;
        char scratch[16];

        expect_ok(of_put_plain(&out, OF_10, OF_BARRIER_REQUEST, 1));
        expect_ok(of_put_plain(&out, OF_13, OF_BARRIER_REQUEST, 1));
        expect_bytes(&out, "01120008 00000001 04140008 00000001");
        expect_ok(of_header(out.text, out.length, &header));
        expect(header.type == OF_BARRIER_REQUEST && header.version == OF_10);
        expect_str(of_type_name(header.type, scratch), "BARRIER_REQUEST");
        expect_str(of_type_name((OfType) 99, scratch), "type 99");
}

TEST(echo_is_answered_with_what_it_carries) {
        autostr out = {};

        expect_ok(of_put_echo_reply(&out, "\4\2\0\13\0\0\0\11abc", 11));
        expect_bytes(&out, "0403000b 00000009 616263");
}

TEST(header_waits_for_the_whole_and_refuses_what_is_too_short) {
        OfHeader header;

        expect(of_header("\4\0\0\20\0\0\0", 7, &header) == -EAGAIN);
        expect(of_header("\4\0\0\20\0\0\0\1", 8, &header) == -EAGAIN);
        expect(of_header("\4\0\0\7\0\0\0\1", 8, &header) == -EBADMSG);
}

static void expect_words(const char *hex, const char *words) {
        uint8_t bytes[64];
        autofree char *text = of_error_words(bytes, from_hex(hex, bytes, sizeof bytes));

        expect_str(text, words);
}

TEST(errors_are_put_into_words) {
        expect_words("0401000c 00000001 0005 0003", "flow mod failed: overlaps another flow");
        expect_words("0101000c 00000001 0003 0001", "flow mod failed: overlaps another flow");
        expect_words("0401000c 00000001 0004 0009", "bad match: a field lacks what it needs");
        expect_words("0101000c 00000001 0002 0004", "bad action: bad output port");
        expect_words("0401000c 00000001 0005 0063", "flow mod failed: code 99");
        expect_words("0401000c 00000001 ffff 0001", "error of type 65535, code 1");
        expect_words("04010008 00000001", "error of type 0, code 0");
        expect_words("0401", "an error that cannot be read");
}

/* 1.0.0, 5.3.1 */
TEST(features_of_1_0_have_ports) {
        uint8_t bytes[256];
        size_t n =
                from_hex("01060050 00000001 000000000000001a 00000100 fe 000000 000000c7 00000fff "
                         "0001 020000000001 733165746831000000000000001b0000 00000000 00000001 "
                         "000000c0 00000000 00000000 00000000",
                         bytes, sizeof bytes);
        OfFeatures features;

        expect_ok(of_get_features(bytes, n, &features));
        expect(features.dpid == 0x1a && features.buffers == 256 && features.tables == 254);
        expect(features.n_ports == 1 && features.ports[0].number == 1);
        expect_str(features.ports[0].name, "s1eth1");
        expect(!features.ports[0].down && features.ports[0].link_down);
        of_features_clear(&features);
        bytes[3]--;
        expect(of_get_features(bytes, n - 1, &features) == -EBADMSG);
}

/* 1.3.5, 7.3.5.6 and 7.3.5.7 */
TEST(ports_and_their_counters_are_read) {
        uint8_t bytes[256];
        size_t n_ports = 0, n_stats = 0,
               n = from_hex(
                       "04130050 00000001 000d 0001 00000000 fffffffe 00000000 020000000002 0000 "
                       "73310000000000000000000000000000 00000001 00000001 00000000 00000000 "
                       "00000000 00000000 00989680 00000000",
                       bytes, sizeof bytes);
        OfPortStats *stats = NULL;
        OfPort *ports = NULL;
        bool more;

        expect_ok(of_get_ports(bytes, n, &ports, &n_ports, &more));
        expect(n_ports == 1 && more && ports->number == OF_PORT_LOCAL && ports->down);
        expect(ports->link_down && ports->speed == 10000000);
        n = from_hex("04130080 00000001 0004 0000 00000000 00000002 00000000 0000000000000005 "
                     "0000000000000006 0000000000000007 0000000000000008 0000000000000009 "
                     "000000000000000a 000000000000000b 000000000000000c ffffffffffffffff "
                     "ffffffffffffffff ffffffffffffffff ffffffffffffffff 00000000 00000000",
                     bytes, sizeof bytes);
        expect_ok(of_get_port_stats(bytes, n, &stats, &n_stats, &more));
        expect(n_stats == 1 && !more && stats->number == 2 && stats->rx_packets == 5);
        expect(stats->tx_packets == 6 && stats->tx_errors == 12);
        free(stats);
        free(ports);
}

TEST(requests_for_counters_are_the_specifications) {
        autostr out = {};

        expect_ok(of_put_port_stats_request(&out, OF_13, OF_PORT_ANY, 1));
        expect_bytes(&out, "04120018 00000001 0004 0000 00000000 ffffffff 00000000");
        str_clear(&out);
        expect_ok(of_put_port_stats_request(&out, OF_10, 3, 1));
        expect_bytes(&out, "01100014 00000001 0004 0000 0003 000000000000");
        str_clear(&out);
        expect_ok(of_put_ports_request(&out, 1));
        expect_bytes(&out, "04120010 00000001 000d 0000 00000000");
        expect(of_put_port_stats_request(&out, OF_10, 0xff01, 1) == -ERANGE);
}

/* 1.0.0, 5.4.1; 1.3.5, 7.4.1 */
TEST(packets_come_in) {
        uint8_t bytes[128];
        size_t n =
                from_hex("010a0015 00000000 ffffffff 0003 0002 00 00 616263", bytes, sizeof bytes);
        OfPacketIn packet;

        expect_ok(of_get_packet_in(bytes, n, &packet));
        expect(packet.buffer == OF_NO_BUFFER && packet.in_port == 2 && packet.size == 3);
        expect(memcmp(packet.data, "abc", 3) == 0);
        n = from_hex("040a002d 00000000 00000007 0040 01 02 00000000000000ff 0001 000c 80000004 "
                     "00000009 00000000 0000 616263",
                     bytes, sizeof bytes);
        expect_ok(of_get_packet_in(bytes, n, &packet));
        expect(packet.buffer == 7 && packet.in_port == 9 && packet.size == 3 && packet.total == 64);
        expect(packet.cookie == 0xff && packet.table == 2 && packet.reason == 1);
        for (uint8_t cut = 8; cut < 42; cut++) {
                bytes[3] = cut;
                expect(of_get_packet_in(bytes, cut, &packet) == -EBADMSG);
        }
}

TEST(port_names_are_read_and_written) {
        autostr out = {};
        uint32_t port;
        uint16_t small;

        expect_ok(of_port_parse("local", &port));
        expect(port == OF_PORT_LOCAL);
        expect(of_port_parse("eth0", &port) == -EINVAL && of_port_parse("-1", &port) == -EINVAL);
        expect(of_port_parse("4294967295", &port) == -EINVAL);
        of_port_text(OF_PORT_FLOOD, &out);
        of_port_text(7, &out);
        expect_str(out.text, "FLOOD7");
        expect_ok(of_port_to_10(OF_PORT_LOCAL, &small));
        expect(small == 0xfffe && of_port_from_10(small) == OF_PORT_LOCAL);
        expect(of_port_from_10(7) == 7 && of_port_to_10(0xff00, &small) == -ERANGE);
}
