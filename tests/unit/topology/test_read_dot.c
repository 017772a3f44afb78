/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "test.h"
#include "topology/read.h"

static Topology *graph(const char *text) {
        Topology *t = topology_new();
        autoerr err = {};

        expect_well(topology_read_dot(text, strlen(text), "f", t, &err), err);
        return t;
}

/* "a-b a-c": the links by the names of their nodes. */
static char *links(const Topology *t) {
        Str s = {};

        for (size_t i = 0; i < t->n_links; i++)
                str_printf(&s, "%s%s-%s", i ? " " : "", t->nodes[t->links[i].sides[0].node].name,
                           t->nodes[t->links[i].sides[1].node].name);
        return str_take(&s);
}

TEST(edges_become_links) {
        static const struct {
                const char *text, *links;
                size_t nodes;
        } cases[] = {
                { "graph { a -- b }", "a-b", 2 },
                { "graph{a--b;b--c}", "a-b b-c", 3 },
                { "graph { a -- b -- c -- a }", "a-b b-c c-a", 3 },
                { "graph { a -- { b c } }", "a-b a-c", 3 },
                { "graph { {a b} -- {c d} }", "a-c a-d b-c b-d", 4 },
                { "graph { subgraph cluster_x { a; b -- c } -- d }", "b-c a-d b-d c-d", 4 },
                { "graph { a -- b; a -- b }", "a-b a-b", 2 },
                { "strict graph { a -- b; b -- a }", "a-b", 2 },
                { "digraph { a -> b; b -> a; b -> c }", "a-b b-c", 3 },
                { "digraph { a -> b; a -> b; b -> a }", "a-b a-b", 2 },
                { "graph { \"x y\" -- 1.5; /* c\n */ -2 -- z // d\n}", "x-y-1-5 2-z", 4 },
                { "graph {\n# a comment\nrankdir=LR; node [shape=box] x [label=<<b>y</b>>]\n}", "",
                  1 },
                { "GRAPH \"my lab\" { \"a\" + \"b\" -- c:n -- d:e1:sw }", "ab-c c-d", 3 },
                { "\xef\xbb\xbfgraph { a -- a; a -- b }", "a-b", 2 },
                { "graph { { { a -- { b {c; d} } } } }", "a-b a-c a-d", 4 },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autoptr(Topology) t = graph(cases[i].text);
                autofree char *text = links(t);

                expect_str(text, cases[i].links);
                expect(t->n_nodes == cases[i].nodes);
        }
}

TEST(attributes_become_properties) {
        autoptr(Topology) t = graph("graph net {\n"
                                    "  node [kind=router] edge [delay=\"5ms\", rate=1gbit]\n"
                                    "  a [label=\"Node A\" pos=\"10,20!\" image=alpine cpu=0.5 "
                                    "memory=64m site=here]\n"
                                    "  s1 [kind=bridge label=s1]\n"
                                    "  a:up -- s1 [loss=\"1%\" mtu=9000 ipv4=\"10.0.0.1/24,\" "
                                    "color=red medium=air]\n"
                                    "  subgraph { edge [delay=1ms] b:p0 -- s1:p9:n [name=short] }\n"
                                    "  c -- s1\n"
                                    "}\n");
        autofree char *first = quality_words(&t->links[0].quality[1]),
                      *second = quality_words(&t->links[1].quality[0]),
                      *third = quality_words(&t->links[2].quality[0]);
        const Node *a = &t->nodes[0];

        expect_str(t->name, "net");
        expect(a->kind == NODE_ROUTER && t->nodes[1].kind == NODE_BRIDGE);
        expect(a->has_position && a->x == 10 && a->y == -20 && a->cpus == 0.5);
        expect(a->memory == 64 << 20);
        expect_str(a->image, "alpine");
        expect_str(strv_env_get(a->labels, "label"), "Node A");
        expect_str(strv_env_get(a->labels, "site"), "here");
        expect(!t->nodes[1].labels);
        expect_str(first, "delay=5ms rate=1gbit loss=1%");
        expect_str(second, "delay=1ms rate=1gbit");
        expect_str(third, "delay=5ms rate=1gbit");
        expect(t->links[0].mtu == 9000 && t->links[0].line == 5);
        expect_str(strv_env_get(t->links[0].labels, "medium"), "air");
        expect(!strv_env_get(t->links[0].labels, "color"));
        expect_str(a->interfaces[0].name, "up");
        expect(a->interfaces[0].n_addresses == 1 && t->nodes[1].interfaces[0].n_addresses == 0);
        expect_str(t->links[1].name, "short");
        expect_str(t->nodes[1].interfaces[1].name, "p9");
        expect(!t->notes);
}

TEST(directions_of_a_digraph_are_two_edges) {
        autoptr(Topology) t = graph("digraph { a -> b [delay=1ms]; b -> a [rate=1mbit]; "
                                    "a -> c [loss=\"2%\"] }");
        autofree char *there = quality_words(&t->links[0].quality[0]),
                      *back = quality_words(&t->links[0].quality[1]),
                      *alone = quality_words(&t->links[1].quality[1]);

        expect(t->n_links == 2);
        expect_str(there, "delay=1ms");
        expect_str(back, "rate=1mbit");
        expect_str(alone, "loss=2%");
}

