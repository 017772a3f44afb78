/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "hex.h"
#include "openflow/match.h"

static OfMatch match_of(const char *text) {
        autostrv words = NULL;
        OfMatch match = {};
        autoerr err = {};

        expect_ok(strv_split(text, ",", true, &words));
        strv_foreach(word, words) {
                char *value = strchr(*word, '=');

                if (value)
                        *value++ = 0;
                expect_well(of_match_put_word(&match, *word, value, &err), err);
        }
        expect_well(of_match_check(&match, &err), err);
        return match;
}

static void expect_text(const OfMatch *match, const char *text) {
        autostr out = {};

        of_match_text(match, &out);
        expect_str(out.text ? out.text : "", text);
}

/* What is read, and how it is written again. */
static void expect_form(const char *text, const char *form) {
        OfMatch match = match_of(text);

        expect_text(&match, form);
        match = match_of(form);
        expect_text(&match, form);
}

TEST(text_is_read_and_written) {
        expect_form("", "");
        expect_form("in_port=2,tcp,tp_dst=80", "in_port=2,tcp,tp_dst=80");
        expect_form("in_port=LOCAL,ip", "in_port=LOCAL,ip");
        expect_form("dl_type=0x800,nw_proto=17", "udp");
        expect_form("dl_type=0x800,nw_proto=0", "ip,nw_proto=0");
        expect_form("dl_type=0x800,nw_proto=47,nw_tos=184", "ip,nw_tos=184,nw_proto=47");
        expect_form("dl_type=0x88cc", "dl_type=0x88cc");
        expect_form("ip,nw_dst=10.1.2.3/8", "ip,nw_dst=10.0.0.0/8");
        expect_form("ip,nw_src=10.1.2.3/255.0.255.0", "ip,nw_src=10.0.2.0/255.0.255.0");
        expect_form("eth_dst=01:00:00:00:00:00/01:00:00:00:00:00",
                    "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00");
        expect_form("arp,arp_tpa=10.0.0.1,arp_op=1", "arp,arp_op=1,arp_tpa=10.0.0.1");
        expect_form("ipv6,ipv6_dst=fd00::1:2/64", "ipv6,ipv6_dst=fd00::/64");
        expect_form("icmp6,icmpv6_type=135,icmpv6_code=0", "icmp6,tp_src=135,tp_dst=0");
        expect_form("dl_vlan=5,dl_vlan_pcp=3", "dl_vlan=5,dl_vlan_pcp=3");
        expect_form("dl_vlan=0xffff", "dl_vlan=0xffff");
        expect_form("vlan_vid=0x1000/0x1000", "vlan_vid=0x1000/0x1000");
        expect_form("tcp,tcp_src=0x10/0xfff0", "tcp,tp_src=16/0xfff0");
        expect_form("metadata=0x5/0xff,tun_id=7", "metadata=0x5/0xff,tun_id=0x7");
}

static void expect_refused(const char *key, const char *value, const char *words) {
        OfMatch match = {};
        autoerr err = {};

        expect(of_match_put_word(&match, key, value, &err) == -EINVAL);
        expect_str(err.message, words);
        expect(match.has == 0);
}

TEST(values_that_cannot_be_are_refused) {
        expect_refused("nw_src", "10.0.0", "'nw_src=10.0.0': there is no such value");
        expect_refused("nw_src", "10.0.0.0/33", "'nw_src=10.0.0.0/33': there is no such value");
        expect_refused("in_port", "1/1", "'in_port=1/1': there is no such value");
        expect_refused("in_port", "eth0", "'in_port=eth0': there is no such value");
        expect_refused("dl_vlan", "4096", "'dl_vlan=4096': the number is too large");
        expect_refused("dl_vlan_pcp", "8", "'dl_vlan_pcp=8': the number is too large");
        expect_refused("tp_dst", "65536", "'tp_dst=65536': the number is too large");
        expect_refused("tp_dst", "-1", "'tp_dst=-1': there is no such value");
        expect_refused("dl_src", "02:00:00:00:00:01:02",
                       "'dl_src=02:00:00:00:00:01:02': there is no such value");
        expect_refused("nw_tos", "5", "'nw_tos=5': the lowest two bits are nw_ecn's");
        expect_refused("in_port", NULL, "'in_port' has no value");
        expect(of_match_put_word(&(OfMatch){}, "nw_port", "1", NULL) == -ENOENT);
        expect(of_match_put_word(&(OfMatch){}, "tcp4", NULL, NULL) == -ENOENT);
}

