/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "hex.h"
#include "openflow/flow.h"

static void expect_flow_mod(const char *text, OfVersion version, OfCommand command,
                            const char *hex) {
        autoflow flow = {};
        autostr out = {};
        autoerr err = {};

        expect_well(of_flow_parse(text, command >= OF_DELETE ? OF_USE_CHOICE : OF_USE_FLOW, &flow,
                                  &err),
                    err);
        expect_well(of_put_flow_mod(&out, version, command, &flow, OF_NO_BUFFER, 7, &err), err);
        expect_bytes(&out, hex);
}

/* 1.3.5, 7.3.4.1 */
TEST(flow_mod_of_1_3_is_the_specifications) {
        expect_flow_mod(
                "priority=100,in_port=1,tcp,tp_dst=80,actions=output:2", OF_13, OF_ADD,
                "040e0068 00000007 0000000000000000 0000000000000000 00 00 0000 0000 0064 "
                "ffffffff ffffffff ffffffff 0000 0000 "
                "0001 001d 80000004 00000001 80000a02 0800 80001401 06 80001c02 0050 000000 "
                "0004 0018 00000000 0000 0010 00000002 ffff 000000000000");
        expect_flow_mod("table=3,cookie=0x1234,idle_timeout=60,hard_timeout=300,send_flow_rem,"
                        "check_overlap actions=drop",
                        OF_13, OF_ADD,
                        "040e0038 00000007 0000000000001234 0000000000000000 03 00 003c 012c 8000 "
                        "ffffffff ffffffff ffffffff 0003 0000 0001 0004 00000000");
        expect_flow_mod("cookie=0x10/0xf0,out_port=2", OF_13, OF_DELETE,
                        "040e0038 00000007 0000000000000010 00000000000000f0 ff 03 0000 0000 8000 "
                        "ffffffff 00000002 ffffffff 0000 0000 0001 0004 00000000");
}

/* 1.0.0, 5.3.3 */
TEST(flow_mod_of_1_0_is_the_specifications) {
        expect_flow_mod(
                "priority=5,in_port=1,idle_timeout=60,actions=flood", OF_10, OF_ADD,
                "010e0050 00000007 003ffffe 0001 000000000000 000000000000 0000 00 00 0000 "
                "00 00 0000 00000000 00000000 0000 0000 0000000000000000 0000 003c 0000 0005 "
                "ffffffff ffff 0000 0000 0008 fffb ffff");
        expect_flow_mod(
                "", OF_10, OF_DELETE,
                "010e0048 00000007 003fffff 0000 000000000000 000000000000 0000 00 00 0000 "
                "00 00 0000 00000000 00000000 0000 0000 0000000000000000 0003 0000 0000 8000 "
                "ffffffff ffff 0000");
}

static void expect_refused(const char *text, OfFlowUse use, const char *words) {
        autoflow flow = {};
        autoerr err = {};

        expect(of_flow_parse(text, use, &flow, &err) == -EINVAL);
        expect_str(err.message, words);
}

TEST(what_is_no_flow_is_refused) {
        expect_refused("in_port=1", OF_USE_FLOW, "a flow needs 'actions=', which may be 'drop'");
        expect_refused("in_port=1,actions=2", OF_USE_CHOICE, "flows are chosen without actions");
        expect_refused("prority=1,actions=2", OF_USE_FLOW, "a flow has no 'prority'");
        expect_refused("priority=65536,actions=2", OF_USE_FLOW,
                       "'priority=65536': the most is 65535");
        expect_refused("priority=-1,actions=2", OF_USE_FLOW,
                       "'priority=-1': there is no such number");
        expect_refused("priority,actions=2", OF_USE_FLOW, "'priority=': there is no such number");
        expect_refused("table=255,actions=2", OF_USE_FLOW, "'table=255': the most is 254");
        expect_refused("cookie=1/1,actions=2", OF_USE_FLOW, "a new flow's cookie has no mask");
        expect_refused("out_port=1,actions=2", OF_USE_FLOW, "a flow has no 'out_port'");
        expect_refused("idle_timeout=1", OF_USE_CHOICE, "a flow has no 'idle_timeout'");
        expect_refused("in_port=1,in_port=2,actions=1", OF_USE_FLOW, "'in_port' is there twice");
        expect_refused("nw_src=10.0.0.1,actions=1", OF_USE_FLOW,
                       "'nw_src' has no meaning without ip");
        expect_refused("actions=", OF_USE_FLOW, "there is no action; to drop packets is 'drop'");
}

