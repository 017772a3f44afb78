/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A flowchart of Mermaid's, as GitHub and GitLab show it in Markdown. */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "topology/draw_parts.h"
#include "topology/uplink.h"

/* Between double quotes.  Whatever has a meaning there, or begins one, becomes "#NUMBER;". */
static void put_text(Str *out, const char *text) {
        autofree char *printable = str_printable(text);

        if (!printable)
                out->failed = true;
        for (const char *p = printable; p && *p; p++)
                if (strchr("\"#&<>`\\*_~;[]{}()|$%", *p))
                        str_printf(out, "#%d;", *p);
                else
                        str_put_char(out, *p);
}

static void put_node(const Topology *t, size_t index, bool images, Str *out) {
        static const char *const shapes[][2] = {
                { "[", "]" }, { "((", "))" }, { "[[", "]]" }, { "[[", "]]" }
        };
        const Node *n = &t->nodes[index];

        str_printf(out, "  n%zu%s\"", index, shapes[n->kind][0]);
        put_text(out, n->name);
        if (n->image && images) {
                str_put(out, "<br/>");
                put_text(out, n->image);
        }
        str_printf(out, "\"%s:::%s\n", shapes[n->kind][1],
                   n->kind == NODE_HOST && n->image ? "container"
                   : n->kind == NODE_OVS_BRIDGE     ? "ovs"
                                                    : node_kind_names[n->kind]);
}

static void put_interface(const Topology *t, LinkSide side, DrawLabels labels, Str *out) {
        const Interface *i = topology_interface(t, side);
        size_t n = labels == DRAW_ALL ? i->n_addresses : labels == DRAW_ADDRESSES;

        put_text(out, i->name);
        for (size_t k = 0; k < n && k < i->n_addresses; k++) {
                str_put_char(out, ' ');
                draw_put_address(out, &i->addresses[k]);
        }
}

static void put_words(const TopologyLink *l, Str *out) {
        bool same = quality_equal(&l->quality[0], &l->quality[1]);

        for (int end = 0; end < (same ? 1 : 2); end++) {
                autofree char *words = draw_quality(&l->quality[end]);

                if (!words)
                        out->failed = true;
                if (str_empty(words))
                        continue;
                str_put(out, "<br/>");
                if (!same)
                        str_put(out, end ? "← " : "→ ");
                put_text(out, words);
        }
}

static void put_link(const Topology *t, size_t index, const DrawOptions *o, DrawLabels labels,
                     Str *out) {
        const TopologyLink *l = &t->links[index];
        autofree char *value = draw_value(o, index);

        str_printf(out, "  n%zu ---", l->sides[0].node);
        if (labels >= DRAW_INTERFACES) {
                str_put(out, "|\"");
                put_interface(t, l->sides[0], labels, out);
                str_put(out, " — ");
                put_interface(t, l->sides[1], labels, out);
                if (value) {
                        str_put(out, "<br/>");
                        put_text(out, value);
                }
                if (labels >= DRAW_ADDRESSES)
                        put_words(l, out);
                str_put(out, "\"|");
        }
        str_printf(out, " n%zu\n", l->sides[1].node);
}

/* Behind all links, whose numbers they must not change. */
static void put_uplink(const Topology *t, size_t index, DrawLabels labels, Str *out) {
        const Uplink *u = &t->uplinks[index];
        autofree char *words = uplink_words(u);

        str_printf(out, "  u%zu([\"", index);
        if (words)
                put_text(out, words);
        str_printf(out, "\"])\n  n%zu -.-", u->node);
        if (labels >= DRAW_INTERFACES) {
                str_put(out, "|\"");
                put_text(out, u->interface);
                str_put(out, "\"|");
        }
        str_printf(out, " u%zu\n", index);
}

/* Links are numbered in the order they were drawn. */
static void put_colours(const Topology *t, const DrawOptions *o, Str *out) {
        for (size_t i = 0; i < t->n_links; i++) {
                double fraction = o->values ? o->values[i] / draw_scale_end(t, o) : NAN;
                char colour[8];

                if (o->cut && o->cut[i])
                        str_printf(out, "  linkStyle %zu stroke:#d4333f,stroke-dasharray:2 5\n", i);
                if (isnan(fraction) || (o->cut && o->cut[i]))
                        continue;
                draw_colour(fraction, colour);
                str_printf(out, "  linkStyle %zu stroke:%s,stroke-width:", i, colour);
                draw_put_number(out, 1.5 + 2.5 * fmin(fraction, 1));
                str_put(out, "px\n");
        }
}

int draw_mermaid(const Topology *t, const DrawOptions *options, Str *out) {
        static const DrawOptions none = {};
        const DrawOptions *o = options ? options : &none;
        DrawLabels labels = o->labels == DRAW_AUTO ? DRAW_ADDRESSES : o->labels;

        str_put(out, "flowchart TB\n");
        for (size_t i = 0; i < t->n_nodes; i++)
                put_node(t, i, labels > DRAW_NODES, out);
        for (size_t i = 0; i < t->n_links; i++)
                put_link(t, i, o, labels, out);
        for (size_t i = 0; i < t->n_uplinks; i++)
                put_uplink(t, i, labels, out);
        str_put(out, "  classDef host fill:#e8eef5,stroke:#51657c,color:#1d2733\n"
                     "  classDef container fill:#fdf0d9,stroke:#9a6a10,color:#1d2733\n"
                     "  classDef router fill:#dcebfb,stroke:#2369ae,color:#1d2733\n"
                     "  classDef bridge fill:#dff3e8,stroke:#1f7a52,color:#1d2733\n"
                     "  classDef ovs fill:#f0e6fa,stroke:#7440a8,color:#1d2733\n");
        put_colours(t, o, out);
        return out->failed ? -ENOMEM : 0;
}
