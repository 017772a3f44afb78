/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <sys/socket.h>
#include <sys/un.h>

#include "base/str.h"
#include "hex.h"
#include "netlink/link.h"
#include "openflow/client.h"
#include "ovs_host.h"

/* A bridge "s1" with ports 1 ("a") and 2 ("c"), and a client that speaks that version. */
static OfClient *start(OfVersion version) {
        const OvsBridge bridge = {
                .name = "s1",
                .dpid = 0xabcd,
                .fail_mode = "secure",
                .protocols = (char *[]){ (char *) "OpenFlow10", (char *) "OpenFlow13", NULL },
        };
        char directory[64];
        autoptr(Ovsdb) db = host_start(directory);
        autoptr(OvsChange) change = ovs_change_new();
        autofree char *target = ovs_management(directory, "s1");
        autoclose int nl = expect_ok(nl_open());
        OfClient *client;
        autoerr err = {};

        expect_ok(link_add_veth(nl, &(LinkEnd){ .name = "a", .netns = -EBADF },
                                &(LinkEnd){ .name = "b", .netns = -EBADF }, NULL));
        expect_ok(link_add_veth(nl, &(LinkEnd){ .name = "c", .netns = -EBADF },
                                &(LinkEnd){ .name = "d", .netns = -EBADF }, NULL));
        ovs_change_add_bridge(change, &bridge);
        ovs_change_add_port(change, &(OvsPort){ .bridge = "s1", .name = "a", .number = 1 });
        ovs_change_add_port(change, &(OvsPort){ .bridge = "s1", .name = "c", .number = 2 });
        expect_well(ovs_change_commit(change, db, &err), err);
        expect_well(of_client_open(target, 1u << version, HOST_MS, &client, &err), err);
        expect(of_client_version(client) == version);
        return client;
}

static void add_flow(OfClient *client, const char *text) {
        autoflow flow = {};
        autoerr err = {};

        expect_well(of_flow_parse(text, OF_USE_FLOW, &flow, &err), err);
        expect_well(of_client_change(client, OF_ADD, &flow, 1, &err), err);
}

/* The only flow that is there, without what changes by itself. */
static void expect_flow(OfClient *client, const char *choice, const char *text) {
        autoflow which = {};
        autoflows flows = {};
        autofree char *got = NULL;
        autoerr err = {};

        expect_ok(of_flow_parse(choice, OF_USE_CHOICE, &which, NULL));
        expect_well(of_client_flows(client, &which, &flows, &err), err);
        if (!text) {
                expect(flows.n == 0);
                return;
        }
        expect(flows.n == 1);
        flows.list[0].seconds = flows.list[0].nanoseconds = 0;
        got = of_flow_text(flows.list);
        expect_str(got, text);
}

#define NEW "cookie=0x0, duration=0.000s, table=0, n_packets=0, n_bytes=0, "

/* What Open vSwitch made of our bytes, and we of its own. */
static void expect_same(OfClient *client, const char *text, const char *listed) {
        autoflow all = of_flow_default(OF_USE_CHOICE);

        add_flow(client, text);
        expect_flow(client, "", listed);
        expect_ok(of_client_change(client, OF_DELETE, &all, 1, NULL));
        expect_flow(client, "", NULL);
}

