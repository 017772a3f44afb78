/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "test.h"
#include "topology/address.h"
#include "topology/read.h"

static Topology *lab(const char *text) {
        Topology *t = topology_new();
        autoerr err = {};

        if (topology_read_lab(text, strlen(text), "f", t, &err) < 0 ||
            topology_check(t, &err) < 0 || topology_assign_addresses(t, &err) < 0) {
                fprintf(stderr, "# %s\n", err.message);
                return topology_free(t);
        }
        return t;
}

/* "h1:10.0.0.1/24 fd..." for each interface. */
static const char *address(const Topology *t, const char *node, size_t interface, size_t i) {
        static char text[INET6_ADDRSTRLEN + 4];
        const Node *n = &t->nodes[topology_find_node(t, node)];

        if (i >= n->interfaces[interface].n_addresses)
                return "none";
        addr_text(&n->interfaces[interface].addresses[i], text);
        sprintf(text + strlen(text), "/%u", n->interfaces[interface].addresses[i].prefix);
        return text;
}

#define SAMPLE                                                                              \
        "name: l\ntopology:\n  nodes: {h1: , h2: , r: {kind: router}, s: {kind: bridge}}\n" \
        "  links: [{endpoints: [h1, s]}, {endpoints: [r, s]}, {endpoints: [r, h2]}]\n"

TEST(domains_get_networks_and_hosts_their_router) {
        autoptr(Topology) t = lab(SAMPLE);

        expect_str(address(t, "h1", 0, 0), "10.0.0.1/24");
        expect_str(address(t, "r", 0, 0), "10.0.0.2/24");
        expect_str(address(t, "r", 1, 0), "10.0.1.1/24");
        expect_str(address(t, "h2", 0, 0), "10.0.1.2/24");
        expect_str(t->nodes[0].routes[0], "default via 10.0.0.2");
        expect(strv_length(t->nodes[0].routes) == 2);
        expect(!t->nodes[2].routes);
        expect(t->nodes[3].interfaces[0].n_addresses == 0);
        expect(t->nodes[3].interfaces[0].has_mac);
}

TEST(the_same_file_gives_the_same) {
        autoptr(Topology) a = lab(SAMPLE);
        autoptr(Topology) b = lab(SAMPLE);
        autoptr(Topology) c = lab("seed: 1\n" SAMPLE);

        expect(memcmp(a->nodes[0].interfaces[0].mac, b->nodes[0].interfaces[0].mac, 6) == 0);
        expect(memcmp(a->nodes[0].interfaces[0].mac, c->nodes[0].interfaces[0].mac, 6) != 0);
        expect(addr_equal(&a->nodes[1].interfaces[0].addresses[1],
                          &b->nodes[1].interfaces[0].addresses[1]));
}

TEST(what_is_given_is_kept_and_gone_round) {
        autoptr(Topology) t = lab(
                "name: l\naddresses: {ipv4: 10.9.0.0/22}\ntopology:\n  nodes: {a: , b: , c: , d: }\n"
                "  links:\n"
                "  - {endpoints: [a, b]}\n"
                "  - {endpoints: [b, c], ipv4: [10.9.1.7/24]}\n"
                "  - {endpoints: [c, d]}\n");

        expect_str(address(t, "a", 0, 0), "10.9.0.1/24");
        expect_str(address(t, "b", 1, 0), "10.9.1.7/24");
        expect_str(address(t, "c", 0, 0), "10.9.1.1/24");
        expect_str(address(t, "c", 0, 1), "none");
        expect_str(address(t, "d", 0, 0), "10.9.2.2/24");
}

TEST(a_large_domain_gets_a_wide_network) {
        autostr s = {};
        autofree char *text = NULL;
        autoptr(Topology) t = NULL;

        str_put(&s, "name: l\ntopology:\n  nodes:\n    s: {kind: bridge}\n");
        for (int i = 0; i < 600; i++)
                str_printf(&s, "    h%d:\n", i);
        str_put(&s, "  links:\n");
        for (int i = 0; i < 600; i++)
                str_printf(&s, "    - endpoints: [h%d, s]\n", i);
        text = str_take(&s);
        t = lab(text);
        expect(t);
        expect_str(address(t, "h0", 0, 0), "10.0.0.1/22");
        expect_str(address(t, "h599", 0, 0), "10.0.2.88/22");
}

TEST(a_pool_ends) {
        static const char text[] = "name: l\naddresses: {ipv4: 10.0.0.0/24}\ntopology:\n"
                                   "  nodes: {a: , b: }\n"
                                   "  links: [{endpoints: [a, b]}, {endpoints: [a, b]}]\n";
        autoptr(Topology) t = topology_new();
        autoerr err = {};

        expect_ok(topology_read_lab(text, strlen(text), "f", t, &err));
        expect(topology_assign_addresses(t, &err) == -EINVAL);
        expect_str(err.message, "f: there are not enough IPv4 addresses");
}

TEST(none_are_given_where_none_are_wanted) {
        autoptr(Topology) t = lab("addresses: none\n" SAMPLE);

        expect(t->nodes[0].interfaces[0].n_addresses == 0 && !t->nodes[0].routes);
        expect(t->nodes[0].interfaces[0].has_mac);
}
