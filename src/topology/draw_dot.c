/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "topology/dot.h"
#include "topology/draw_parts.h"
#include "topology/uplink.h"

/* A picture shows no control characters. */
static void put_text(Str *out, const char *text, bool is_label) {
        autofree char *printable = str_printable(text);

        if (printable)
                dot_put_escaped(out, printable, is_label);
        else
                out->failed = true;
}

static void put_quoted(Str *out, const char *text) {
        str_put_char(out, '"');
        put_text(out, text, false);
        str_put_char(out, '"');
}

static void put_node(const Topology *t, size_t index, DrawLabels labels, Str *out) {
        static const char *const looks[] = {
                "shape=box, style=\"rounded,filled\", fillcolor=\"#e8eef5\"",
                "shape=ellipse, style=filled, fillcolor=\"#dcebfb\"",
                "shape=box, style=filled, fillcolor=\"#dff3e8\"",
                "shape=box, style=filled, fillcolor=\"#f0e6fa\"",
        };
        const Node *n = &t->nodes[index];

        str_put(out, "  ");
        put_quoted(out, n->name);
        str_printf(out, " [kind=\"%s\", %s", node_kind_names[n->kind], looks[n->kind]);
        if (n->has_position && isfinite(n->x) && isfinite(n->y))
                str_printf(out, ", pos=\"%.6g,%.6g!\"", n->x, n->y ? -n->y : 0);
        str_put(out, ", label=\"");
        if (labels > DRAW_NOTHING)
                put_text(out, n->name, true);
        if (labels > DRAW_NODES && n->image) {
                str_put(out, "\\n");
                put_text(out, n->image, true);
        }
        str_put(out, "\"];\n");
}

static void put_end(const Topology *t, LinkSide side, DrawLabels labels, const char *name,
                    Str *out) {
        const Interface *i = topology_interface(t, side);

        str_printf(out, "%s=\"", name);
        put_text(out, i->name, true);
        for (size_t k = 0; k < i->n_addresses && labels >= DRAW_ADDRESSES; k++) {
                if (k > 0 && labels < DRAW_ALL)
                        break;
                str_put(out, "\\n");
                draw_put_address(out, &i->addresses[k]);
        }
        str_put(out, "\"");
}

/* As topology_read_dot() understands it, if it is the same in both directions. */
static void put_quality(const TopologyLink *l, Str *out) {
        autostrv settings = NULL;

        if (!quality_equal(&l->quality[0], &l->quality[1]))
                return;
        if (quality_settings(&l->quality[0], &settings) < 0)
                out->failed = true;
        strv_foreach(setting, settings) {
                char *equals = strchr(*setting, '=');

                *equals = '\0';
                str_put(out, ", ");
                dot_put_attribute(out, *setting, equals + 1);
        }
}

static void put_label(const TopologyLink *l, const char *value, Str *out) {
        bool same = quality_equal(&l->quality[0], &l->quality[1]);

        str_put(out, ", label=\"");
        if (value)
                put_text(out, value, true);
        for (int end = 0; end < (same ? 1 : 2); end++) {
                autofree char *words = draw_quality(&l->quality[end]);

                if (!words)
                        out->failed = true;
                if (str_empty(words))
                        continue;
                if (value || end)
                        str_put(out, "\\n");
                if (!same)
                        str_put(out, end ? "← " : "→ ");
                put_text(out, words, true);
        }
        str_put(out, "\"");
}

static void put_link(const Topology *t, size_t index, const DrawOptions *o, DrawLabels labels,
                     Str *out) {
        const TopologyLink *l = &t->links[index];
        autofree char *value = draw_value(o, index);
        const char *separator = " [";

        str_put(out, "  ");
        put_quoted(out, t->nodes[l->sides[0].node].name);
        str_put(out, " -- ");
        put_quoted(out, t->nodes[l->sides[1].node].name);
        str_printf(out, "%sname=", separator);
        put_quoted(out, l->name);
        if (labels >= DRAW_INTERFACES) {
                str_put(out, ", ");
                put_end(t, l->sides[0], labels, "taillabel", out);
                str_put(out, ", ");
                put_end(t, l->sides[1], labels, "headlabel", out);
        }
        put_quality(l, out);
        if (labels >= DRAW_ADDRESSES || (value && labels >= DRAW_INTERFACES))
                put_label(l, value, out);
        if (o->cut && o->cut[index])
                str_put(out, ", style=dotted, color=\"#d4333f\"");
        else if (value) {
                double fraction = o->values[index] / draw_scale_end(t, o);
                char colour[8];

                draw_colour(fraction, colour);
                str_printf(out, ", color=\"%s\", penwidth=", colour);
                draw_put_number(out, 1.5 + 2.5 * fmin(fraction, 1));
        }
        str_put(out, "];\n");
}

static void put_uplink(const Topology *t, size_t index, DrawLabels labels, Str *out) {
        const Uplink *u = &t->uplinks[index];
        autofree char *words = uplink_words(u);

        str_printf(out, "  \"uplink %zu\" [style=dashed, shape=ellipse, label=\"", index);
        if (words)
                put_text(out, words, true);
        str_put(out, "\"];\n  ");
        put_quoted(out, t->nodes[u->node].name);
        str_printf(out, " -- \"uplink %zu\" [style=dashed", index);
        if (labels >= DRAW_INTERFACES) {
                str_put(out, ", taillabel=\"");
                put_text(out, u->interface, true);
                str_put(out, "\"");
        }
        str_put(out, "];\n");
}

int draw_dot(const Topology *t, const DrawOptions *options, Str *out) {
        static const DrawOptions none = {};
        const DrawOptions *o = options ? options : &none;
        DrawLabels labels = o->labels == DRAW_AUTO ? DRAW_ADDRESSES : o->labels;

        str_put(out, "graph ");
        put_quoted(out, o->title ? o->title : t->name ? t->name : "lab");
        str_put(out, " {\n"
                     "  graph [overlap=false, splines=true];\n"
                     "  node [fontname=\"Helvetica\", fontsize=12, color=\"#51657c\"];\n"
                     "  edge [fontname=\"Helvetica\", fontsize=9, color=\"#8493a5\"];\n");
        for (size_t i = 0; i < t->n_nodes; i++)
                put_node(t, i, labels, out);
        for (size_t i = 0; i < t->n_links; i++)
                put_link(t, i, o, labels, out);
        for (size_t i = 0; i < t->n_uplinks; i++)
                put_uplink(t, i, labels, out);
        str_put(out, "}\n");
        return out->failed ? -ENOMEM : 0;
}
