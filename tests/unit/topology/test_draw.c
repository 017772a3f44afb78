/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>

#include "test.h"
#include "topology/draw_parts.h"
#include "topology/draw_place.h"

static void address(Topology *t, size_t node, size_t interface, const char *text) {
        Interface *i = &t->nodes[node].interfaces[interface];

        i->addresses = realloc(i->addresses, (i->n_addresses + 1) * sizeof *i->addresses);
        expect_ok(addr_parse(text, &i->addresses[i->n_addresses++]));
}

/* h1, h2 and h3 at s1. */
static Topology *sample(void) {
        static const char *const texts[] = { "10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24" };
        Topology *t = topology_new();

        t->name = strdup("sample");
        expect(topology_add_node(t, "s1", NODE_BRIDGE) == 0);
        for (size_t i = 0; i < 3; i++) {
                char name[] = { 'h', (char) ('1' + i), 0 };

                expect(topology_add_node(t, name, NODE_HOST) == (ssize_t) i + 1);
                expect(topology_add_link(t, 0, NULL, i + 1, NULL) == (ssize_t) i);
                address(t, i + 1, 0, texts[i]);
        }
        address(t, 1, 0, "fd00::1/64");
        for (int end = 0; end < 2; end++)
                expect_ok(quality_set(&t->links[1].quality[end], "delay", "10ms", NULL));
        expect_ok(quality_set(&t->links[2].quality[1], "rate", "2mbit", NULL));
        return t;
}

static char *drawn(int (*draw)(const Topology *, const DrawOptions *, Str *), const Topology *t,
                   const DrawOptions *o) {
        Str s = {};

        expect_ok(draw(t, o, &s));
        return str_take(&s);
}

static size_t count(const char *text, const char *what) {
        size_t n = 0;

        for (const char *p = text; (p = strstr(p, what)); p++)
                n++;
        return n;
}

TEST(svg_has_all_nodes_and_links) {
        autoptr(Topology) t = sample();
        autofree char *svg = drawn(draw_svg, t, NULL);

        expect(count(svg, "class=\"node ") == 4 && count(svg, "class=\"link\"") == 3);
        expect(count(svg, "class=\"node bridge\"") == 1);
        expect(count(svg, ">eth0 10.0.0.2/24</text>") == 1);
        expect(count(svg, ">10ms</text>") == 1);
        expect(count(svg, ">← 2mbit</text>") + count(svg, ">→ 2mbit</text>") == 1);
        expect(count(svg, "fd00::1/64") == 1); /* only in the title */
}

TEST(labels_are_chosen) {
        static const struct {
                DrawLabels labels;
                size_t names, interfaces, addresses, all;
        } cases[] = {
                { DRAW_NOTHING, 0, 0, 0, 0 },    { DRAW_NODES, 1, 0, 0, 0 },
                { DRAW_INTERFACES, 1, 1, 0, 0 }, { DRAW_ADDRESSES, 1, 0, 1, 0 },
                { DRAW_ALL, 1, 0, 1, 1 },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autoptr(Topology) t = sample();
                autofree char *svg =
                        drawn(draw_svg, t, &(DrawOptions){ .labels = cases[i].labels });

                expect(count(svg, ">h1</text>") == cases[i].names);
                expect((count(svg, ">eth0</text>") == 4) == cases[i].interfaces);
                expect(count(svg, ">eth0 10.0.0.1/24</text>") == cases[i].addresses);
                expect(count(svg, ">fd00::1/64</text>") == cases[i].all);
        }
}