TEST(kinds_that_are_not_said_follow_from_the_links) {
        autoptr(Topology) t = graph("graph { a -- b -- c; d [kind=\"ovs-bridge\"] }");

        expect(t->nodes[0].kind == NODE_HOST && t->nodes[1].kind == NODE_ROUTER);
        expect(t->nodes[3].kind == NODE_OVS_BRIDGE);
        expect_str(t->notes[0],
                   "f: of nodes without a kind, 1 where links meet became routers, 2 hosts");
}

/* As in drawings of records. */
TEST(ports_that_are_no_interfaces_get_other_names) {
        autoptr(Topology) t =
                graph("graph g { node [kind=host shape=record label=\"<f0> l|<f1> r\"]\n"
                      "a:f0 -- b; a:f0 -- c; a:\"a port too long\" -- d:\"x y\"; a:\xe9 -- b }");
        autoerr err = {};

        expect_str(t->nodes[0].interfaces[0].name, "f0");
        expect_str(t->nodes[0].interfaces[1].name, "eth1");
        expect_str(t->nodes[0].interfaces[2].name, "eth2");
        expect_str(t->notes[0], "f: ports that cannot be names of interfaces, or are the end of "
                                "another link, got others: 4");
        expect_well(topology_check(t, &err), err);
}

TEST(bridges_in_loops_get_spanning_trees) {
        autoptr(Topology) t = graph("graph { node [kind=bridge] a -- b -- c -- a; c -- d }");
        autoptr(Topology) none =
                graph("graph { node [kind=bridge] h [kind=host]; a -- b -- c; h -- a }");
        autoptr(Topology) said = graph("graph { node [kind=bridge stp=no] a -- b -- c -- a }");

        expect(t->nodes[0].stp && t->nodes[3].stp);
        expect_str(t->notes[0], "f: bridges form loops and got 'stp': 4");
        expect(!none->nodes[0].stp && !none->notes);
        expect(!said->nodes[0].stp && !said->notes);
}

TEST(slips_of_the_pen_are_noted) {
        autoptr(Topology) t = graph("graph {\nnode [kind=host]\na -- b [dealy=1ms]\n"
                                    "a -- b [dealy=2ms] }");

        expect(strv_length(t->notes) == 1);
        expect_str(t->notes[0], "f:3: 'dealy' became a label of the link; did you mean 'delay'?");
}

TEST(refusals_name_the_line) {
        static const struct {
                const char *text, *words;
        } cases[] = {
                { "", "f:1: expected 'graph' or 'digraph', not the end" },
                { "grap { }", "f:1: expected 'graph' or 'digraph', not 'grap'" },
                { "graph {\na -- b", "f:2: expected '}', not the end" },
                { "graph {\na -> b }", "f:2: edges of a graph are '--'" },
                { "digraph { a -- b }", "f:1: edges of a digraph are '->'" },
                { "graph { a -- }", "f:1: expected a name, not '}'" },
                { "graph { a [x=] }", "f:1: expected a name, not ']'" },
                { "graph { node x }", "f:1: expected '[', not 'x'" },
                { "graph {}\nx", "f:2: expected the end, not 'x'" },
                { "graph { \"a\n }", "f:1: a quote is not closed" },
                { "graph { a [label=<b] }", "f:1: a '<' is not closed" },
                { "graph { /* }", "f:1: a comment is not closed" },
                { "graph { a - b }", "f:1: '-' has no meaning here" },
                { "graph { a \x01 }", "f:1: a byte 1 has no meaning here" },
                { "graph {\n\na [kind=swich] }", "f:3: there is no kind 'swich'" },
                { "graph { a -- b [delay=soon] }", "f:1: 'soon' is no delay" },
                { "graph { a -- b [mtu=1] }", "f:1: '1' is no value for 'mtu'" },
                { "graph { a -- b [ipv4=\"10.0.0.1\"] }",
                  "f:1: '10.0.0.1' is no value for 'ipv4'" },
                { "graph { a [pos=x] }", "f:1: 'x' is no value for 'pos'" },
                { "graph { a [cpu=\"-1\"] }", "f:1: '-1' is no value for 'cpu'" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autoptr(Topology) t = topology_new();
                autoerr err = {};

                expect(topology_read_dot(cases[i].text, strlen(cases[i].text), "f", t, &err) ==
                       -EINVAL);
                expect_str(err.message, cases[i].words);
        }
}

static char *repeated(const char *before, const char *format, int n, const char *after) {
        Str s = {};

        str_put(&s, before);
        for (int i = 0; i < n; i++) {
                str_put(&s, format);
                if (*format != '{')
                        str_printf(&s, "%d ", i);
        }
        str_put(&s, after);
        return str_take(&s);
}

TEST(nesting_and_size_have_an_end) {
        autofree char *deep = repeated("graph {", "{", 400, ""),
                      *left = repeated("graph { {", "x", 400, "} --"),
                      *half = repeated(left, "", 0, "{"), *large = repeated(half, "y", 400, "} }");
        autoptr(Topology) a = topology_new();
        autoptr(Topology) b = topology_new();
        autoerr one = {}, other = {};

        expect(topology_read_dot(deep, strlen(deep), "f", a, &one) == -EINVAL);
        expect_str(one.message, "f:1: subgraphs are nested too deeply");
        expect(topology_read_dot(large, strlen(large), "f", b, &other) == -EINVAL);
        expect_str(other.message, "f:1: a graph has at most 100000 nodes and as many links");
}