TEST_IN(real_switch_keeps_flows_of_1_3, CLONE_NEWNET) {
        autoptr(OfClient) client = start(OF_13);

        expect_same(client, "priority=100,in_port=1,tcp,tp_dst=80,actions=output:2",
                    NEW "priority=100,in_port=1,tcp,tp_dst=80 actions=output:2");
        expect_same(client, "idle_timeout=60,hard_timeout=300,send_flow_rem,cookie=7,actions=drop",
                    "cookie=0x7, duration=0.000s, table=0, n_packets=0, n_bytes=0, "
                    "idle_timeout=60, hard_timeout=300, send_flow_rem, priority=32768 "
                    "actions=drop");
        expect_same(client,
                    "dl_vlan=5,dl_vlan_pcp=3,dl_src=02:00:00:00:00:01,"
                    "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,actions=pop_vlan,flood",
                    NEW "priority=32768,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,"
                        "dl_src=02:00:00:00:00:01,dl_vlan=5,dl_vlan_pcp=3 actions=pop_vlan,FLOOD");
        expect_same(client, "dl_vlan=0xffff,actions=push_vlan:0x8100,mod_vlan_vid:7,all",
                    NEW "priority=32768,dl_vlan=0xffff actions=push_vlan:0x8100,push_vlan:0x8100,"
                        "set_field:0x1007->vlan_vid,ALL");
        expect_same(client, "ip,nw_dst=10.0.0.0/255.0.255.0,nw_tos=184,actions=dec_ttl,controller",
                    NEW "priority=32768,ip,nw_tos=184,nw_dst=10.0.0.0/255.0.255.0 "
                        "actions=dec_ttl,CONTROLLER:65535");
        expect_same(client,
                    "udp6,ipv6_dst=fd00::/64,tp_src=53,actions=set_field:fd00::1->ipv6_src,1",
                    NEW "priority=32768,udp6,tp_src=53,ipv6_dst=fd00::/64 "
                        "actions=set_field:fd00::1->ipv6_src,output:1");
        expect_same(client, "icmp6,icmpv6_type=135,actions=normal",
                    NEW "priority=32768,icmp6,tp_src=135 actions=NORMAL");
        expect_same(client, "arp,arp_op=1,arp_spa=10.0.0.1,arp_tha=00:00:00:00:00:00,actions=local",
                    NEW "priority=32768,arp,arp_op=1,arp_spa=10.0.0.1,"
                        "arp_tha=00:00:00:00:00:00 actions=LOCAL");
        expect_same(client, "metadata=0x5/0xff,tun_id=7,actions=goto_table:3",
                    NEW "priority=32768,metadata=0x5/0xff,tun_id=0x7 actions=goto_table:3");
        expect_same(client, "sctp,tp_dst=9,actions=mod_nw_src:10.0.0.9,mod_tp_dst:10,in_port",
                    NEW "priority=32768,sctp,tp_dst=9 "
                        "actions=mod_nw_src:10.0.0.9,mod_tp_dst:10,IN_PORT");
}

TEST_IN(real_switch_keeps_flows_of_1_0, CLONE_NEWNET) {
        autoptr(OfClient) client = start(OF_10);

        expect_same(client, "priority=100,in_port=1,tcp,tp_dst=80,actions=output:2",
                    NEW "priority=100,in_port=1,tcp,tp_dst=80 actions=output:2");
        expect_same(client, "dl_vlan=5,dl_src=02:00:00:00:00:01,actions=strip_vlan,flood",
                    NEW "priority=32768,dl_src=02:00:00:00:00:01,dl_vlan=5 actions=pop_vlan,FLOOD");
        expect_same(client, "dl_vlan=0xffff,actions=mod_vlan_vid:7,mod_vlan_pcp:3,all",
                    NEW "priority=32768,dl_vlan=0xffff,dl_vlan_pcp=0 "
                        "actions=mod_vlan_vid:7,mod_vlan_pcp:3,ALL");
        expect_same(client, "ip,nw_dst=10.0.0.0/8,nw_tos=184,actions=mod_nw_src:10.0.0.9,local",
                    NEW "priority=32768,ip,nw_tos=184,nw_dst=10.0.0.0/8 "
                        "actions=mod_nw_src:10.0.0.9,LOCAL");
        expect_same(client, "arp,arp_op=1,arp_tpa=10.0.0.1,actions=controller:100",
                    NEW "priority=32768,arp,arp_op=1,arp_tpa=10.0.0.1 actions=CONTROLLER:100");
        expect_same(client,
                    "actions=mod_dl_src:02:00:00:00:00:01,mod_dl_dst:02:00:00:00:00:02,"
                    "enqueue:2:7",
                    NEW "priority=32768 actions=mod_dl_src:02:00:00:00:00:01,"
                        "mod_dl_dst:02:00:00:00:00:02,enqueue:2:7");
}