/* Nothing of what a file says is markup, in any of the languages. */
TEST(texts_are_escaped) {
        static const char evil[] = "a<b>&\"'\\\n\x1b[31m</script>`#]\xff\xef\xbf\xbf";
        autoptr(Topology) t = sample();
        autofree char *svg = NULL, *html = NULL, *dot = NULL, *mermaid = NULL;

        free(t->nodes[1].name);
        t->nodes[1].name = strdup(evil);
        t->nodes[2].image = strdup(evil);
        expect_ok(strv_add(&t->nodes[2].labels, evil));
        free(t->nodes[2].interfaces[0].name);
        t->nodes[2].interfaces[0].name = strdup("\"><b>");
        svg = drawn(draw_svg, t, &(DrawOptions){ .title = evil });
        html = drawn(draw_html, t, &(DrawOptions){ .title = evil });
        dot = drawn(draw_dot, t, &(DrawOptions){ .title = evil });
        mermaid = drawn(draw_mermaid, t, NULL);
        expect(count(svg, "a<b>") == 0 && count(svg, "a&lt;b&gt;&amp;&quot;&#39;\\??[31m") >= 2);
        expect(count(svg, "\xef\xbf\xbf") == 0);
        expect(count(html, "<b>") == 0 && count(html, "</script>") == 2);
        expect(count(html, "a\\u003cb\\u003e\\u0026\\\"'\\\\?") >= 2);
        expect(count(dot, "a<b>&\\\"'\\\\??[31m") >= 2 && count(dot, "<b>&amp;\\\"") >= 1);
        expect(count(dot, "\"\\\"><b>\\n10.0.0.2/24\"") == 1);
        expect(count(mermaid, "a#60;b#62;#38;#34;'#92;??#91;31m#60;/script#62;#96;#35;#93;") == 2);
        for (size_t i = 0; i < 4; i++)
                expect(!strchr((char *[]){ svg, html, dot, mermaid }[i], '\x1b'));
}

TEST(environments_are_in_no_drawing) {
        autoptr(Topology) t = sample();
        autofree char *html = NULL;

        expect_ok(strv_add(&t->nodes[1].env, "PASSWORD=secret"));
        html = drawn(draw_html, t, NULL);
        expect(count(html, "secret") == 0);
}

TEST(the_page_refers_to_nothing) {
        autoptr(Topology) t = sample();
        autofree char *html = drawn(draw_html, t, NULL);

        /* The name of SVG is no place to look at. */
        expect(count(html, "://") == count(html, "://www.w3.org/2000/svg"));
        expect(count(html, "src=") == 0 && count(html, "@import") == 0 && count(html, "url(") == 0);
        expect(count(html, "default-src 'none'") == 1);
}

TEST(drawings_are_always_the_same) {
        static int (*const draws[])(const Topology *, const DrawOptions *,
                                    Str *) = { draw_svg, draw_html, draw_dot, draw_mermaid };

        for (size_t i = 0; i < sizeof draws / sizeof *draws; i++) {
                autoptr(Topology) a = sample();
                autoptr(Topology) b = sample();
                autofree char *one = drawn(draws[i], a, NULL), *two = drawn(draws[i], b, NULL);

                expect_str(one, two);
        }
}

TEST(links_are_coloured_by_values) {
        static const double values[] = { 0, 50, NAN };
        DrawOptions o = {
                .values = values, .value_name = "use", .value_unit = "%", .value_max = 100
        };
        autoptr(Topology) t = sample();
        autofree char *svg = drawn(draw_svg, t, &o), *dot = drawn(draw_dot, t, &o),
                      *mermaid = drawn(draw_mermaid, t, &o), *html = drawn(draw_html, t, &o);
        char low[8], middle[8];

        draw_colour(0, low);
        draw_colour(0.5, middle);
        expect(strcmp(low, middle) != 0 && low[0] == '#' && strlen(low) == 7);
        expect(count(svg, "style=\"stroke:") == 2 && count(svg, ">50 %</text>") == 1);
        expect(strstr(svg, middle) && count(svg, ">100 %</text>") == 1);
        expect(count(svg, ">use</text>") == 1 && count(html, "[\"use\",\"50 %\"]") == 1);
        expect(count(dot, "penwidth") == 2 && count(mermaid, "linkStyle") == 2);
        o.value_max = 0;
        expect(draw_scale_end(t, &o) == 50);
}

TEST(colours_have_no_holes) {
        static const double fractions[] = { -1, 0, 0.25, 0.5, 0.75, 1, 7 };

        for (size_t i = 0; i < sizeof fractions / sizeof *fractions; i++) {
                char colour[8];

                draw_colour(fractions[i], colour);
                expect(strlen(colour) == 7 && strspn(colour + 1, "0123456789abcdef") == 6);
        }
}

TEST(numbers_are_short) {
        static const struct {
                double number;
                const char *text;
        } cases[] = { { 0, "0" },        { 1.04, "1" },      { 1.05, "1.1" },   { -0.04, "0" },
                      { -0.06, "-0.1" }, { -12.5, "-12.5" }, { 1e6, "1000000" } };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autostr s = {};

                draw_put_number(&s, cases[i].number);
                expect_str(s.text, cases[i].text);
        }
}

