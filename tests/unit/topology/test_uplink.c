/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/if_link.h>

#include "base/str.h"
#include "test.h"
#include "topology/read.h"
#include "topology/uplink.h"

#define LAB                                                                          \
        "name: l\ntopology:\n  nodes: {h: , r: {kind: router}, s: {kind: bridge}}\n" \
        "  links:\n    - endpoints: ['h:eth1', 's:p1']\n    - endpoints: ['r:eth3', 's:p2']\nuplinks:\n"

static Topology *lab(const char *uplinks) {
        autofree char *text = str_format(LAB "%s", uplinks);
        Topology *t = topology_new();
        autoerr err = {};

        expect_ok(topology_read_lab(text, strlen(text), "f", t, &err));
        return t;
}

static void refused(const char *uplinks, const char *words) {
        autoptr(Topology) t = lab(uplinks);
        autoerr err = {};

        expect(topology_check(t, &err) == -EINVAL);
        expect_str(err.message, words);
}

TEST(settings_are_read) {
        autoptr(Topology) t = lab(
                "  - {kind: macvlan, node: h, device: eno1, mode: vepa, mtu: 1400, mac: '02:00:00:00:00:07', "
                "ipv4: [10.1.2.3/24, 10.1.3.3/24], ipv6: 'fd00::3/64', gateway: [10.1.3.1, 'fe80::1']}\n"
                "  - {kind: udp, node: s, remote: 'fd00::9', local: 'fd00::8', vni: 16777215, port: 1, delay: 5ms}\n");
        autouplinkspec a = {}, b = {};

        expect_ok(topology_check(t, NULL));
        expect_ok(uplink_read(t, &t->uplinks[0], &a, NULL));
        expect_str(a.device, "eno1");
        expect(a.kind == UPLINK_MACVLAN && a.mode == MACVLAN_MODE_VEPA && a.mtu == 1400);
        expect(a.has_mac && a.mac[5] == 7 && a.n_addresses == 3);
        expect(a.gateways[0].family == AF_INET && a.gateways[1].family == AF_INET6);
        expect_ok(uplink_read(t, &t->uplinks[1], &b, NULL));
        expect(b.vni == 16777215 && b.port == 1 && b.remote.bytes[15] == 9 &&
               b.local.bytes[15] == 8);
        expect(b.quality.delay_ns == 5000000);
}

TEST(names_are_the_next_that_are_free) {
        autoptr(Topology) t =
                lab("  - {kind: nat, node: h}\n  - {kind: nat, node: r}\n  - {kind: nat, node: r}\n"
                    "  - {kind: nat, node: s}\n  - {kind: nat, node: r, interface: eth4}\n");

        expect_ok(topology_check(t, NULL));
        expect_str(t->uplinks[0].interface, "eth2");
        expect_str(t->uplinks[1].interface, "eth5");
        expect_str(t->uplinks[2].interface, "eth6");
        expect_str(t->uplinks[3].interface, "eth0");
        expect(t->nodes[0].has_uplink && t->nodes[1].has_uplink);
}

TEST(what_cannot_be_is_refused) {
        refused("  - {kind: vxlan, node: h, remote: 10.0.0.1}\n",
                "f:8: an uplink of kind vxlan has a remote, the other machine's address, and a vni, a number "
                "that both have");
        refused("  - {kind: vxlan, node: h, remote: 10.0.0.1/24, vni: 1}\n",
                "f:8: 'remote' of an uplink is the other machine's address, not '10.0.0.1/24'");
        refused("  - {kind: vxlan, node: h, remote: 10.0.0.1, local: 'fd00::1', vni: 1}\n",
                "f:8: local and remote of an uplink are both IPv4 or both IPv6");
        refused("  - {kind: macvlan, node: s, device: e, ipv4: 10.0.0.1/24}\n",
                "f:8: an uplink of a switch is a port of it, and has no addresses");
        refused("  - {kind: macvlan, node: h, device: e, mode: bride}\n",
                "f:8: 'mode' of an uplink is bridge, private, vepa or passthru, not 'bride'");
        refused("  - {kind: nic, node: h, device: e}\n  - {kind: macvlan, node: r, device: e}\n",
                "f:9: the interface 'e' is that of another uplink");
        refused("  - {kind: nat, node: h, interface: eth1}\n",
                "f:8: 'h:eth1' cannot be an uplink: there is another interface of that name");
        refused("  - {kind: nat, node: h, interface: a/b}\n",
                "f:8: 'a/b' is no name of an interface");
        refused("  - {kind: udp, node: h, remote: 10.0.0.1, vni: 1, jitter: 2ms}\n",
                "f:8: uplink: the jitter is larger than the delay");
        refused("  - {kind: nat, node: h, host-ipv4: 10.0.0.1/24}\n",
                "f:8: the host's addresses are said for switches alone; with a host or router isola chooses "
                "them");
}

