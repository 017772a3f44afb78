/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "topology/draw_parts.h"

#define LEGEND_WIDTH  180.0
#define LEGEND_HEIGHT 46.0

/* Drawn around 0,0 in a box of ICON_WIDTH and ICON_HEIGHT. */
static const char symbols[] =
        "<defs>\n"
        "<g id=\"lab-host\"><rect x=\"-20\" y=\"-15\" width=\"40\" height=\"24\" rx=\"3\"/>"
        "<path fill=\"none\" d=\"M-16 5H16M0 9v5M-9 14.5H9\"/></g>\n"
        "<g id=\"lab-container\"><path d=\"M-20-8L-13-15H20V8L13 15H-20z\"/>"
        "<path fill=\"none\" d=\"M-20-8H13V15M13-8L20-15M-12-3V10M-3.5-3V10M5-3V10\"/></g>\n"
        "<g id=\"lab-router\"><circle r=\"16\"/>"
        "<path fill=\"none\" d=\"M-12 0H-4M-7-3L-4 0L-7 3M12 0H4M7-3L4 0L7 3"
        "M0-4V-12M-3-9L0-12L3-9M0 4V12M-3 9L0 12L3 9\"/></g>\n"
        "<g id=\"lab-bridge\"><rect x=\"-22\" y=\"-13\" width=\"44\" height=\"26\" rx=\"4\"/>"
        "<path fill=\"none\" d=\"M-15-5H14M10-9L14-5L10-1M15 5H-14M-10 1L-14 5L-10 9\"/></g>\n"
        "<g id=\"lab-ovs-bridge\"><rect x=\"-22\" y=\"-13\" width=\"44\" height=\"26\" rx=\"4\"/>"
        "<path fill=\"none\" d=\"M-15-7H14M10-10.5L14-7L10-3.5M15 7H-14M-10 3.5L-14 7L-10 10.5\"/>"
        "<circle fill=\"none\" cx=\"0\" cy=\"0\" r=\"2\"/></g>\n"
        "<g id=\"lab-uplink\"><path d=\"M-12 12a9 9 0 0 1-2-17.5a12 12 0 0 1 22-3.5"
        "a10.5 10.5 0 0 1 5 21z\"/></g>\n"
        "</defs>\n";

/* Light, and the same in the dark. */
static const char style[] =
        "<style>\n"
        "text{font-family:system-ui,'DejaVu Sans',Helvetica,Arial,sans-serif;font-size:13px;"
        "fill:#1d2733;stroke:#fff;stroke-width:3;stroke-linejoin:round;paint-order:stroke}\n"
        ".paper{fill:#fff}\n"
        ".link path{fill:none;stroke:#8493a5;stroke-width:1.6}\n"
        ".uplink path{stroke-dasharray:5 4}\n"
        ".cut path{stroke:#d4333f;stroke-dasharray:2 5}\n"
        ".ended{opacity:.4}\n"
        ".small .link path{stroke-width:.6}\n"
        ".label text{font-family:'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:10px;"
        "fill:#4a5969;text-anchor:middle}\n"
        ".quality text{fill:#92500c}\n"
        ".name{font-weight:600}\n"
        ".note{font-size:10px;fill:#5b6a7a}\n"
        ".symbol{fill:#e8eef5;stroke:#51657c;stroke-width:1.6;stroke-linejoin:round;"
        "stroke-linecap:round}\n"
        ".router .symbol{fill:#dcebfb;stroke:#2369ae}\n"
        ".bridge .symbol{fill:#dff3e8;stroke:#1f7a52}\n"
        ".ovs-bridge .symbol{fill:#f0e6fa;stroke:#7440a8}\n"
        ".container .symbol{fill:#fdf0d9;stroke:#9a6a10}\n"
        "@media (prefers-color-scheme:dark){\n"
        "text{fill:#e3e9f0;stroke:#151b22}\n.paper{fill:#151b22}\n.link path{stroke:#76879a}"
        ".cut path{stroke:#f0626d}\n"
        ".label text{fill:#b2c0ce}\n.quality text{fill:#f0b35e}\n.note{fill:#9dacbb}\n"
        ".symbol{fill:#25303c;stroke:#9fb1c4}\n"
        ".router .symbol{fill:#1b3049;stroke:#6db1f2}\n"
        ".bridge .symbol{fill:#173527;stroke:#5fc795}\n"
        ".ovs-bridge .symbol{fill:#31224a;stroke:#c096ee}\n"
        ".container .symbol{fill:#3b2c12;stroke:#e2b057}\n"
        "}\n</style>\n";