TEST(long_words_are_shortened) {
        autofree char *same = draw_shortened("äöü", 3), *shorter = draw_shortened("äöüßæø", 5);

        expect_str(same, "äöü");
        expect_str(shorter, "äö…æø");
}

/* Everything that is written is on the paper, and lies over nothing else that is. */
static void expect_readable(const Topology *t, DrawLabels labels) {
        autoscene s = {};
        autofree Box *boxes = NULL;
        size_t n = 0;

        expect_ok(scene_make(t, &(DrawOptions){ .labels = labels }, &s));
        boxes = calloc(2 * s.n_nodes + 3 * s.n_links, sizeof *boxes);
        for (size_t i = 0; i < s.n_nodes; i++) {
                boxes[n++] = place_symbol_box(&s, i);
                boxes[n++] = place_name_box(&s, i);
        }
        for (size_t i = 0; i < s.n_links; i++)
                for (int which = 0; which < 3; which++) {
                        const SceneLabel *l = &s.links[i].labels[which];
                        ScenePlace p = scene_label_place(&s, &s.links[i], which);
                        double angle = p.degrees * M_PI / 180;

                        if (!l->rows)
                                continue;
                        expect(p.degrees > -90.1 && p.degrees < 90.1);
                        boxes[n++] =
                                (Box){ p.at, l->width / 2, l->height / 2, cos(angle), sin(angle) };
                }
        for (size_t i = 0; i < n; i++) {
                double reach_x = boxes[i].half_width * fabs(boxes[i].cosine) +
                                 boxes[i].half_height * fabs(boxes[i].sine);
                double reach_y = boxes[i].half_width * fabs(boxes[i].sine) +
                                 boxes[i].half_height * fabs(boxes[i].cosine);

                expect(boxes[i].centre.x >= reach_x && boxes[i].centre.x + reach_x <= s.width);
                expect(boxes[i].centre.y >= reach_y && boxes[i].centre.y + reach_y <= s.height);
                for (size_t k = 0; k < i; k++)
                        expect(!box_overlaps(&boxes[i], &boxes[k]));
        }
}

static Topology *network(int shape, size_t n) {
        Topology *t = topology_new();
        size_t n_links = 0;

        for (size_t i = 0; i < n; i++) {
                char name[16];

                snprintf(name, sizeof name, "node%zu", i);
                topology_add_node(t, name, i % 3 ? NODE_HOST : NODE_ROUTER);
        }
        for (size_t i = 1; i < n; i++) {
                topology_add_link(t,
                                  shape == 0   ? 0
                                  : shape == 1 ? i - 1
                                  : shape == 2 ? (i - 1) / 2
                                               : i * 7 % i,
                                  NULL, i, NULL);
                if (shape == 3 && i > 2)
                        topology_add_link(t, i - 2, NULL, i, NULL);
        }
        if (shape == 1 && n > 2)
                topology_add_link(t, n - 1, NULL, 0, NULL);
        for (size_t i = 0; i < t->n_nodes; i++)
                for (size_t k = 0; k < t->nodes[i].n_interfaces; k++) {
                        char text[32];

                        snprintf(text, sizeof text, "10.%zu.0.%d/24", n_links++ / 2 % 250,
                                 (int) k + 1);
                        address(t, i, k, text);
                }
        return t;
}

TEST(small_labs_are_readable) {
        for (int shape = 0; shape < 4; shape++)
                for (size_t n = 1; n <= 20; n++) {
                        autoptr(Topology) t = network(shape, n);

                        expect_readable(t, DRAW_AUTO);
                        expect_readable(t, DRAW_ALL);
                        expect_readable(t, DRAW_NODES);
                }
}

/* No text is left out where there is room for all. */
TEST(small_labs_are_labelled) {
        for (int shape = 0; shape < 3; shape++)
                for (size_t n = 2; n <= 16; n++) {
                        autoptr(Topology) t = network(shape, n);
                        autoscene s = {};

                        expect_ok(scene_make(t, &(DrawOptions){}, &s));
                        for (size_t i = 0; i < s.n_links; i++)
                                for (int end = 0; end < 2; end++)
                                        expect(strv_length(s.links[i].labels[end].rows) == 1);
                }
}