static void containerlab(const char *link, const char *kind, const char *settings) {
        autofree char *text = str_format("name: l\ntopology:\n  nodes: {n: }\n  links:\n    - %s\n",
                                         link),
                      *words = NULL;
        autoptr(Topology) t = topology_new();
        autoerr err = {};

        expect_ok(topology_read_lab(text, strlen(text), "f", t, &err));
        expect_ok(topology_check(t, &err));
        expect(t->n_links == 0 && t->n_uplinks == 1 && t->uplinks[0].node == 0);
        expect_str(t->uplinks[0].interface, "eth1");
        expect_str(t->uplinks[0].kind, kind);
        words = strv_join(t->uplinks[0].settings, " ");
        expect_str(words, settings);
}

static void not_made(const char *link, const char *words, const char *hint) {
        autofree char *text =
                str_format("name: l\ntopology:\n  nodes: {n: }\n  links:\n    - %s\n", link);
        autoptr(Topology) t = topology_new();
        autoerr err = {};

        expect(topology_read_lab(text, strlen(text), "f", t, &err) == -EINVAL);
        expect_str(err.message, words);
        if (hint)
                expect_str(err.hint, hint);
}

TEST(containerlabs_links_out_of_the_lab_are_uplinks) {
        containerlab("{endpoints: ['n:eth1', 'host:x0'], mtu: 1400}", "host", "device=x0 mtu=1400");
        containerlab("{endpoints: ['host:x0', 'n:eth1'], ipv4: [10.1.0.1/24, 10.1.0.2/24]}", "host",
                     "device=x0 host-ipv4=10.1.0.1/24 ipv4=10.1.0.2/24");
        containerlab("{endpoints: ['n:eth1', 'macvlan:eno1']}", "macvlan", "device=eno1");
        containerlab(
                "{type: macvlan, endpoint: {node: n, interface: eth1, mac: '02:00:00:00:00:01'}, "
                "host-interface: eno1, mode: vepa}",
                "macvlan", "mac=02:00:00:00:00:01 device=eno1 mode=vepa");
        containerlab("{type: host, endpoint: 'n:eth1', host-interface: x0}", "host", "device=x0");
        containerlab("{type: vxlan, endpoint: 'n:eth1', remote: 192.0.2.1, vni: 7}", "vxlan",
                     "remote=192.0.2.1 vni=7 port=14789");
        containerlab(
                "{type: vxlan-stitch, endpoint: 'n:eth1', remote: 192.0.2.1, vni: 7, dst-port: 4789}",
                "vxlan", "remote=192.0.2.1 vni=7 port=4789");
}

TEST(those_that_do_not_fit_are_refused_by_name) {
        not_made("{endpoints: ['n:eth1', 'mgmt-net:x']}",
                 "f:5: a link of type 'mgmt-net' is not made",
                 "with 'mgmt' every node has an interface in the management network already");
        not_made("{type: dummy, endpoint: 'n:eth1'}", "f:5: a link of type 'dummy' is not made",
                 "leave it away, or lead the link to a bridge without other ports");
        not_made("{type: veth-stitch, endpoints: ['n:eth1', 'n:eth2']}",
                 "f:5: a link of type 'veth-stitch' is not made", NULL);
        not_made("{endpoints: ['n:eth1', 'host']}",
                 "f:5: 'host' names no interface of the host: say host:INTERFACE", NULL);
        not_made("{endpoints: ['n:eth1', 'host:x'], delay: 5ms}",
                 "f:5: a link out of the lab has no key 'delay'", NULL);
        not_made("{type: host, host-interface: x}",
                 "f:5: a link of type 'host' has an endpoint, its end in the lab", NULL);
}
