/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "test.h"
#include "topology/reshape.h"

TEST(names_become_host_names) {
        static const struct {
                const char *wish, *name;
        } cases[] = {
                { "Vienna", "Vienna" },
                { "Zürich HB", "Zurich-HB" },
                { "St. Pölten", "St-Polten" },
                { "--a--b--", "a-b" },
                { "", "node" },
                { "???", "node" },
                { "_x_", "x_" },
                { "東京", "node" },
                { "\xc3", "node" },
                { "a\xff\xfe"
                  "b",
                  "a-b" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *name = topology_host_name(cases[i].wish);

                expect_str(name, cases[i].name);
        }
}

TEST(names_are_unique_and_not_too_long) {
        autoptr(Topology) t = topology_new();
        char wish[200];

        memset(wish, 'a', sizeof wish - 1);
        wish[sizeof wish - 1] = '\0';
        for (int i = 0; i < 12; i++) {
                autofree char *name = topology_unique_name(t, i % 2 ? "x" : wish);

                expect(name && strlen(name) <= NODE_NAME_MAX);
                expect(topology_find_node(t, name) == -ENOENT);
                expect(topology_add_node(t, name, NODE_HOST) == i);
        }
        expect_str(t->nodes[3].name, "x-2");
}

static Topology *triangle(void) {
        Topology *t = topology_new();

        for (int i = 0; i < 3; i++)
                expect(topology_add_node(t, (const char *[]){ "a", "b", "c" }[i], NODE_HOST) == i);
        for (size_t i = 0; i < 3; i++)
                expect(topology_add_link(t, i, NULL, (i + 1) % 3, NULL) >= 0);
        return t;
}

TEST(a_graph_gets_hosts) {
        autoptr(Topology) t = triangle();

        expect(topology_populate(t, 2) == 0);
        expect(t->n_nodes == 9 && t->n_links == 9);
        expect(t->nodes[0].kind == NODE_BRIDGE && t->nodes[0].stp);
        expect(t->nodes[3].kind == NODE_HOST);
        expect_str(t->nodes[3].name, "a-h1");
        expect_str(t->nodes[8].name, "c-h2");
}

TEST(switches_change_their_kind) {
        autoptr(Topology) t = triangle();

        expect(topology_populate(t, 1) == 0);
        expect(topology_set_switches(t, NODE_OVS_BRIDGE) == 1);
        expect(t->nodes[0].kind == NODE_OVS_BRIDGE && !t->nodes[0].stp);
        expect(topology_set_switches(t, NODE_BRIDGE) == 1);
        expect(t->nodes[0].kind == NODE_BRIDGE && t->nodes[0].stp);
        expect(topology_set_switches(t, NODE_ROUTER) == 1);
        expect(t->nodes[0].kind == NODE_ROUTER && t->nodes[3].kind == NODE_HOST);
        expect(topology_set_switches(t, NODE_BRIDGE) == 0);
}

/* Vienna to New York are 6800 km of a great circle. */
TEST(distance_becomes_delay) {
        autoptr(Topology) t = triangle();

        expect(strv_add(&t->nodes[0].labels, "latitude=48.2082") == 0);
        expect(strv_add(&t->nodes[0].labels, "longitude=16.3738") == 0);
        expect(strv_add(&t->nodes[1].labels, "latitude=40.7128") == 0);
        expect(strv_add(&t->nodes[1].labels, "longitude=-74.0060") == 0);
        expect(topology_delay_by_distance(t) == 2);
        expect(t->links[0].quality[0].delay_ns > 33900000);
        expect(t->links[0].quality[0].delay_ns < 34200000);
        expect(t->links[0].quality[1].delay_ns == t->links[0].quality[0].delay_ns);
        expect(t->links[1].quality[0].delay_ns == 0);
        t->links[0].quality[0].delay_ns = 1;
        expect(topology_delay_by_distance(t) == 2);
        expect(t->links[0].quality[0].delay_ns == 1);
}
