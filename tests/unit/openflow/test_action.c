/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "hex.h"
#include "openflow/action.h"

static void expect_form(const char *text, const char *form) {
        autoactions actions = {};
        autostr out = {};
        autoerr err = {};

        expect_well(of_actions_parse(text, &actions, &err), err);
        of_actions_text(&actions, &out);
        expect_str(out.text, form);
}

TEST(text_is_read_and_written) {
        expect_form("drop", "drop");
        expect_form("2", "output:2");
        expect_form("output:2, 3 flood", "output:2,output:3,FLOOD");
        expect_form("normal,all,in_port,local", "NORMAL,ALL,IN_PORT,LOCAL");
        expect_form("controller,CONTROLLER:128", "CONTROLLER:65535,CONTROLLER:128");
        expect_form("mod_dl_src:02:00:00:00:00:01", "mod_dl_src:02:00:00:00:00:01");
        expect_form("set_field:02:00:00:00:00:01->eth_src", "mod_dl_src:02:00:00:00:00:01");
        expect_form("set_field:fd00::1->ipv6_dst", "set_field:fd00::1->ipv6_dst");
        expect_form("mod_nw_dst:10.0.0.1,mod_nw_tos:184,mod_tp_dst:80",
                    "mod_nw_dst:10.0.0.1,mod_nw_tos:184,mod_tp_dst:80");
        expect_form("mod_vlan_vid:5,mod_vlan_pcp:3,strip_vlan",
                    "mod_vlan_vid:5,mod_vlan_pcp:3,pop_vlan");
        expect_form("push_vlan:0x8100,set_field:4101->vlan_vid",
                    "push_vlan:0x8100,set_field:0x1005->vlan_vid");
        expect_form("dec_ttl,group:7,set_queue:3,enqueue:2:1,meter:4,clear_actions,goto_table:9",
                    "dec_ttl,group:7,set_queue:3,enqueue:2:1,meter:4,clear_actions,goto_table:9");
}

static void expect_refused(const char *text, const char *words) {
        autoactions actions = {};
        autoerr err = {};

        expect(of_actions_parse(text, &actions, &err) == -EINVAL);
        expect_str(err.message, words);
        expect(actions.n == 0);
}

TEST(what_is_no_action_is_refused) {
        expect_refused("", "there is no action; to drop packets is 'drop'");
        expect_refused("drop,2", "'drop' must be the only action");
        expect_refused("2,drop,3", "'drop' must be the only action");
        expect_refused("outptu:2", "there is no action 'outptu:2'");
        expect_refused("output", "action 'output' cannot be");
        expect_refused("output:eth0", "action 'output:eth0' cannot be");
        expect_refused("flood:2", "action 'flood:2' cannot be");
        expect_refused("mod_vlan_vid:4096", "action 'mod_vlan_vid:4096' cannot be");
        expect_refused("goto_table:255", "action 'goto_table:255' cannot be");
        expect_refused("set_field:1->in_port", "action 'set_field:1->in_port' cannot be");
        expect_refused("set_field:1", "action 'set_field:1' cannot be");
        expect_refused("pop_vlan:1", "action 'pop_vlan:1' cannot be");
        expect_refused("mod_nw_src:10.0.0.0/8", "action 'mod_nw_src:10.0.0.0/8' cannot be");
}

/* @form: how it reads again, where that differs. */
static void expect_wire(const char *text, OfVersion version, const char *hex, const char *form) {
        autoactions actions = {}, again = {};
        autostr out = {}, written = {};
        autoerr err = {};
        OfMatch match = {};
        OfReader r;

        of_match_set(&match, OF_NW_PROTO, 17);
        expect_ok(of_actions_parse(text, &actions, NULL));
        expect_well(of_actions_encode(&actions, version, &match, &out, &err), err);
        expect_bytes(&out, hex);
        r = of_reader(out.text, out.length);
        expect_ok(of_actions_decode(&r, version, &again));
        of_actions_text(&again, &written);
        expect_str(written.text, form ? form : text);
}

/* 1.0.0, 5.2.4 */
TEST(bytes_of_1_0_are_the_specifications) {
        expect_wire("output:2", OF_10, "0000 0008 0002 ffff", NULL);
        expect_wire("CONTROLLER:128", OF_10, "0000 0008 fffd 0080", NULL);
        expect_wire("mod_vlan_vid:5,mod_vlan_pcp:3,pop_vlan", OF_10,
                    "0001 0008 0005 0000  0002 0008 03 000000  0003 0008 00000000", NULL);
        expect_wire("mod_dl_dst:02:00:00:00:00:01", OF_10, "0005 0010 020000000001 000000000000",
                    NULL);
        expect_wire("mod_nw_src:10.0.0.1,mod_nw_tos:184,mod_tp_src:80,mod_tp_dst:81", OF_10,
                    "0006 0008 0a000001  0008 0008 b8 000000  0009 0008 0050 0000  000a 0008 0051 "
                    "0000",
                    NULL);
        expect_wire("enqueue:2:7", OF_10, "000b 0010 0002 000000000000 00000007", NULL);
}