static void put_point(Str *out, Point p) {
        draw_put_number(out, p.x);
        str_put_char(out, ' ');
        draw_put_number(out, p.y);
}

static void put_path(const Scene *s, const SceneLink *l, Str *out) {
        Point a = s->nodes[l->ends[0]].at, b = s->nodes[l->ends[1]].at, c = scene_control(s, l);

        str_put(out, "M");
        put_point(out, a);
        if (l->ends[0] == l->ends[1]) {
                double aside = (a.y - c.y) * 0.6;

                str_put(out, "C");
                put_point(out, (Point){ a.x - aside, c.y });
                str_put_char(out, ' ');
                put_point(out, (Point){ a.x + aside, c.y });
                str_put_char(out, ' ');
                put_point(out, a);
                return;
        }
        if (l->bend == 0)
                str_put(out, "L");
        else {
                str_put(out, "Q");
                put_point(out, c);
                str_put_char(out, ' ');
        }
        put_point(out, b);
}

static void put_quality_lines(const TopologyLink *l, const Topology *t, Str *out) {
        for (int end = 0; end < 2; end++) {
                autofree char *words = quality_words(&l->quality[end]);

                if (!words)
                        out->failed = true;
                if (str_empty(words))
                        continue;
                str_put(out, "\nfrom ");
                draw_put_xml(out, t->nodes[l->sides[end].node].name);
                str_put(out, ": ");
                draw_put_xml(out, words);
        }
}

static void put_interface(const Topology *t, LinkSide side, Str *out) {
        const Interface *i = topology_interface(t, side);

        draw_put_xml(out, t->nodes[side.node].name);
        str_put(out, ":");
        draw_put_xml(out, i->name);
        for (size_t k = 0; k < i->n_addresses; k++) {
                str_put_char(out, ' ');
                draw_put_address(out, &i->addresses[k]);
        }
}

static void put_link_title(const Scene *s, const DrawOptions *o, size_t index, Str *out) {
        const Topology *t = s->t;

        str_put(out, "<title>");
        if (index >= t->n_links) {
                const Uplink *u = &t->uplinks[index - t->n_links];

                draw_put_xml(out, t->nodes[u->node].name);
                str_put(out, " — ");
                draw_put_xml(out, u->kind);
                strv_foreach(setting, u->settings) {
                        str_put(out, "\n");
                        draw_put_xml(out, *setting);
                }
        } else {
                autofree char *value = draw_value(o, index);

                put_interface(t, t->links[index].sides[0], out);
                str_put(out, " — ");
                put_interface(t, t->links[index].sides[1], out);
                put_quality_lines(&t->links[index], t, out);
                if (value) {
                        str_put(out, "\n");
                        draw_put_xml(out, o->value_name ? o->value_name : "value");
                        str_put(out, " ");
                        draw_put_xml(out, value);
                }
                if (o->cut && o->cut[index])
                        str_put(out, "\ncut");
        }
        str_put(out, "</title>");
}

/* Rows around the label's middle; @which also tells scripts what it belongs to. */
static void put_label(const Scene *s, const SceneLink *l, int which, Str *out) {
        const SceneLabel *label = &l->labels[which];
        ScenePlace place = scene_label_place(s, l, which);
        double n = (double) strv_length(label->rows), k = 0;
        bool reversed = scene_is_reversed(s, l);

        if (n == 0)
                return;
        str_printf(out, "<g class=\"label%s\" data-end=\"%d\" data-along=\"",
                   which == LABEL_MIDDLE ? " quality" : "", which);
        draw_put_number(out, label->along);
        str_put(out, "\" data-across=\"");
        draw_put_number(out, label->across);
        str_put(out, "\" transform=\"translate(");
        put_point(out, place.at);
        str_put(out, ") rotate(");
        draw_put_number(out, place.degrees);
        str_put(out, s->scale == 1 ? ")" : ") scale(");
        if (s->scale != 1) {
                draw_put_number(out, s->scale);
                str_put(out, ")");
        }
        str_put(out, "\">");
        strv_foreach(row, label->rows) {
                const char *forward = which == LABEL_MIDDLE ? str_after(*row, "> ") : NULL;
                const char *back = which == LABEL_MIDDLE ? str_after(*row, "< ") : NULL;

                str_put(out, "<text y=\"");
                draw_put_number(out, (k++ - (n - 1) / 2) * ROW_HEIGHT + 3.5);
                if (forward || back)
                        str_printf(out, "\" data-from=\"%d", forward ? 0 : 1);
                str_put(out, "\">");
                if (forward || back)
                        str_put(out, !forward == reversed ? "→ " : "← ");
                draw_put_xml(out, forward ? forward : back ? back : *row);
                str_put(out, "</text>");
        }
        str_put(out, "</g>");
}

