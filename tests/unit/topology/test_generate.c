/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "test.h"
#include "topology/generate.h"

static Topology *made(const char *kind, int a, int b, int c) {
        const int parameters[] = { a, b, c };
        Topology *t = NULL;
        autoerr err = {};

        expect_well(
                topology_generate(kind, parameters, (size_t) (a > 0) + (b > 0) + (c > 0), &t, &err),
                err);
        return t;
}

static size_t count(const Topology *t, NodeKind kind) {
        size_t n = 0;

        for (size_t i = 0; i < t->n_nodes; i++)
                n += t->nodes[i].kind == kind;
        return n;
}

/* Numbers of nodes reached from the first one. */
static size_t reached(const Topology *t) {
        bool *seen = calloc(t->n_nodes, sizeof *seen), more = true;
        size_t n = 0;

        expect(seen);
        seen[0] = true;
        while (more) {
                more = false;
                for (size_t i = 0; i < t->n_links; i++) {
                        size_t a = t->links[i].sides[0].node, b = t->links[i].sides[1].node;

                        more |= seen[a] != seen[b];
                        seen[a] = seen[b] = seen[a] || seen[b];
                }
        }
        for (size_t i = 0; i < t->n_nodes; i++)
                n += seen[i];
        free(seen);
        return n;
}

TEST(sizes_are_those_of_the_books) {
        static const struct {
                const char *kind;
                int a, b, c;
                size_t hosts, switches, links;
                bool loops;
        } cases[] = {
                { "single", 0, 0, 0, 2, 1, 2, false },
                { "single", 100, 0, 0, 100, 1, 100, false },
                { "linear", 4, 2, 0, 8, 4, 11, false },
                { "linear", 1, 0, 0, 1, 1, 1, false },
                { "tree", 0, 0, 0, 2, 1, 2, false },
                { "tree", 3, 2, 0, 8, 7, 14, false },
                { "tree", 2, 8, 0, 64, 9, 72, false },
                { "torus", 3, 4, 2, 24, 12, 48, true },
                { "ring", 5, 1, 0, 5, 5, 10, true },
                { "star", 3, 2, 0, 6, 4, 9, false },
                { "mesh", 5, 1, 0, 5, 5, 15, true },
                { "mesh", 2, 1, 0, 2, 2, 3, false },
                { "fat-tree", 4, 0, 0, 16, 20, 48, true },
                { "fat-tree", 2, 0, 0, 2, 5, 6, false },
                { "fat-tree", 8, 0, 0, 128, 80, 384, true },
                { "clos", 2, 4, 2, 8, 6, 16, true },
                { "clos", 1, 3, 1, 3, 4, 6, false },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autoptr(Topology) t = made(cases[i].kind, cases[i].a, cases[i].b, cases[i].c);
                autoerr err = {};

                printf("# %s %d %d %d\n", cases[i].kind, cases[i].a, cases[i].b, cases[i].c);
                expect(count(t, NODE_HOST) == cases[i].hosts);
                expect(count(t, NODE_BRIDGE) == cases[i].switches);
                expect(t->n_links == cases[i].links);
                expect(reached(t) == t->n_nodes);
                for (size_t k = 0; k < t->n_nodes; k++)
                        expect(t->nodes[k].stp ==
                               (cases[i].loops && t->nodes[k].kind == NODE_BRIDGE));
                expect_well(topology_check(t, &err), err);
        }
}

/* Whoever has scripts for Mininet finds the same nodes. */
TEST(names_are_mininets) {
        static const struct {
                const char *kind;
                int a, b, c;
                const char *names;
        } cases[] = {
                { "single", 2, 0, 0, "s1 h1 h2" },
                { "linear", 2, 1, 0, "s1 h1 s2 h2" },
                { "linear", 2, 2, 0, "s1 h1s1 h2s1 s2 h1s2 h2s2" },
                { "tree", 2, 2, 0, "s1 s2 h1 h2 s3 h3 h4" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autoptr(Topology) t = made(cases[i].kind, cases[i].a, cases[i].b, cases[i].c);
                autostr s = {};
                autofree char *text = NULL;

                for (size_t k = 0; k < t->n_nodes; k++)
                        str_printf(&s, "%s%s", k ? " " : "", t->nodes[k].name);
                text = str_take(&s);
                expect_str(text, cases[i].names);
        }
}

TEST(a_torus_has_four_neighbours_everywhere) {
        autoptr(Topology) t = made("torus", 4, 3, 1);

        for (size_t i = 0; i < t->n_nodes; i++)
                expect(t->nodes[i].n_interfaces == (t->nodes[i].kind == NODE_BRIDGE ? 5 : 1));
        expect(topology_find_node(t, "s4x3") >= 0 && topology_find_node(t, "h1x2") >= 0);
}

TEST(a_torus_is_drawn_as_a_grid) {
        autoptr(Topology) t = made("torus", 4, 3, 1);
        autoptr(Topology) crowded = made("torus", 3, 3, 2);

        for (size_t i = 0; i < t->n_nodes; i++) {
                const Node *n = &t->nodes[i];
                double inside = n->kind == NODE_HOST ? 0.5 : 0;

                expect(n->has_position);
                expect(n->x == n->name[1] - '0' + inside && n->y == n->name[3] - '0' + inside);
        }
        for (size_t i = 0; i < crowded->n_nodes; i++)
                expect(!crowded->nodes[i].has_position);
}

/* Each core of a fat tree has one link to every pod. */
TEST(a_fat_trees_cores_see_every_pod_once) {
        autoptr(Topology) t = made("fat-tree", 6, 0, 0);

        for (size_t i = 0; i < 9; i++) {
                unsigned pods = 0;

                expect(t->nodes[i].n_interfaces == 6);
                for (size_t k = 0; k < 6; k++) {
                        const TopologyLink *l = &t->links[t->nodes[i].interfaces[k].link];

                        pods |= 1u << (t->nodes[l->sides[0].node].name[3] - '0');
                }
                expect(pods == 0x7e);
        }
}

TEST(wrong_parameters_are_told) {
        static const struct {
                const char *kind;
                int parameters[3];
                size_t n;
                const char *words;
        } cases[] = {
                { "liner", {}, 0, "there is no topology 'liner'; did you mean 'linear'?" },
                { "quux", {}, 0, "there is no topology 'quux'" },
                { "linear", { 0 }, 1, "parameter 1 of 'linear' is at least 1, not 0" },
                { "torus", { 3, 2 }, 2, "parameter 2 of 'torus' is at least 3, not 2" },
                { "fat-tree", { 5 }, 1, "a fat tree's K is even, not 5" },
                { "single", { 1, 2 }, 2, "'single' takes at most 1 parameter, not 2" },
                { "mesh", { 5000 }, 1, "a topology has at most 1000000 nodes and as many links" },
                { "tree",
                  { 1000, 10 },
                  2,
                  "a topology has at most 1000000 nodes and as many links" },
                { "tree",
                  { 1000000, 1 },
                  2,
                  "a topology has at most 1000000 nodes and as many links" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                Topology *t = NULL;
                autoerr err = {};

                expect(topology_generate(cases[i].kind, cases[i].parameters, cases[i].n, &t, &err) <
                       0);
                expect(!t);
                expect_str(err.message, cases[i].words);
        }
}