/* 1.3.5, 7.2.5 */
TEST(bytes_of_1_3_are_the_specifications) {
        expect_wire("FLOOD", OF_13, "0000 0010 fffffffb ffff 000000000000", NULL);
        expect_wire("push_vlan:0x8100,set_field:0x1005->vlan_vid,pop_vlan", OF_13,
                    "0011 0008 8100 0000  0019 0010 80000c02 1005 000000000000  0012 0008 00000000",
                    NULL);
        expect_wire("mod_vlan_vid:5", OF_13,
                    "0011 0008 8100 0000  0019 0010 80000c02 1005 000000000000",
                    "push_vlan:0x8100,set_field:0x1005->vlan_vid");
        expect_wire("mod_tp_dst:53", OF_13, "0019 0010 80002002 0035 000000000000", NULL);
        expect_wire("mod_nw_tos:184,dec_ttl,group:7,set_queue:3", OF_13,
                    "0019 0010 80001001 2e 00000000000000  0018 0008 00000000  0016 0008 00000007  "
                    "0015 0008 00000003",
                    NULL);
}

/* A tag that the match says is there is changed, no second one is pushed. */
TEST(vlan_is_not_pushed_twice) {
        autoactions actions = {};
        autostr out = {};
        OfMatch match = {};

        of_match_set(&match, OF_DL_VLAN, OF_VLAN_PRESENT | 9);
        expect_ok(of_actions_parse("mod_vlan_vid:5", &actions, NULL));
        expect_ok(of_actions_encode(&actions, OF_13, &match, &out, NULL));
        expect_bytes(&out, "0019 0010 80000c02 1005 000000000000");
}

static void expect_instructions(const char *text, const char *hex, const char *form) {
        autoactions actions = {}, again = {};
        autostr out = {}, written = {};
        autoerr err = {};
        OfReader r;

        expect_ok(of_actions_parse(text, &actions, NULL));
        expect_well(of_instructions_encode(&actions, &(OfMatch){}, &out, &err), err);
        expect_bytes(&out, hex);
        r = of_reader(out.text, out.length);
        expect_ok(of_instructions_decode(&r, &again));
        of_actions_text(&again, &written);
        expect_str(written.text, form);
}

/* 1.3.5, 7.2.4 */
TEST(instructions_are_in_the_order_in_which_they_are_carried_out) {
        expect_instructions("drop", "", "drop");
        expect_instructions("goto_table:2,output:1,meter:4",
                            "0006 0008 00000004  0004 0018 00000000 0000 0010 00000001 ffff "
                            "000000000000  0001 0008 02 000000",
                            "meter:4,output:1,goto_table:2");
        expect_instructions("clear_actions", "0005 0008 00000000", "clear_actions");
}

static void expect_unsupported(const char *text, OfVersion version) {
        autoactions actions = {};
        autostr out = {};
        autoerr err = {};

        expect_ok(of_actions_parse(text, &actions, NULL));
        expect(of_actions_encode(&actions, version, &(OfMatch){}, &out, &err) == -EOPNOTSUPP);
        printf("# %s\n", err.message);
        expect(strstr(err.message, text));
}

TEST(what_a_version_does_not_have_is_refused) {
        expect_unsupported("push_vlan:0x8100", OF_10);
        expect_unsupported("group:1", OF_10);
        expect_unsupported("goto_table:1", OF_10);
        expect_unsupported("set_field:fd00::1->ipv6_dst", OF_10);
        expect_unsupported("output:65300", OF_10);
        expect_unsupported("enqueue:1:2", OF_13);
        expect_unsupported("mod_tp_dst:80", OF_13); /* of which protocol? */
        expect_unsupported("goto_table:1", OF_13);  /* an instruction, in a packet-out */
}

TEST(actions_that_are_not_known_are_named) {
        uint8_t bytes[64];
        size_t n = from_hex("ffff 0010 00002320 0000000000000000  0000 0008 0001 ffff", bytes,
                            sizeof bytes);
        OfReader r = of_reader(bytes, n);
        autoactions actions = {};
        autostr out = {};

        expect_ok(of_actions_decode(&r, OF_10, &actions));
        of_actions_text(&actions, &out);
        expect_str(out.text, "unknown_action(65535),output:1");
}

TEST(bytes_that_are_no_actions_are_refused) {
        static const struct {
                OfVersion version;
                const char *hex;
        } cases[] = {
                { OF_10, "0000" },
                { OF_10, "0000 0004" },
                { OF_10, "0000 0000 00000000" },
                { OF_10, "0000 0009 00000000 00" },
                { OF_10, "0000 0010 00000001" },
                { OF_10, "0005 0008 00000000" },
                { OF_13, "0000 0008 00000001" },
                { OF_13, "0019 0008 80000c02" },
        };
        uint8_t bytes[64];

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                size_t n = from_hex(cases[i].hex, bytes, sizeof bytes);
                OfReader r = of_reader(bytes, n);
                autoactions actions = {};

                printf("# %s\n", cases[i].hex);
                expect(of_actions_decode(&r, cases[i].version, &actions) == -EBADMSG);
        }
}
