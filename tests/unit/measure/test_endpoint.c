/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "measure/endpoint.h"
#include "test.h"

/* h1:eth0 with addresses of both families, h2:eth0 without. */
static Topology *two_nodes(void) {
        Topology *t = topology_new();
        Interface *in;

        expect(t);
        expect_ok((int) topology_add_node(t, "h1", NODE_HOST));
        expect_ok((int) topology_add_node(t, "h2", NODE_HOST));
        expect_ok((int) topology_add_link(t, 0, "eth0", 1, "eth0"));
        in = &t->nodes[0].interfaces[0];
        in->addresses = calloc(2, sizeof *in->addresses);
        in->n_addresses = 2;
        expect_ok(addr_parse("10.0.0.1/24", &in->addresses[0]));
        expect_ok(addr_parse("fd00::1/64", &in->addresses[1]));
        return t;
}

TEST(nodes_interfaces_and_addresses_are_found) {
        static const char *const words[] = { "h1", "h1:eth0", "10.0.0.1", "fd00::1" };
        autoptr(Topology) t = two_nodes();

        for (size_t i = 0; i < 4; i++) {
                autofree char *name = NULL;
                Endpoint e;
                Address a;

                expect_ok(endpoint_parse(t, words[i], &e, NULL));
                expect(e.node == 0);
                expect(endpoint_address(t, &e, AF_INET, &a) == (i != 3));
                expect(endpoint_address(t, &e, AF_INET6, &a) == (i != 2));
                name = endpoint_name(t, &e);
                expect_str(name, words[i]);
        }
}

TEST(an_address_of_nobody_is_still_one) {
        autoptr(Topology) t = two_nodes();
        Endpoint e;

        expect_ok(endpoint_parse(t, "192.0.2.1", &e, NULL));
        expect(e.node < 0 && e.address.family == AF_INET);
}

TEST(a_node_without_addresses_has_none) {
        autoptr(Topology) t = two_nodes();
        Endpoint e;
        Address a;

        expect_ok(endpoint_parse(t, "h2", &e, NULL));
        expect(!endpoint_address(t, &e, AF_INET, &a));
}

TEST(what_is_mistyped_is_refused_with_the_nearest) {
        autoptr(Topology) t = two_nodes();
        Endpoint e;

        for (size_t i = 0; i < 2; i++) {
                autoerr err = {};

                expect(endpoint_parse(t, i ? "h1:et0" : "h11", &e, &err) == -ENOENT);
                expect_str(err.hint, i ? "did you mean 'eth0'?" : "did you mean 'h1'?");
        }
}