static void put_link(const Scene *s, const DrawOptions *o, size_t index, Str *out) {
        const SceneLink *l = &s->links[index];
        double value = o->values && index < s->t->n_links ? o->values[index] : NAN;
        const char *state = index >= s->t->n_links    ? " uplink"
                            : o->cut && o->cut[index] ? " cut"
                                                      : "";

        str_printf(
                out,
                "<g class=\"link%s\" data-link=\"%zu\" data-a=\"%zu\" data-b=\"%zu\" data-bend=\"",
                state, index, l->ends[0], l->ends[1]);
        draw_put_number(out, l->bend);
        str_put(out, "\">");
        put_link_title(s, o, index, out);
        str_put(out, "<path d=\"");
        put_path(s, l, out);
        str_put(out, "\"");
        if (!isnan(value) && !str_equal(state, " cut")) {
                double fraction = value / draw_scale_end(s->t, o);
                char colour[8];

                draw_colour(fraction, colour);
                str_printf(out, " style=\"stroke:%s;stroke-width:", colour);
                draw_put_number(out, 2.2 + 2.6 * fmin(fraction, 1));
                str_put(out, "\"");
        }
        str_put(out, "/>");
        for (int which = 0; which < 3; which++)
                put_label(s, l, which, out);
        str_put(out, "</g>\n");
}

static void put_node_title(const Scene *s, const DrawOptions *o, size_t index, Str *out) {
        const Topology *t = s->t;

        str_put(out, "<title>");
        if (index >= t->n_nodes) {
                const Uplink *u = &t->uplinks[index - t->n_nodes];

                str_put(out, "uplink ");
                draw_put_xml(out, u->kind);
                strv_foreach(setting, u->settings) {
                        str_put(out, "\n");
                        draw_put_xml(out, *setting);
                }
        } else {
                const Node *n = &t->nodes[index];

                draw_put_xml(out, n->name);
                str_printf(out, " (%s)", draw_kind(n));
                if (n->image) {
                        str_put(out, "\nimage ");
                        draw_put_xml(out, n->image);
                }
                if (o->ended && o->ended[index])
                        str_put(out, "\nnot running");
        }
        str_put(out, "</title>");
}

/* The name and, below it, the note. */
static void put_name(const SceneNode *n, Str *out) {
        static const char *const anchors[] = { "middle", "middle", "start", "end" };
        double aside = n->side == NAME_RIGHT  ? ICON_WIDTH / 2 + 4
                       : n->side == NAME_LEFT ? -(ICON_WIDTH / 2 + 4)
                                              : 0;
        double height = NAME_HEIGHT + (n->note ? ROW_HEIGHT : 0);
        double top = n->side == NAME_BELOW   ? ICON_HEIGHT / 2 + 2
                     : n->side == NAME_ABOVE ? -(ICON_HEIGHT / 2 + 2 + height)
                                             : -height / 2;

        for (int k = 0; k < (n->note ? 2 : 1); k++) {
                str_printf(out, "<text class=\"%s\" text-anchor=\"%s\" x=\"", k ? "note" : "name",
                           anchors[n->side]);
                draw_put_number(out, aside);
                str_put(out, "\" y=\"");
                draw_put_number(out, top + NAME_SIZE - 1 + k * ROW_HEIGHT);
                str_put(out, "\">");
                draw_put_xml(out, k ? n->note : n->name);
                str_put(out, "</text>");
        }
}

