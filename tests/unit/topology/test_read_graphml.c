/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "test.h"
#include "topology/read.h"

static Topology *graph(const char *text) {
        Topology *t = topology_new();
        autoerr err = {};

        expect_well(topology_read_graphml(text, strlen(text), "f", t, &err), err);
        return t;
}

/* As the Topology Zoo's files are. */
static const char zoo[] =
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
        "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n"
        "  <key attr.name=\"LinkSpeedRaw\" attr.type=\"double\" for=\"edge\" id=\"d36\" />\n"
        "  <key attr.name=\"LinkSpeedUnits\" attr.type=\"string\" for=\"edge\" id=\"d37\" />\n"
        "  <key attr.name=\"LinkSpeed\" attr.type=\"string\" for=\"edge\" id=\"d38\" />\n"
        "  <key attr.name=\"label\" attr.type=\"string\" for=\"node\" id=\"d33\" />\n"
        "  <key attr.name=\"Longitude\" attr.type=\"double\" for=\"node\" id=\"d32\" />\n"
        "  <key attr.name=\"Latitude\" attr.type=\"double\" for=\"node\" id=\"d29\" />\n"
        "  <key attr.name=\"hyperedge\" attr.type=\"int\" for=\"node\" id=\"d31\" />\n"
        "  <key attr.name=\"Country\" attr.type=\"string\" for=\"node\" id=\"d30\" />\n"
        "  <key attr.name=\"Network\" attr.type=\"string\" for=\"graph\" id=\"d1\" />\n"
        "  <graph edgedefault=\"undirected\">\n"
        "    <data key=\"d1\">Zoo</data>\n"
        "    <node id=\"0\">\n      <data key=\"d29\">48.2</data>\n"
        "      <data key=\"d32\">16.4</data>\n      <data key=\"d33\">Wien &amp; Umgebung</data>\n"
        "      <data key=\"d30\">Austria</data>\n    </node>\n"
        "    <node id=\"1\"><data key=\"d33\">Graz</data></node>\n"
        "    <node id=\"2\"><data key=\"d33\">None</data></node>\n"
        "    <node id=\"3\"><data key=\"d33\">None</data><data key=\"d31\">1</data></node>\n"
        "    <edge source=\"0\" target=\"1\"><data key=\"d36\">2500000000.0</data></edge>\n"
        "    <edge source=\"1\" target=\"2\"><data key=\"d37\">M</data>"
        "<data key=\"d38\">155</data></edge>\n"
        "    <edge source=\"3\" target=\"0\"/>\n"
        "  </graph>\n</graphml>\n";

TEST(files_of_the_topology_zoo) {
        autoptr(Topology) t = graph(zoo);
        const Node *vienna = &t->nodes[0];

        expect(t->n_nodes == 4 && t->n_links == 3);
        expect_str(vienna->name, "Wien-Umgebung");
        expect_str(strv_env_get(vienna->labels, "label"), "Wien & Umgebung");
        expect_str(strv_env_get(vienna->labels, "latitude"), "48.2");
        expect_str(strv_env_get(vienna->labels, "Country"), "Austria");
        expect(vienna->has_position && vienna->x == 16.4 && vienna->y == -48.2);
        expect_str(t->nodes[1].name, "Graz");
        expect(!t->nodes[1].labels);
        expect_str(t->nodes[3].name, "None-2");
        expect(t->nodes[3].kind == NODE_BRIDGE && t->nodes[1].kind == NODE_ROUTER);
        expect(t->nodes[2].kind == NODE_HOST);
        expect(t->links[0].quality[0].rate_bps == 2500000000);
        expect(t->links[1].quality[1].rate_bps == 155000000);
        expect(t->links[2].quality[0].rate_bps == 0 && t->links[2].line == 24);
}

#define GRAPHML(direction, body)                                                         \
        "<graphml><key id='k' for='edge' attr.name='delay'><default>9ms</default></key>" \
        "<key id='n' for='node' attr.name='kind'/>"                                      \
        "<graph edgedefault='" direction "'>" body "</graph></graphml>"
#define NODES "<node id='a'/><node id='b'/><node id='c'/>"

TEST(defaults_directions_and_ports) {
        autoptr(Topology) t = graph(
                GRAPHML("directed", "<edge source='a' target='b' sourceport='up'/>" NODES
                                    "<edge source='b' target='a'><data key='k'> 1ms\n</data></edge>"
                                    "<edge source='a' target='c' directed='false'/>"
                                    "<edge source='c' target='a'/>"));

        expect(t->n_links == 3);
        expect(t->links[0].quality[0].delay_ns == 9000000);
        expect(t->links[0].quality[1].delay_ns == 1000000);
        expect(t->links[1].quality[1].delay_ns == 9000000);
        expect_str(t->nodes[0].interfaces[0].name, "up");
        expect_str(t->nodes[0].name, "a");
}

