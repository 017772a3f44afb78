/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/nearest.h"
#include "base/size.h"
#include "base/str.h"
#include "topology/graph.h"
#include "topology/read_internal.h"
#include "topology/reshape.h"

void graph_clear(Graph *g) {
        free(g->said);
        strv_free(g->slips);
        *g = (Graph){};
}

static int too_large(const Graph *g, int line, Err *err) {
        (void) topology_refuse(g->t, line, err, "a graph has at most %d nodes and as many links",
                               GRAPH_LIMIT);
        return -EINVAL;
}

ssize_t graph_add_node(Graph *g, const char *wish, int line, Err *err) {
        autofree char *name = NULL;
        ssize_t index;

        if (g->t->n_nodes >= GRAPH_LIMIT)
                return too_large(g, line, err);
        name = topology_unique_name(g->t, wish);
        if (!name || !json_grow(&g->said, &g->n_said, 1))
                return no_memory(err);
        index = topology_add_node(g->t, name, NODE_HOST);
        if (index < 0)
                return no_memory(err);
        g->t->nodes[index].line = line;
        return index;
}

/* Ports of drawings are often fields of a record: longer than names of interfaces, and the end of
 * many edges. */
static const char *usable_name(Graph *g, size_t node, const char *name) {
        if (!name)
                return NULL;
        if (interface_is_name(name) && topology_find_interface(&g->t->nodes[node], name) < 0)
                return name;
        g->renamed++;
        return NULL;
}

ssize_t graph_add_link(Graph *g, size_t a, const char *a_interface, size_t b,
                       const char *b_interface, int line, Err *err) {
        ssize_t index;

        if (a == b) {
                g->own_links++;
                return -ELOOP;
        }
        if (g->t->n_links >= GRAPH_LIMIT)
                return too_large(g, line, err);
        index = topology_add_link(g->t, a, usable_name(g, a, a_interface), b,
                                  usable_name(g, b, b_interface));
        if (index < 0)
                return no_memory(err);
        g->t->links[index].line = line;
        return index;
}

/* ---- attributes ---- */

static int bad_value(const Graph *g, const char *key, const char *value, int line, Err *err) {
        return topology_refuse(g->t, line, err, "'%s' is no value for '%s'", value, key);
}

/* Keys that would not be read back from a list of KEY=VALUE are nobody's. */
static int add_label(char ***labels, const char *key, const char *value, Err *err) {
        autofree char *label = NULL;

        if (!*key || strchr(key, '=') || !*value)
                return 0;
        label = str_format("%s=%s", key, value);
        return !label || strv_env_set(labels, label) < 0 ? no_memory(err) : 0;
}

static bool number(const char *text, double *ret) {
        char *end;

        *ret = strtod(text, &end);
        return end != text && !*end && *ret - *ret == 0; /* finite */
}

static int set_coordinate(Graph *g, Node *n, const char *key, const char *value, int line,
                          Err *err) {
        bool is_x = str_equal(key, "x") || str_equal(key, "longitude");
        double coordinate;

        if (!number(value, &coordinate))
                return bad_value(g, key, value, line, err);
        if (is_x)
                n->x = coordinate;
        else
                n->y = str_equal(key, "y") ? coordinate : -coordinate;
        n->has_position = true;
        if (str_equal(key, "x") || str_equal(key, "y"))
                return 0;
        return add_label(&n->labels, key, value, err);
}

/* "X,Y" in points, with "!" where it is fixed. */
static int set_pos(Graph *g, Node *n, const char *value, int line, Err *err) {
        char *end;
        double x = strtod(value, &end), y;

        if (end == value || *end != ',')
                return bad_value(g, "pos", value, line, err);
        value = end + 1;
        y = strtod(value, &end);
        if (end == value || (*end && *end != '!' && *end != ',') || x - x != 0 || y - y != 0)
                return bad_value(g, "pos", value, line, err);
        n->x = x;
        n->y = y == 0 ? 0 : -y;
        n->has_position = true;
        return 0;
}

