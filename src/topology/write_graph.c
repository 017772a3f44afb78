/* SPDX-License-Identifier: GPL-2.0-or-later */

/* GraphML and dot: nodes, links and what graph.h has attributes for. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "topology/dot.h"
#include "topology/write.h"
#include "topology/write_yaml.h"

/* Attributes with a meaning of their own, so that no label takes one. */
static const char *const node_keys[] = { "kind", "image", "cpu", "memory", "stp",
                                         "x",    "y",     "pos", NULL };
static const char *const link_keys[] = { "name", "mtu",     "engine",    "ipv4",
                                         "ipv6", "latency", "bandwidth", NULL };

static bool is_own(const char *const *keys, const char *label) {
        autofree char *key = strndup(label, strcspn(label, "="));

        return !key || strv_has((char *const *) keys, key) ||
               (keys == link_keys && strv_has((char *const *) quality_keys, key));
}

/* ---- attributes, as KEY=VALUE ---- */

static int add_real(char ***list, const char *key, double value) {
        autofree char *text = NULL;
        autostr s = {};

        yaml_put_real(&s, value);
        text = str_take(&s);
        return text ? strv_addf(list, "%s=%s", key, text) : -ENOMEM;
}

static int add_labels(char ***list, const char *const *keys, char *const *labels) {
        int r = 0;

        strv_foreach(label, labels)
                if (r >= 0 && strchr(*label, '=') && !is_own(keys, *label))
                        r = strv_env_set(list, *label);
        return r;
}

/* @pos: the position as dot has it, Y upwards. */
static int node_attributes(const Node *n, bool pos, char ***ret) {
        int r = strv_addf(ret, "kind=%s", node_kind_names[n->kind]);

        if (r >= 0 && n->image)
                r = strv_addf(ret, "image=%s", n->image);
        if (r >= 0 && n->cpus > 0)
                r = add_real(ret, "cpu", n->cpus);
        if (r >= 0 && n->memory)
                r = strv_addf(ret, "memory=%ju", (uintmax_t) n->memory);
        if (r >= 0 && n->kind == NODE_BRIDGE)
                r = strv_addf(ret, "stp=%s", n->stp ? "true" : "false");
        if (r >= 0 && n->has_position && pos)
                r = strv_addf(ret, "pos=%.10g,%.10g!", n->x, n->y == 0 ? 0 : -n->y);
        else if (r >= 0 && n->has_position) {
                r = add_real(ret, "x", n->x);
                r = r < 0 ? r : add_real(ret, "y", n->y);
        }
        return r < 0 ? r : add_labels(ret, node_keys, n->labels);
}

/* The first of that family at each end: "A,B". */
static int add_addresses(const Topology *t, const TopologyLink *l, int family, const char *key,
                         char ***ret) {
        char texts[2][INET6_ADDRSTRLEN + 5] = { "", "" };

        for (int end = 0; end < 2; end++) {
                const Interface *i = topology_interface(t, l->sides[end]);

                for (size_t k = i->n_addresses; k-- > 0;)
                        if (i->addresses[k].family == family) {
                                addr_text(&i->addresses[k], texts[end]);
                                (void) snprintf(texts[end] + strlen(texts[end]), 5, "/%d",
                                                i->addresses[k].prefix);
                        }
        }
        return *texts[0] || *texts[1] ? strv_addf(ret, "%s=%s,%s", key, texts[0], texts[1]) : 0;
}

static bool has_own_name(const Topology *t, const TopologyLink *l) {
        const LinkSide *a = &l->sides[0], *b = &l->sides[1];
        autofree char *name =
                str_format("%s:%s--%s:%s", t->nodes[a->node].name, topology_interface(t, *a)->name,
                           t->nodes[b->node].name, topology_interface(t, *b)->name);

        return name && l->name && !str_equal(name, l->name);
}

/* What a link is in both directions. */
static int link_attributes(const Topology *t, const TopologyLink *l, char ***ret) {
        int r = has_own_name(t, l) ? strv_addf(ret, "name=%s", l->name) : 0;

        if (r >= 0 && l->mtu)
                r = strv_addf(ret, "mtu=%u", l->mtu);
        if (r >= 0 && l->engine)
                r = strv_addf(ret, "engine=%s", l->engine);
        if (r >= 0)
                r = add_addresses(t, l, AF_INET, "ipv4", ret);
        if (r >= 0)
                r = add_addresses(t, l, AF_INET6, "ipv6", ret);
        return r < 0 ? r : add_labels(ret, link_keys, l->labels);
}

static int add_quality(const Quality *q, char ***ret) {
        autostrv settings = NULL;
        int r = quality_settings(q, &settings);

        return r < 0 ? r : strv_extend(ret, settings);
}

/* ---- what is not said ---- */