TEST(what_1_0_does_not_have_is_refused_and_nothing_is_written) {
        static const char *const texts[] = { "table=1,actions=1", "ip,actions=group:1",
                                             "ipv6,ipv6_src=::1,actions=1" };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                autoflow flow = {};
                autostr out = {};
                autoerr err = {};

                str_put(&out, "before");
                expect_ok(of_flow_parse(texts[i], OF_USE_FLOW, &flow, NULL));
                expect(of_put_flow_mod(&out, OF_10, OF_ADD, &flow, OF_NO_BUFFER, 1, &err) ==
                       -EOPNOTSUPP);
                printf("# %s\n", err.message);
                expect(out.length == 6);
        }
}

/* 1.3.5, 7.3.5.2 */
TEST(listed_flows_are_read) {
        static const char hex[] =
                "0413 0080 00000003 0001 0000 00000000 "
                "0070 00 00 00000002 3b9ac618 0064 003c 0000 0001 00000000 000000000000000c "
                "0000000000000005 00000000000001ea "
                "0001 001d 80000004 00000001 80000a02 0800 80001401 06 80001c02 0050 000000 "
                "0004 0020 00000000 0000 0010 fffffffb ffff 000000000000 0018 0008 00000000";
        uint8_t bytes[256];
        size_t n = from_hex(hex, bytes, sizeof bytes), n_flows = 0;
        OfFlow *flows = NULL;
        autofree char *text = NULL;
        bool more;

        expect_ok(of_get_flows(bytes, n, &flows, &n_flows, &more));
        expect(n_flows == 1 && !more);
        text = of_flow_text(flows);
        expect_str(text, "cookie=0xc, duration=2.999s, table=0, n_packets=5, n_bytes=490, "
                         "idle_timeout=60, send_flow_rem, priority=100,in_port=1,tcp,tp_dst=80 "
                         "actions=FLOOD,dec_ttl");
        of_flow_clear(flows);
        free(flows);
}

TEST(replies_cut_off_are_refused) {
        static const char hex[] =
                "0111 0064 00000003 0001 0000 "
                "0058 00 00 003ffffe 0001 000000000000 000000000000 0000 00 00 0000 00 00 0000 "
                "00000000 00000000 0000 0000 00000001 00000000 8000 0000 0000 000000000000 "
                "0000000000000000 0000000000000001 0000000000000040";
        uint8_t bytes[256];
        size_t n = from_hex(hex, bytes, sizeof bytes), n_flows = 0;
        OfFlow *flows = NULL;
        bool more;

        expect(n == 100);
        expect_ok(of_get_flows(bytes, n, &flows, &n_flows, &more));
        expect(n_flows == 1 && of_match_get(&flows[0].match, OF_IN_PORT) == 1);
        for (size_t cut = 12; cut < n; cut++) {
                bytes[3] = (uint8_t) cut;
                expect(of_get_flows(bytes, cut, &flows, &n_flows, &more) ==
                       (cut == 12 ? 0 : -EBADMSG));
        }
        for (size_t i = 0; i < n_flows; i++)
                of_flow_clear(&flows[i]);
        free(flows);
}

/* 1.0.0, 5.3.6; 1.3.5, 7.3.7 */
TEST(packet_out_is_the_specifications) {
        autoactions actions = {};
        autostr old = {}, new = {}, buffered = {};

        expect_ok(of_actions_parse("flood", &actions, NULL));
        expect_ok(of_put_packet_out(&old, OF_10, OF_NO_BUFFER, 1, &actions, "abc", 3, 9, NULL));
        expect_bytes(&old, "010d001b 00000009 ffffffff 0001 0008 0000 0008 fffb ffff 616263");
        expect_ok(of_put_packet_out(&new, OF_13, OF_NO_BUFFER, OF_PORT_CONTROLLER, &actions, "abc",
                                    3, 9, NULL));
        expect_bytes(&new, "040d002b 00000009 ffffffff fffffffd 0010 000000000000 "
                           "0000 0010 fffffffb ffff 000000000000 616263");
        expect_ok(of_put_packet_out(&buffered, OF_13, 5, 1, &actions, "abc", 3, 9, NULL));
        expect(buffered.length == 40);
}