/* Of two links between the same nodes, the ports say which one an edge belongs to. */
TEST(ports_tell_directions_apart) {
        autoptr(Topology) t = graph(GRAPHML(
                "directed", NODES "<edge source='a' target='b' sourceport='p1' targetport='q1'/>"
                                  "<edge source='a' target='b' sourceport='p2' targetport='q2'/>"
                                  "<edge source='b' target='a' sourceport='q2' targetport='p2'>"
                                  "<data key='k'>1ms</data></edge>"));

        expect(t->n_links == 2);
        expect(t->links[0].quality[1].delay_ns == 9000000);
        expect(t->links[1].quality[1].delay_ns == 1000000);
}

TEST(hyperedges_become_bridges) {
        autoptr(Topology) t = graph(GRAPHML(
                "undirected", NODES "<hyperedge><endpoint node='a'/><endpoint node='b' port='p'/>"
                                    "<endpoint node='c'/></hyperedge>"));

        expect(t->n_nodes == 4 && t->n_links == 3);
        expect(t->nodes[3].kind == NODE_BRIDGE && t->nodes[3].n_interfaces == 3);
        expect_str(t->nodes[1].interfaces[0].name, "p");
}

/* yEd has labels and places in elements of its own, and groups as graphs in nodes. */
TEST(files_of_yed) {
        autoptr(Topology) t = graph(
                "<graphml xmlns:y='http://www.yworks.com/xml/graphml'><key for='node' id='d5' "
                "yfiles.type='nodegraphics'/><graph><node id='n0'><data key='d5'><y:ShapeNode>"
                "<y:Geometry height='30' width='30' x='10.5' y='20'/><y:NodeLabel>\n core\n"
                "</y:NodeLabel></y:ShapeNode></data><graph><node id='n0::n1'/>"
                "<edge source='n0' target='n0::n1'/></graph></node></graph></graphml>");

        expect(t->n_nodes == 2 && t->n_links == 1);
        expect_str(t->nodes[0].name, "core");
        expect(t->nodes[0].x == 10.5 && t->nodes[0].y == 20);
        expect_str(t->nodes[1].name, "n0-n1");
}

TEST(keys_within_data_do_not_disturb_it) {
        char text[4096] = "<graphml><key id='l' attr.name='label' for='node'/><graph><node id='0'>"
                          "<data key='l'>core";

        for (int i = 0; i < 60; i++)
                strcat(text, "<key id='k' for='node'/>");
        strcat(text, "</data></node></graph></graphml>");
        expect(graph(text)->n_nodes == 1);
}

TEST(refusals_name_the_line) {
        static const struct {
                const char *text, *words;
        } cases[] = {
                { "", "f:1: no element found" },
                { "<svg/>", "f:1: it begins with 'svg', which is not GraphML" },
                { "<graphml>\n<graph></graphml>", "f:2: mismatched tag" },
                { "<graphml/>", "f: there is no graph in it" },
                { "<graphml><graph>\n<node/></graph></graphml>", "f:2: a node has no id" },
                { "<graphml><graph><node id='a'/>\n<edge/></graph></graphml>",
                  "f:2: an edge has a source and a target" },
                { "<graphml><graph><node id='a'/>\n<edge source='a'/></graph></graphml>",
                  "f:2: an edge has a source and a target" },
                { "<graphml><graph><node id='a'/>\n<edge source='a' target='b'/></graph></graphml>",
                  "f:2: there is no node with the id 'b'" },
                { "<graphml><graph><node id='a'/>\n<node id='a'/></graph></graphml>",
                  "f:2: there are two nodes with the id 'a'" },
                { GRAPHML("", NODES "<edge source='a' target='b'>\n<data key='k'>x</data></edge>"),
                  "f:1: 'x' is no delay" },
                { GRAPHML("", "<node id='a'>\n<data key='n'>hots</data></node>"),
                  "f:1: there is no kind 'hots'; did you mean 'host'?" },
                { "<!DOCTYPE g [<!ENTITY a 'aaaa'>]>\n<graphml/>",
                  "f:1: it declares an entity, 'a'" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autoptr(Topology) t = topology_new();
                autoerr err = {};

                expect(topology_read_graphml(cases[i].text, strlen(cases[i].text), "f", t, &err) ==
                       -EINVAL);
                expect_str(err.message, cases[i].words);
        }
}

TEST(nesting_has_an_end) {
        autoptr(Topology) t = topology_new();
        autofree char *text = NULL;
        autoerr err = {};
        autostr s = {};

        str_put(&s, "<graphml>");
        for (int i = 0; i < 300; i++)
                str_printf(&s, "<node id='%d'>", i);
        text = str_take(&s);
        expect(topology_read_graphml(text, strlen(text), "f", t, &err) == -EINVAL);
        expect_str(err.message, "f:1: it is nested too deeply");
}