static int note_what_is_lost(const Topology *t, const char *format, char ***notes) {
        static const char *const kept[] = { "stp",      "image",  "cpu",    "memory",
                                            "position", "labels", "engine", "labels of links",
                                            "quality",  NULL };
        size_t many = 0;
        int r = topology_note_lost(t, format, kept, notes);

        for (size_t i = 0; i < t->n_nodes; i++)
                for (size_t k = 0; k < t->nodes[i].n_interfaces; k++) {
                        const Interface *in = &t->nodes[i].interfaces[k];
                        size_t n[2] = { 0, 0 };

                        for (size_t a = 0; a < in->n_addresses; a++)
                                n[in->addresses[a].family == AF_INET6]++;
                        many += n[0] > 1 || n[1] > 1;
                }
        if (r >= 0 && many > 0)
                r = strv_addf(
                        notes,
                        "%s has one address of a kind for an interface; interfaces that lose more: %zu",
                        format, many);
        return r;
}

/* ---- GraphML ---- */

/* What XML has no way to say becomes '?'. */
static void put_xml(Str *s, const char *text) {
        size_t n;

        for (; *text; text += n ? n : 1) {
                n = str_utf8_length(text, strlen(text));
                if (n == 0 || ((unsigned char) *text < 0x20 && !strchr("\t\n\r", *text)) ||
                    strncmp(text, "\xef\xbf\xbe", 3) == 0 || strncmp(text, "\xef\xbf\xbf", 3) == 0)
                        str_put_char(s, '?');
                else if (*text == '&')
                        str_put(s, "&amp;");
                else if (*text == '<')
                        str_put(s, "&lt;");
                else if (*text == '>')
                        str_put(s, "&gt;");
                else if (*text == '"')
                        str_put(s, "&quot;");
                else if (strchr("\t\n\r", *text))
                        str_printf(s, "&#%d;", *text);
                else
                        str_put_bytes(s, text, n);
        }
}

static int key_index(char **keys, const char *pair) {
        size_t n = strcspn(pair, "=");

        for (int i = 0; keys && keys[i]; i++)
                if (strlen(keys[i]) == n && strncmp(keys[i], pair, n) == 0)
                        return i;
        return -1;
}

static void put_data(Str *s, const char *prefix, char **keys, char *const *attributes) {
        strv_foreach(pair, attributes) {
                str_printf(s, "<data key=\"%s%d\">", prefix, key_index(keys, *pair));
                put_xml(s, strchr(*pair, '=') + 1);
                str_put(s, "</data>");
        }
}

static int collect_keys(char ***keys, char *const *attributes) {
        strv_foreach(pair, attributes)
                if (key_index(*keys, *pair) < 0 &&
                    strv_take(keys, strndup(*pair, strcspn(*pair, "="))) < 0)
                        return -ENOMEM;
        return 0;
}

static void put_keys(Str *s, const char *prefix, const char *what, char **keys) {
        for (int i = 0; keys && keys[i]; i++) {
                str_printf(s, "  <key id=\"%s%d\" for=\"%s\" attr.name=\"", prefix, i, what);
                put_xml(s, keys[i]);
                str_put(s, "\" attr.type=\"string\"/>\n");
        }
}

/* An edge from that end; @directed: it has an opposite. */
static void put_edge(Str *s, const Topology *t, const TopologyLink *l, int end, bool directed,
                     char **keys, char *const *attributes) {
        const LinkSide *from = &l->sides[end], *to = &l->sides[!end];

        str_put(s, "    <edge source=\"");
        put_xml(s, t->nodes[from->node].name);
        str_put(s, "\" target=\"");
        put_xml(s, t->nodes[to->node].name);
        str_put(s, "\" sourceport=\"");
        put_xml(s, topology_interface(t, *from)->name);
        str_put(s, "\" targetport=\"");
        put_xml(s, topology_interface(t, *to)->name);
        str_printf(s, "\"%s>", directed ? " directed=\"true\"" : "");
        put_data(s, "e", keys, attributes);
        str_put(s, "</edge>\n");
}

static int put_graphml_link(Str *s, const Topology *t, const TopologyLink *l, char ***keys,
                            bool only_keys) {
        bool directed = !quality_equal(&l->quality[0], &l->quality[1]);
        autostrv attributes = NULL;
        autostrv back = NULL;
        int r = link_attributes(t, l, &attributes);

        if (r >= 0)
                r = add_quality(&l->quality[0], &attributes);
        if (r >= 0 && directed)
                r = add_quality(&l->quality[1], &back);
        if (r < 0)
                return r;
        if (only_keys) {
                r = collect_keys(keys, attributes);
                return r < 0 ? r : collect_keys(keys, back);
        }
        put_edge(s, t, l, 0, directed, *keys, attributes);
        if (directed)
                put_edge(s, t, l, 1, true, *keys, back);
        return 0;
}