TEST_IN(flows_are_chosen, CLONE_NEWNET) {
        autoptr(OfClient) client = start(OF_13);
        autoflow choice = {};

        add_flow(client, "table=1,cookie=0x11,in_port=1,actions=output:2");
        add_flow(client, "table=2,cookie=0x22,in_port=2,actions=output:1");
        expect_flow(client, "table=2",
                    "cookie=0x22, duration=0.000s, table=2, n_packets=0, n_bytes=0, "
                    "priority=32768,in_port=2 actions=output:1");
        expect_flow(client, "out_port=2",
                    "cookie=0x11, duration=0.000s, table=1, n_packets=0, n_bytes=0, "
                    "priority=32768,in_port=1 actions=output:2");
        expect_ok(of_flow_parse("cookie=0x20/0xf0", OF_USE_CHOICE, &choice, NULL));
        expect_ok(of_client_change(client, OF_DELETE, &choice, 1, NULL));
        expect_flow(client, "",
                    "cookie=0x11, duration=0.000s, table=1, n_packets=0, n_bytes=0, "
                    "priority=32768,in_port=1 actions=output:2");
}

/* More than one message can carry. */
TEST_IN(long_lists_come_whole, CLONE_NEWNET) {
        enum { N = 3000 };
        autoptr(OfClient) client = start(OF_13);
        OfFlow *flows = calloc(N, sizeof *flows), all = of_flow_default(OF_USE_CHOICE);
        autoflows listed = {};
        autoerr err = {};

        for (unsigned i = 0; i < N; i++) {
                flows[i] = of_flow_default(OF_USE_FLOW);
                of_match_set(&flows[i].match, OF_DL_DST, 0x020000000000 + i);
        }
        expect_well(of_client_change(client, OF_ADD, flows, N, &err), err);
        expect_well(of_client_flows(client, &all, &listed, &err), err);
        expect(listed.n == N);
        free(flows);
}

TEST_IN(what_the_switch_refuses_is_told_and_the_rest_is_done, CLONE_NEWNET) {
        autoptr(OfClient) client = start(OF_13);
        OfFlow flows[3];
        autoerr err = {};

        expect_ok(of_flow_parse("in_port=1,actions=output:2", OF_USE_FLOW, &flows[0], NULL));
        expect_ok(of_flow_parse("in_port=1,actions=group:9", OF_USE_FLOW, &flows[1], NULL));
        expect_ok(
                of_flow_parse("in_port=2,actions=meter:9,output:1", OF_USE_FLOW, &flows[2], NULL));
        expect(of_client_change(client, OF_ADD, flows, 3, &err) == -EREMOTEIO);
        expect_str(err.message, "the switch refuses: bad action: bad group");
        expect_flow(client, "", NEW "priority=32768,in_port=1 actions=output:2");
        for (int i = 0; i < 3; i++)
                of_flow_clear(&flows[i]);
}

static void expect_ports(OfVersion version) {
        autoptr(OfClient) client = start(version);
        OfFeatures features;
        OfPortStats *stats = NULL;
        size_t n = 0;
        unsigned found = 0;
        autoerr err = {};

        expect_well(of_client_features(client, &features, &err), err);
        expect(features.dpid == 0xabcd && features.n_ports == 3);
        for (size_t i = 0; i < features.n_ports; i++) {
                const OfPort *port = &features.ports[i];

                found |= (str_equal(port->name, "a") && port->number == 1) |
                         (str_equal(port->name, "c") && port->number == 2) << 1 |
                         (str_equal(port->name, "s1") && port->number == OF_PORT_LOCAL) << 2;
        }
        expect(found == 7);
        of_features_clear(&features);
        expect_well(of_client_port_stats(client, 2, &stats, &n, &err), err);
        expect(n == 1 && stats->number == 2 && stats->tx_packets == 0);
        free(stats);
        expect_well(of_client_port_stats(client, 77, &stats, &n, &err), err);
        expect(n == 0);
}