static void put_node(const Scene *s, const DrawOptions *o, size_t index, Str *out) {
        const SceneNode *n = &s->nodes[index];

        str_printf(out, "<g class=\"node %s%s\" data-node=\"%zu\" transform=\"translate(",
                   n->symbol, o->ended && index < s->t->n_nodes && o->ended[index] ? " ended" : "",
                   index);
        put_point(out, n->at);
        str_put(out, ")");
        if (s->scale != 1) {
                str_put(out, " scale(");
                str_printf(out, s->scale == 0.5 ? "0.5" : "0.75");
                str_put(out, ")");
        }
        str_put(out, "\">");
        put_node_title(s, o, index, out);
        str_printf(out, "<use class=\"symbol\" href=\"#lab-%s\"/>", n->symbol);
        if (s->labels > DRAW_NOTHING)
                put_name(n, out);
        str_put(out, "</g>\n");
}

/* A scale from 0 to the end, below the drawing. */
static void put_legend(const Scene *s, const DrawOptions *o, Str *out) {
        double end = draw_scale_end(s->t, o);
        const char *unit = o->value_unit ? o->value_unit : "", *blank = o->value_unit ? " " : "";

        str_put(out, "<g class=\"legend\" transform=\"translate(20 ");
        draw_put_number(out, s->height);
        str_put(out, ")\"><defs><linearGradient id=\"lab-scale\">");
        for (int i = 0; i < 3; i++) {
                char colour[8];

                draw_colour(i / 2.0, colour);
                str_printf(out, "<stop offset=\"%d%%\" stop-color=\"%s\"/>", i * 50, colour);
        }
        str_put(out, "</linearGradient></defs><text x=\"0\" y=\"0\" text-anchor=\"start\" "
                     "class=\"name\">");
        draw_put_xml(out, o->value_name ? o->value_name : "value");
        str_put(out, "</text><rect y=\"6\" width=\"160\" height=\"8\" rx=\"2\" "
                     "fill=\"url(#lab-scale)\"/>"
                     "<text class=\"note\" y=\"26\" text-anchor=\"start\">0");
        str_put(out, blank);
        draw_put_xml(out, unit);
        str_put(out, "</text><text class=\"note\" x=\"160\" y=\"26\" text-anchor=\"end\">");
        str_printf(out, "%.3g%s", end, blank);
        draw_put_xml(out, unit);
        str_put(out, "</text></g>\n");
}

int draw_svg_scene(const Scene *s, const DrawOptions *o, DrawStyle how, Str *out) {
        const char *title = o->title ? o->title : s->t->name ? s->t->name : "lab";
        double width = o->values ? fmax(s->width, LEGEND_WIDTH) : s->width;
        double height = s->height + (o->values ? LEGEND_HEIGHT : 0);

        str_put(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\"");
        /* Thousands of links are not to hide the nodes. */
        str_put(out, s->scale <= 0.5 ? " class=\"small\" viewBox=\"0 0 " : " viewBox=\"0 0 ");
        put_point(out, (Point){ width, height });
        str_put(out, "\" width=\"");
        draw_put_number(out, width);
        str_put(out, "\" height=\"");
        draw_put_number(out, height);
        str_put(out, "\">\n<title>");
        draw_put_xml(out, title);
        str_put(out, "</title>\n");
        if (how == DRAW_STANDALONE) {
                str_put(out, style);
                str_put(out, "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n");
        }
        str_put(out, symbols);
        str_put(out, "<g class=\"links\">\n");
        for (size_t i = 0; i < s->n_links; i++)
                put_link(s, o, i, out);
        str_put(out, "</g>\n<g class=\"nodes\">\n");
        for (size_t i = 0; i < s->n_nodes; i++)
                put_node(s, o, i, out);
        str_put(out, "</g>\n");
        if (o->values)
                put_legend(s, o, out);
        str_put(out, "</svg>\n");
        return out->failed ? -ENOMEM : 0;
}

int draw_svg(const Topology *t, const DrawOptions *options, Str *out) {
        static const DrawOptions none = {};
        const DrawOptions *o = options ? options : &none;
        autoscene s = {};
        int r = scene_make(t, o, &s);

        return r < 0 ? r : draw_svg_scene(&s, o, DRAW_STANDALONE, out);
}