static int set_kind(Graph *g, size_t node, const char *value, int line, Err *err) {
        const char *near;

        for (int i = 0; node_kind_names[i]; i++)
                if (str_equal(node_kind_names[i], value)) {
                        g->t->nodes[node].kind = (NodeKind) i;
                        g->said[node] |= GRAPH_KIND;
                        return 0;
                }
        near = nearest_name(value, node_kind_names);
        return topology_refuse(g->t, line, err, "there is no kind '%s'%s%s%s", value,
                               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

int graph_set_node(Graph *g, size_t node, const char *key, const char *value, int line, Err *err) {
        static const char *const coordinates[] = { "x", "y", "longitude", "latitude", NULL };
        Node *n = &g->t->nodes[node];
        double cpus;

        if (str_equal(key, "kind"))
                return set_kind(g, node, value, line, err);
        if (str_equal(key, "image"))
                return str_set(&n->image, value) < 0 ? no_memory(err) : 0;
        if (str_equal(key, "memory"))
                return size_parse(value, &n->memory) < 0 ? bad_value(g, key, value, line, err) : 0;
        if (str_equal(key, "cpu")) {
                if (!number(value, &cpus) || cpus < 0)
                        return bad_value(g, key, value, line, err);
                n->cpus = cpus;
                return 0;
        }
        if (str_equal(key, "stp")) {
                g->said[node] |= GRAPH_STP;
                return parse_bool(value, &n->stp) < 0 ? bad_value(g, key, value, line, err) : 0;
        }
        if (str_equal(key, "pos"))
                return set_pos(g, n, value, line, err);
        for (int i = 0; coordinates[i]; i++)
                if (strcasecmp(coordinates[i], key) == 0)
                        return set_coordinate(g, n, coordinates[i], value, line, err);
        /* A drawing's label is mostly the name. */
        return str_equal(key, "label") && str_equal(value, n->name)
                       ? 0
                       : add_label(&n->labels, key, value, err);
}

static int set_addresses(Graph *g, TopologyLink *l, const char *key, const char *value, int line,
                         Err *err) {
        int family = str_equal(key, "ipv4") ? AF_INET : AF_INET6;
        autostrv texts = NULL;

        if (strv_split(value, ",", false, &texts) < 0)
                return no_memory(err);
        if (strv_length(texts) > 2)
                return bad_value(g, key, value, line, err);
        for (int end = 0; texts && texts[end]; end++) {
                const LinkSide *side = &l->sides[end];
                Address a;

                if (!*texts[end])
                        continue;
                if (!strchr(texts[end], '/') || addr_parse(texts[end], &a) < 0 ||
                    a.family != family)
                        return bad_value(g, key, texts[end], line, err);
                if (add_address(&g->t->nodes[side->node].interfaces[side->interface], &a) < 0)
                        return no_memory(err);
        }
        return 0;
}

static int set_quality(Graph *g, TopologyLink *l, int end, const char *key, const char *value,
                       int line, Err *err) {
        autoerr why = {};
        int r = 0;

        for (int i = 0; r >= 0 && i < 2; i++)
                if (end < 0 || end == i)
                        r = quality_set(&l->quality[i], key, value, &why);
        if (r >= 0)
                return 0;
        r = topology_refuse(g->t, line, err, "%s", why.message ? why.message : "it cannot be set");
        return why.hint ? err_hint(err, r, "%s", why.hint) : r;
}

static int set_engine(Graph *g, TopologyLink *l, const char *value, int line, Err *err) {
        static const char *const engines[] = { "auto", "kernel", "netem", "wire", NULL };

        if (!strv_has((char *const *) engines, value))
                return bad_value(g, "engine", value, line, err);
        return str_set(&l->engine, value) < 0 ? no_memory(err) : 0;
}

/* A label, with a word where it looks like a slip of the pen. */
static int set_link_label(Graph *g, TopologyLink *l, const char *key, const char *value, int line,
                          Err *err) {
        const char *near = strv_has(g->slips, key) ? NULL : nearest_name(key, quality_keys);

        if (near && (strv_add(&g->slips, key) < 0 ||
                     add_note(g->t, line, "'%s' became a label of the link; did you mean '%s'?",
                              key, near) < 0))
                return no_memory(err);
        return add_label(&l->labels, key, value, err);
}

int graph_set_link(Graph *g, size_t link, int end, const char *key, const char *value, int line,
                   Err *err) {
        TopologyLink *l = &g->t->links[link];
        double speed;
        int mtu;

        if (str_equal(key, "pos"))
                return 0; /* how a drawing's line runs */
        if (str_equal(key, "latency"))
                key = "delay";
        if (str_equal(key, "bandwidth"))
                key = "rate";
        if (strv_has((char *const *) quality_keys, key))
                return set_quality(g, l, end, key, value, line, err);
        if (str_equal(key, "ipv4") || str_equal(key, "ipv6"))
                return set_addresses(g, l, key, value, line, err);
        if (str_equal(key, "name"))
                return str_set(&l->name, value) < 0 ? no_memory(err) : 0;
        if (str_equal(key, "engine"))
                return set_engine(g, l, value, line, err);
        if (str_equal(key, "mtu")) {
                if (parse_int(value, 68, 65535, &mtu) < 0)
                        return bad_value(g, key, value, line, err);
                l->mtu = (uint32_t) mtu;
                return 0;
        }
        if (str_equal(key, "LinkSpeedRaw") && number(value, &speed) && speed >= 1 && speed < 1e15)
                for (int i = 0; i < 2; i++)
                        if (end < 0 || end == i)
                                l->quality[i].rate_bps = (uint64_t) (speed + 0.5);
        return set_link_label(g, l, key, value, line, err);
}

/* A broadcast would go round for ever. */
static int break_loops(Graph *g, Err *err) {
        int loops = topology_has_loops(g->t);
        size_t n = 0;

        for (size_t i = 0; loops > 0 && i < g->t->n_nodes; i++) {
                Node *b = &g->t->nodes[i];

                if (b->kind != NODE_BRIDGE || g->said[i] & GRAPH_STP)
                        continue;
                b->stp = true;
                n++;
        }
        if (loops < 0 ||
            (n > 0 && add_note(g->t, 0, "bridges form loops and got 'stp': %zu", n) < 0))
                return no_memory(err);
        return 0;
}

int graph_finish(Graph *g, Err *err) {
        size_t hosts = 0, routers = 0;

        for (size_t i = 0; i < g->t->n_nodes; i++) {
                Node *n = &g->t->nodes[i];

                if (g->said[i] & GRAPH_KIND)
                        continue;
                n->kind = n->n_interfaces > 1 ? NODE_ROUTER : NODE_HOST;
                *(n->kind == NODE_ROUTER ? &routers : &hosts) += 1;
        }
        if (hosts + routers > 0 &&
            add_note(g->t, 0,
                     "of nodes without a kind, %zu where links meet became routers, %zu hosts",
                     routers, hosts) < 0)
                return no_memory(err);
        if (g->renamed > 0 &&
            add_note(
                    g->t, 0,
                    "ports that cannot be names of interfaces, or are the end of another link, got "
                    "others: %zu",
                    g->renamed) < 0)
                return no_memory(err);
        if (g->own_links > 0 &&
            add_note(g->t, 0, "links of a node to itself are left out: %zu", g->own_links) < 0)
                return no_memory(err);
        return break_loops(g, err);
}