TEST(parallel_links_are_apart) {
        autoptr(Topology) t = topology_new();
        autoscene s = {};

        topology_add_node(t, "a", NODE_HOST);
        topology_add_node(t, "b", NODE_HOST);
        topology_add_link(t, 0, NULL, 1, NULL);
        topology_add_link(t, 1, NULL, 0, NULL);
        topology_add_link(t, 0, NULL, 0, NULL);
        expect_ok(scene_make(t, &(DrawOptions){}, &s));
        expect(s.links[0].bend != 0);
        /* Seen from the other end, so bent to the other side. */
        expect(s.links[0].bend == s.links[1].bend);
        expect(scene_control(&s, &s.links[0]).y != scene_control(&s, &s.links[1]).y);
        expect(scene_control(&s, &s.links[2]).y < s.nodes[0].at.y);
        expect(scene_control(&s, &s.links[2]).y >= 0);
}

/* Upwards, downwards, to the left, to the right: texts of upright links are read downwards. */
TEST(arrows_point_where_packets_go) {
        static const struct {
                double x, y;
                const char *text;
        } cases[] = { { 0, -1, ">← 10ms</text>" },
                      { 0, 1, ">→ 10ms</text>" },
                      { -1, 0, ">← 10ms</text>" },
                      { 1, 0, ">→ 10ms</text>" } };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autoptr(Topology) t = topology_new();
                autofree char *svg = NULL;

                topology_add_node(t, "a", NODE_HOST);
                topology_add_node(t, "b", NODE_HOST);
                topology_add_link(t, 0, NULL, 1, NULL);
                t->nodes[0].has_position = t->nodes[1].has_position = true;
                t->nodes[1].x = cases[i].x;
                t->nodes[1].y = cases[i].y;
                expect_ok(quality_set(&t->links[0].quality[0], "delay", "10ms", NULL));
                svg = drawn(draw_svg, t, NULL);
                expect(count(svg, cases[i].text) == 1);
        }
}

TEST(what_is_cut_or_ended_is_told) {
        static const bool cut[] = { false, true, false }, ended[] = { false, false, true, false };
        static const double values[] = { 1, 2, 3 };
        DrawOptions o = { .values = values, .cut = cut, .ended = ended };
        autoptr(Topology) t = sample();
        autofree char *svg = drawn(draw_svg, t, &o), *dot = drawn(draw_dot, t, &o),
                      *mermaid = drawn(draw_mermaid, t, &o), *html = drawn(draw_html, t, &o);

        expect(count(svg, "class=\"link cut\"") == 1 && count(svg, "\ncut</title>") == 1);
        expect(count(svg, "class=\"node host ended\"") == 1 && count(svg, "style=\"stroke:") == 2);
        expect(count(svg, "\nnot running</title>") == 1);
        expect(count(dot, "style=dotted") == 1 && count(mermaid, "stroke-dasharray") == 1);
        expect(count(html, "[\"state\",\"cut\"]") == 1);
        expect(count(html, "[\"state\",\"not running\"]") == 1);
}

TEST(boxes_overlap_or_not) {
        const Box box = { { 0, 0 }, 10, 5, 1, 0 };
        const Box turned = { { 14, 0 }, 10, 1, sqrt(0.5), sqrt(0.5) };
        const Box beside = { { 18, 0 }, 10, 1, sqrt(0.5), sqrt(0.5) };

        expect(box_overlaps(&box, &box) && box_overlaps(&box, &turned));
        expect(!box_overlaps(&box, &beside) && !box_overlaps(&beside, &box));
        expect(fabs(box_crossed(&box, (Point){ -20, -20 }, (Point){ 20, 20 }) - 10 * sqrt(2)) <
               1e-9);
        expect(fabs(box_crossed(&box, (Point){ 0, 0 }, (Point){ 1, 1 }) - sqrt(2)) < 1e-9);
        expect(box_crossed(&box, (Point){ -20, 6 }, (Point){ 20, 6 }) == 0);
        expect(box_crossed(&box, (Point){ 11, -9 }, (Point){ 11, 9 }) == 0);
        expect(box_crossed(&box, (Point){ 20, 0 }, (Point){ 30, 0 }) == 0);
}
