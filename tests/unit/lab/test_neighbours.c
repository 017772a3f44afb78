/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/str.h"
#include "lab/neighbours.h"
#include "test.h"
#include "topology/address.h"

/* A star: all hosts at one switch. */
static Topology *make_star(size_t hosts) {
        Topology *t = topology_new();
        ssize_t s1 = topology_add_node(t, "s1", NODE_BRIDGE);

        for (size_t i = 0; i < hosts; i++) {
                autofree char *name = str_format("h%zu", i + 1);
                ssize_t host = topology_add_node(t, name, NODE_HOST);

                expect(topology_add_link(t, (size_t) host, NULL, (size_t) s1, NULL) >= 0);
        }
        expect_ok(topology_assign_addresses(t, NULL));
        return t;
}

TEST(neighbours_that_the_kernel_remembers_are_not_noted) {
        autoptr(Topology) t = make_star(4);

        expect_ok(lab_note_neighbours(t, 12));
        expect(t->notes == NULL);
}

TEST(more_of_them_are_noted_with_what_makes_room) {
        autoptr(Topology) t = make_star(4);

        expect_ok(lab_note_neighbours(t, 11));
        expect(strv_length(t->notes) == 1);
        expect(strstr(t->notes[0], "they have 12 neighbours, and this machine remembers 11"));
        expect(strstr(t->notes[0], "sysctl -w net.ipv4.neigh.default.gc_thresh3=24 "));
}