TEST_IN(ports_are_listed_by_1_3, CLONE_NEWNET) {
        expect_ports(OF_13);
}

TEST_IN(ports_are_listed_by_1_0, CLONE_NEWNET) {
        expect_ports(OF_10);
}

TEST_IN(packet_is_sent_through_the_flows, CLONE_NEWNET) {
        uint8_t packet[64];
        size_t n = from_hex("020000000002 020000000001 88b5 48656c6c6f", packet, sizeof packet);
        autoptr(OfClient) client = start(OF_13);
        autoactions table = {};
        autoflow all = of_flow_default(OF_USE_CHOICE);
        autoflows flows = {};
        autoerr err = {};

        add_flow(client, "in_port=1,dl_type=0x88b5,actions=drop");
        *of_action_add(&table) = (OfAction){ OF_ACTION_OUTPUT, .port = OF_PORT_TABLE };
        expect_well(of_client_packet_out(client, 1, &table, packet, n, &err), err);
        expect_well(of_client_flows(client, &all, &flows, &err), err);
        expect(flows.n == 1 && flows.list[0].packets == 1 && flows.list[0].bytes >= n);
}

/* --- without a switch --- */

/* Says some bytes to whoever connects, then waits for the end. */
static void serve(const char *path, const char *hex) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int s = socket(AF_UNIX, SOCK_STREAM, 0), c;
        uint8_t bytes[256];
        size_t n = from_hex(hex, bytes, sizeof bytes);

        snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
        expect(bind(s, (struct sockaddr *) &address, sizeof address) == 0 && listen(s, 1) == 0);
        if (fork() > 0) {
                close(s);
                return;
        }
        c = accept(s, NULL, NULL);
        if (write(c, bytes, n) != (ssize_t) n)
                _exit(1);
        while (read(c, bytes, sizeof bytes) > 0)
                ;
        _exit(0);
}

static void expect_failure(const char *hex, int timeout_ms, int code, const char *words) {
        static unsigned n;
        char directory[64];
        autofree char *path = NULL, *target = NULL;
        autoptr(OfClient) client = NULL;
        autoerr err = {};

        snprintf(directory, sizeof directory, TEST_DIRECTORY, getpid());
        expect(mkdir(directory, 0700) == 0 || errno == EEXIST);
        path = str_format("%s/%u", directory, n++);
        target = str_format("unix:%s", path);
        serve(path, hex);
        expect(of_client_open(target, OF_VERSIONS, timeout_ms, &client, &err) == code);
        printf("# %s\n", err.message);
        expect(strstr(err.message, words));
}

TEST(switch_that_does_not_greet_is_given_up) {
        expect_failure("", 50, -ETIMEDOUT, "cannot talk OpenFlow with 'unix:");
        expect_failure("0400", 50, -ETIMEDOUT, "timed out");
        expect_failure("04000004 00000001", HOST_MS, -EBADMSG, "Bad message");
        expect_failure("04060008 00000001", HOST_MS, -EBADMSG, "Bad message");
        expect_failure("06000010 00000001 0001 0008 00000040", HOST_MS, -EPROTONOSUPPORT,
                       "speaks no version of OpenFlow that will do");
        expect_failure("0101000c 00000001 0000 0000", HOST_MS, -EPROTONOSUPPORT,
                       "refuses: hello failed: no common version");
}

TEST(target_that_cannot_be_is_refused) {
        OfClient *client = NULL;
        autoerr err = {}, second = {};

        expect(of_client_open("tcp:switch:1", OF_VERSIONS, 10, &client, &err) == -EINVAL);
        expect_str(err.message, "'tcp:switch:1' is neither unix:PATH nor tcp:ADDRESS:PORT");
        expect(of_client_open("unix:/nowhere", OF_VERSIONS, 10, &client, &second) == -ENOENT);
}