TEST(field_without_what_it_needs_is_refused) {
        static const struct {
                const char *key, *value, *words;
        } cases[] = {
                { "nw_src", "10.0.0.1", "'nw_src' has no meaning without ip" },
                { "tp_dst", "80", "'tp_dst' has no meaning without tcp, udp, sctp or icmp" },
                { "arp_tpa", "10.0.0.1", "'arp_tpa' has no meaning without arp" },
                { "ipv6_src", "::1", "'ipv6_src' has no meaning without ipv6" },
                { "dl_vlan_pcp", "1", "'dl_vlan_pcp' has no meaning without dl_vlan" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                OfMatch match = {};
                autoerr err = {};

                expect_ok(of_match_put_word(&match, cases[i].key, cases[i].value, NULL));
                expect(of_match_check(&match, &err) == -EINVAL);
                expect_str(err.message, cases[i].words);
        }
}

static void expect_wire(const char *text, OfVersion version, const char *hex) {
        OfMatch match = match_of(text), again;
        autostr out = {};
        autoerr err = {};
        OfReader r;

        expect_well(of_match_encode(&match, version, &out, &err), err);
        expect_bytes(&out, hex);
        r = of_reader(out.text, out.length);
        expect_ok(of_match_decode(&r, version, &again));
        expect(r.left == 0);
        expect_text(&again, text);
}

/* Bytes derived from the specifications: 1.3.5, 7.2.3; 1.0.0, 5.2.3. */
TEST(bytes_of_1_3_are_the_specifications) {
        expect_wire("", OF_13, "0001 0004 00000000");
        expect_wire("in_port=1,tcp,tp_dst=80", OF_13,
                    "0001 001d 80000004 00000001 80000a02 0800 80001401 06 80001c02 0050 000000");
        expect_wire("ip,nw_dst=10.0.0.0/8", OF_13,
                    "0001 0016 80000a02 0800 80001908 0a000000 ff000000 0000");
        expect_wire("dl_vlan=5", OF_13, "0001 000a 80000c02 1005 000000000000");
        expect_wire("ip,nw_tos=184", OF_13, "0001 000f 80000a02 0800 80001001 2e 00");
        expect_wire("icmp,tp_src=8", OF_13,
                    "0001 0014 80000a02 0800 80001401 01 80002601 08 00000000");
        expect_wire("icmp6,tp_src=135", OF_13,
                    "0001 0014 80000a02 86dd 80001401 3a 80003a01 87 00000000");
}

TEST(bytes_of_1_0_are_the_specifications) {
        expect_wire("", OF_10,
                    "003fffff 0000 000000000000 000000000000 0000 00 00 0000 00 00 0000 00000000 "
                    "00000000 0000 0000");
        expect_wire("in_port=1,dl_src=02:00:00:00:00:01,tcp,nw_dst=10.0.0.0/8,tp_dst=80", OF_10,
                    "00363f4a 0001 020000000001 000000000000 0000 00 00 0800 00 06 0000 00000000 "
                    "0a000000 0000 0050");
        expect_wire("dl_vlan=0xffff", OF_10,
                    "003ffffd 0000 000000000000 000000000000 ffff 00 00 0000 00 00 0000 00000000 "
                    "00000000 0000 0000");
        expect_wire("in_port=LOCAL,arp,arp_op=1,arp_tpa=10.0.0.1", OF_10,
                    "00303fce fffe 000000000000 000000000000 0000 00 00 0806 00 01 0000 00000000 "
                    "0a000001 0000 0000");
}

TEST(what_1_0_cannot_say_is_refused) {
        static const char *const texts[] = {
                "ipv6,ipv6_dst=fd00::1",
                "metadata=1",
                "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00",
                "ip,nw_src=10.0.0.0/255.0.255.0",
                "vlan_vid=0x1000/0x1000",
                "in_port=65300",
                "arp,arp_op=256",
                "ip,nw_ecn=1",
        };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                OfMatch match = match_of(texts[i]);
                autostr out = {};
                autoerr err = {};

                expect(of_match_encode(&match, OF_10, &out, &err) == -EOPNOTSUPP);
                printf("# %s\n", err.message);
                expect(strstr(err.message, "OpenFlow 1.0"));
        }
}

static int decode(const char *hex, OfMatch *ret) {
        uint8_t bytes[256];
        OfReader r = of_reader(bytes, from_hex(hex, bytes, sizeof bytes));

        return of_match_decode(&r, OF_13, ret);
}

/* The first is a register of Open vSwitch's (class 1), the second experimenter's. */
TEST(fields_of_others_are_counted_and_not_sent_back) {
        OfMatch match;
        autostr out = {};

        expect_ok(decode("0001 0022 00010004 00000007 80000004 00000001 ffff0004 00002320 80000a02 "
                         "0800 000000000000",
                         &match));
        expect(match.unknown == 2);
        expect_text(&match, "in_port=1,ip,unknown_fields=2");
        expect(of_match_encode(&match, OF_13, &out, NULL) == -EOPNOTSUPP);
}

TEST(bytes_that_are_no_match_are_refused) {
        static const char *const cases[] = {
                "",
                "0001 0004",
                "0000 0004 00000000",
                "0001 0003 00000000",
                "0001 0010 80000004 00000001",
                "0001 000b 80000003 000001 00000000 00",
                "0001 0014 80000004 00000001 80000004 00000001 00000000",
                "0001 0009 80001001 40 00000000000000",
        };
        OfMatch match;

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                printf("# %s\n", cases[i]);
                expect(decode(cases[i], &match) == -EBADMSG);
        }
}