static int put_graphml_node(Str *s, const Node *n, char ***keys, bool only_keys) {
        autostrv attributes = NULL;
        int r = node_attributes(n, false, &attributes);

        if (r < 0 || only_keys)
                return r < 0 ? r : collect_keys(keys, attributes);
        str_put(s, "    <node id=\"");
        put_xml(s, n->name);
        str_put(s, "\">");
        put_data(s, "n", *keys, attributes);
        str_put(s, "</node>\n");
        return 0;
}

/* All nodes and links; first, for the keys at the head of the file, only what they need. */
static int put_graphml_parts(Str *s, const Topology *t, char ***of_nodes, char ***of_links,
                             bool only_keys) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < t->n_nodes; i++)
                r = put_graphml_node(s, &t->nodes[i], of_nodes, only_keys);
        for (size_t i = 0; r >= 0 && i < t->n_links; i++)
                if (t->links[i].sides[0].node != t->links[i].sides[1].node)
                        r = put_graphml_link(s, t, &t->links[i], of_links, only_keys);
        return r;
}

int topology_write_graphml(const Topology *t, Str *out, char ***notes) {
        autostrv of_nodes = NULL;
        autostrv of_links = NULL;
        int r = put_graphml_parts(out, t, &of_nodes, &of_links, true);

        str_put(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n");
        put_keys(out, "n", "node", of_nodes);
        put_keys(out, "e", "edge", of_links);
        str_put(out, "  <graph id=\"");
        put_xml(out, t->name ? t->name : "lab");
        str_put(out, "\" edgedefault=\"undirected\">\n");
        if (r >= 0)
                r = put_graphml_parts(out, t, &of_nodes, &of_links, false);
        str_put(out, "  </graph>\n</graphml>\n");
        return r < 0 ? r : note_what_is_lost(t, "GraphML", notes);
}

/* ---- dot ---- */

static void put_attributes(Str *s, char *const *attributes) {
        const char *separator = " [";

        strv_foreach(pair, attributes) {
                size_t n = strcspn(*pair, "=");
                autofree char *key = strndup(*pair, n);

                if (!key) {
                        s->failed = true;
                        return;
                }
                str_put(s, separator);
                dot_put_attribute(s, key, *pair + n + 1);
                separator = ", ";
        }
        str_put(s, attributes ? "];\n" : ";\n");
}

static void put_end(Str *s, const Topology *t, LinkSide side) {
        dot_put_quoted(s, t->nodes[side.node].name);
        str_put(s, ":");
        dot_put_quoted(s, topology_interface(t, side)->name);
}

static void put_arc(Str *s, const Topology *t, const TopologyLink *l, int end, bool directed,
                    char *const *attributes) {
        str_put(s, "  ");
        put_end(s, t, l->sides[end]);
        str_put(s, directed ? " -> " : " -- ");
        put_end(s, t, l->sides[!end]);
        put_attributes(s, attributes);
}

/* @directed: it is a digraph, in which an edge without an opposite is both directions. */
static int put_dot_link(Str *s, const Topology *t, const TopologyLink *l, bool directed) {
        autostrv attributes = NULL;
        autostrv back = NULL;
        int r = link_attributes(t, l, &attributes);

        if (r >= 0)
                r = add_quality(&l->quality[0], &attributes);
        if (r >= 0)
                r = add_quality(&l->quality[1], &back);
        if (r < 0)
                return r;
        put_arc(s, t, l, 0, directed, attributes);
        if (!quality_equal(&l->quality[0], &l->quality[1]))
                put_arc(s, t, l, 1, true, back);
        return 0;
}

int topology_write_dot(const Topology *t, Str *out, char ***notes) {
        bool directed = false;
        int r = 0;

        for (size_t i = 0; i < t->n_links; i++)
                directed |= !quality_equal(&t->links[i].quality[0], &t->links[i].quality[1]);
        str_put(out, directed ? "digraph " : "graph ");
        dot_put_quoted(out, t->name ? t->name : "lab");
        str_put(out, " {\n");
        for (size_t i = 0; r >= 0 && i < t->n_nodes; i++) {
                autostrv attributes = NULL;

                r = node_attributes(&t->nodes[i], true, &attributes);
                str_put(out, "  ");
                dot_put_quoted(out, t->nodes[i].name);
                put_attributes(out, attributes);
        }
        for (size_t i = 0; r >= 0 && i < t->n_links; i++)
                if (t->links[i].sides[0].node != t->links[i].sides[1].node)
                        r = put_dot_link(out, t, &t->links[i], directed);
        str_put(out, "}\n");
        return r < 0 ? r : note_what_is_lost(t, "dot", notes);
}
