/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "test.h"
#include "topology/address.h"
#include "topology/management.h"
#include "topology/read.h"

static Topology *read_text(const char *text) {
        Topology *t = topology_new();
        autoerr err = {};

        expect_ok(topology_read_lab(text, strlen(text), "f", t, &err));
        return t;
}

static void expect_address(const Address *a, const char *text) {
        char found[INET6_ADDRSTRLEN];

        addr_text(a, found);
        expect_str(found, text);
}

TEST(those_without_an_address_get_one_in_order) {
        autoptr(Topology) t =
                read_text("name: l\nmgmt: {ipv4-subnet: 192.0.2.0/29}\ntopology:\n  nodes:\n"
                          "    {a: , b: {mgmt-ipv4: 192.0.2.2}, s: {kind: bridge}, "
                          "n: {network-mode: none}, c: }\n");
        autoerr err = {};

        expect_ok(topology_assign_management(t, NULL, &err));
        expect_address(&t->nodes[0].management, "192.0.2.3");
        expect_address(&t->nodes[1].management, "192.0.2.2");
        expect_address(&t->nodes[4].management, "192.0.2.4");
        expect(t->nodes[1].management.prefix == 29);
        expect_address(&t->nodes[4].management6, "3fff:172:20:20::4");
        expect(!t->nodes[2].management.family && !t->nodes[3].management.family);
        expect_str(management_interface(t), "mgmt0");
}

TEST(nobody_has_one_without_a_network) {
        autoptr(Topology) t = read_text("name: l\ntopology: {nodes: {a: }}\n");
        autoerr err = {};

        expect_ok(topology_assign_management(t, NULL, &err));
        expect(!t->nodes[0].management.family && !node_is_managed(t, &t->nodes[0]));
}

TEST(the_usual_network_is_as_wide_as_it_must_be) {
        autoptr(Topology) t = read_text("name: l\ntopology: {nodes: {a: }}\n");
        autoerr err = {};

        t->management = true;
        for (int i = 0; i < 999; i++) {
                autofree char *name = str_format("n%d", i);

                expect(topology_add_node(t, name, NODE_HOST) == i + 1);
        }
        expect_ok(topology_assign_management(t, NULL, &err));
        expect(t->management_net.prefix == 22);
        expect_address(&t->management_net, "172.20.20.0");
        expect_address(&t->nodes[999].management, "172.20.23.233");
        for (int i = 999; i < 1100; i++) {
                autofree char *name = str_format("n%d", i);

                expect(topology_add_node(t, name, NODE_HOST) == i + 1);
        }
        expect(topology_assign_management(t, NULL, &err) < 0);
        expect_str(err.message, "f: a management network has room for 1023 nodes, not 1101");
}
