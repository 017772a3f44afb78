/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"
#include "topology/topology.h"

static Topology *sample(void) {
        Topology *t = topology_new();

        expect(topology_add_node(t, "h1", NODE_HOST) == 0);
        expect(topology_add_node(t, "h2", NODE_HOST) == 1);
        expect(topology_add_node(t, "s1", NODE_BRIDGE) == 2);
        expect(topology_add_link(t, 0, NULL, 2, NULL) == 0);
        expect(topology_add_link(t, 1, "eth7", 2, NULL) == 1);
        expect(topology_add_link(t, 0, NULL, 1, NULL) == 2);
        expect(topology_add_link(t, 0, NULL, 1, NULL) == 3);
        return t;
}

TEST(interfaces_get_free_names) {
        autoptr(Topology) t = sample();

        expect_str(t->links[0].name, "h1:eth0--s1:eth0");
        expect_str(t->links[1].name, "h2:eth7--s1:eth1");
        expect_str(t->links[2].name, "h1:eth1--h2:eth1");
        expect(topology_find_interface(&t->nodes[1], "eth7") == 0);
        expect(topology_find_interface(&t->nodes[1], "eth8") == -ENOENT);
}

TEST(nodes_are_found) {
        autoptr(Topology) t = sample();

        expect(topology_find_node(t, "s1") == 2);
        expect(topology_find_node(t, "s2") == -ENOENT);
        expect(topology_add_node(t, "h1", NODE_ROUTER) == 3);
        expect(topology_find_node(t, "h1") == 0);
}

TEST(links_are_found_by_what_they_are_called) {
        static const struct {
                const char *text;
                int index, end;
        } cases[] = {
                { "h1:eth0--s1:eth0", 0, -1 }, { "h1:eth0", 0, 0 },        { "s1:eth0", 0, 1 },
                { "h2:eth7", 1, 0 },           { "s1--h1", 0, -1 },        { "s1,h2", 1, -1 },
                { "h1--h2", -ENOTUNIQ, -1 },   { "h1:eth9", -ENOENT, -1 }, { "x", -ENOENT, -1 },
                { "h1--h9", -ENOENT, -1 },     { "", -ENOENT, -1 },
        };
        autoptr(Topology) t = sample();

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autoerr err = {};
                int end = 7;

                expect(topology_find_link(t, cases[i].text, &end, &err) == cases[i].index);
                expect(end == cases[i].end);
                expect((cases[i].index < 0) == (err.message && err.hint));
        }
}

TEST(refusals_name_file_and_line) {
        autoptr(Topology) t = sample();
        autoerr a = {}, b = {}, c = {};

        expect(topology_refuse(t, 3, &a, "no %d", 1) == -EINVAL);
        expect_str(a.message, "no 1");
        t->file = strdup("lab.yml");
        topology_refuse(t, 3, &b, "no %d", 2);
        expect_str(b.message, "lab.yml:3: no 2");
        topology_refuse(t, 0, &c, "no");
        expect_str(c.message, "lab.yml: no");
}
