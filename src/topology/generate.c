/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "base/str.h"
#include "topology/generate.h"
#include "topology/reshape.h"

#define SIZE_LIMIT 1000000 /* nodes, and links */

/* Remembers that something failed and ignores what follows, so that rules stay rules. */
typedef struct Generation {
        Topology *t;
        bool failed, too_large;
} Generation;

static bool is_over(Generation *g) {
        g->too_large |= g->t->n_nodes >= SIZE_LIMIT || g->t->n_links >= SIZE_LIMIT;
        return g->failed || g->too_large;
}

static size_t add_node(Generation *g, NodeKind kind, const char *format, ...) printf_like(3, 4);

static size_t add_node(Generation *g, NodeKind kind, const char *format, ...) {
        char name[NODE_NAME_MAX + 1];
        ssize_t index;
        va_list ap;

        if (is_over(g))
                return 0;
        va_start(ap, format);
        (void) vsnprintf(name, sizeof name, format, ap);
        va_end(ap);
        index = topology_add_node(g->t, name, kind);
        g->failed |= index < 0;
        return index < 0 ? 0 : (size_t) index;
}

/* The next interfaces, numbered from eth0: nothing else takes names here. */
static void connect_nodes(Generation *g, size_t a, size_t b) {
        char names[2][24];

        if (is_over(g))
                return;
        (void) snprintf(names[0], sizeof *names, "eth%zu", g->t->nodes[a].n_interfaces);
        (void) snprintf(names[1], sizeof *names, "eth%zu", g->t->nodes[b].n_interfaces);
        g->failed |= topology_add_link(g->t, a, names[0], b, names[1]) < 0;
}

/* Hosts of a switch, as Mininet calls them: the n-th switch has "hN", or "h1sN", "h2sN", …. */
static void add_hosts(Generation *g, size_t to, int number, int hosts) {
        for (int i = 1; i <= hosts && !is_over(g); i++)
                connect_nodes(g,
                              hosts == 1 ? add_node(g, NODE_HOST, "h%d", number)
                                         : add_node(g, NODE_HOST, "h%ds%d", i, number),
                              to);
}

/* Hosts that are numbered throughout. */
static void add_numbered_hosts(Generation *g, size_t to, int *number, int hosts) {
        for (int i = 0; i < hosts && !is_over(g); i++)
                connect_nodes(g, add_node(g, NODE_HOST, "h%d", ++*number), to);
}

static size_t add_switch(Generation *g, int number, int hosts) {
        size_t s = add_node(g, NODE_BRIDGE, "s%d", number);

        add_hosts(g, s, number, hosts);
        return s;
}

static void make_single(Generation *g, const int *p) {
        int number = 0;

        add_numbered_hosts(g, add_node(g, NODE_BRIDGE, "s1"), &number, p[0]);
}

static void make_linear(Generation *g, const int *p) {
        size_t last = 0;

        for (int i = 1; i <= p[0] && !is_over(g); i++) {
                size_t s = add_switch(g, i, p[1]);

                if (i > 1)
                        connect_nodes(g, s, last);
                last = s;
        }
}

static size_t add_tree(Generation *g, int depth, int fanout, int *switches, int *hosts) {
        size_t node;

        if (depth == 0)
                return add_node(g, NODE_HOST, "h%d", ++*hosts);
        node = add_node(g, NODE_BRIDGE, "s%d", ++*switches);
        for (int i = 0; i < fanout && !is_over(g); i++)
                connect_nodes(g, node, add_tree(g, depth - 1, fanout, switches, hosts));
        return node;
}

static void make_tree(Generation *g, const int *p) {
        int switches = 0, hosts = 0;

        /* One of a single branch is a line, however deep; more depth than that is too large. */
        if (p[0] > 1000) {
                g->too_large = true;
                return;
        }
        (void) add_tree(g, p[0], p[1], &switches, &hosts);
}

/* Where to draw a node, in meshes of the grid. */
static void place_node(Generation *g, size_t node, double x, double y) {
        if (is_over(g))
                return;
        g->t->nodes[node].x = x;
        g->t->nodes[node].y = y;
        g->t->nodes[node].has_position = true;
}

static void add_torus_hosts(Generation *g, size_t to, int x, int y, int hosts) {
        for (int i = 1; i <= hosts && !is_over(g); i++)
                connect_nodes(g,
                              hosts == 1 ? add_node(g, NODE_HOST, "h%dx%d", x, y)
                                         : add_node(g, NODE_HOST, "h%dx%dx%d", x, y, i),
                              to);
}

/* A switch and the only host it has, in the mesh below and to its right; more have no room there,
 * and then none has a place. */
static void place_torus_switch(Generation *g, size_t s, int x, int y, int hosts) {
        if (hosts > 1)
                return;
        place_node(g, s, x, y);
        if (hosts == 1)
                place_node(g, s + 1, x + 0.5, y + 0.5);
}

static void make_torus(Generation *g, const int *p) {
        int width = p[0], height = p[1];
        autofree size_t *s = NULL;

        if ((int64_t) width * height > SIZE_LIMIT) {
                g->too_large = true;
                return;
        }
        s = calloc((size_t) width * (size_t) height, sizeof *s);
        g->failed |= !s;
        for (int i = 0; i < width * height && !is_over(g); i++) {
                s[i] = add_node(g, NODE_BRIDGE, "s%dx%d", i / height + 1, i % height + 1);
                add_torus_hosts(g, s[i], i / height + 1, i % height + 1, p[2]);
                place_torus_switch(g, s[i], i / height + 1, i % height + 1, p[2]);
        }
        for (int i = 0; i < width * height && !is_over(g); i++) {
                int x = i / height, y = i % height;

                connect_nodes(g, s[i], s[x * height + (y + 1) % height]);
                connect_nodes(g, s[i], s[(x + 1) % width * height + y]);
        }
}

static void make_ring(Generation *g, const int *p) {
        size_t first = 0, last = 0;

        for (int i = 1; i <= p[0] && !is_over(g); i++) {
                size_t s = add_switch(g, i, p[1]);

                if (i == 1)
                        first = s;
                else
                        connect_nodes(g, last, s);
                last = s;
        }
        connect_nodes(g, last, first);
}

static void make_star(Generation *g, const int *p) {
        size_t middle = add_node(g, NODE_BRIDGE, "s1");

        for (int i = 1; i <= p[0] && !is_over(g); i++)
                connect_nodes(g, add_switch(g, i + 1, p[1]), middle);
}

static void make_mesh(Generation *g, const int *p) {
        autofree size_t *s = calloc((size_t) p[0], sizeof *s);

        g->failed |= !s;
        for (int i = 0; i < p[0] && !is_over(g); i++) {
                s[i] = add_switch(g, i + 1, p[1]);
                for (int k = 0; k < i; k++)
                        connect_nodes(g, s[k], s[i]);
        }
}

/* Al-Fares et al., SIGCOMM 2008: k pods of k/2 edge and k/2 aggregation switches, (k/2)² cores, of
 * which the n-th aggregation switch of every pod has the n-th k/2. */
static void make_fat_tree(Generation *g, const int *p) {
        int k = p[0], half = k / 2, hosts = 0;
        autofree size_t *cores = calloc((size_t) half * (size_t) half, sizeof *cores),
                        *aggregations = calloc((size_t) half, sizeof *aggregations);

        g->failed |= !cores || !aggregations;
        for (int i = 0; i < half * half && !is_over(g); i++)
                cores[i] = add_node(g, NODE_BRIDGE, "core%d", i + 1);
        for (int pod = 1; pod <= k && !is_over(g); pod++) {
                for (int i = 0; i < half; i++) {
                        aggregations[i] = add_node(g, NODE_BRIDGE, "agg%dx%d", pod, i + 1);
                        for (int c = 0; c < half; c++)
                                connect_nodes(g, aggregations[i], cores[i * half + c]);
                }
                for (int i = 1; i <= half && !is_over(g); i++) {
                        size_t edge = add_node(g, NODE_BRIDGE, "edge%dx%d", pod, i);

                        for (int a = 0; a < half; a++)
                                connect_nodes(g, edge, aggregations[a]);
                        add_numbered_hosts(g, edge, &hosts, half);
                }
        }
}

/* Of three stages, folded: every leaf has a link to every spine. */
static void make_clos(Generation *g, const int *p) {
        autofree size_t *spines = calloc((size_t) p[0], sizeof *spines);
        int hosts = 0;

        g->failed |= !spines;
        for (int i = 0; i < p[0] && !is_over(g); i++)
                spines[i] = add_node(g, NODE_BRIDGE, "spine%d", i + 1);
        for (int i = 1; i <= p[1] && !is_over(g); i++) {
                size_t leaf = add_node(g, NODE_BRIDGE, "leaf%d", i);

                for (int s = 0; s < p[0]; s++)
                        connect_nodes(g, leaf, spines[s]);
                add_numbered_hosts(g, leaf, &hosts, p[2]);
        }
}

const Generator generators[] = {
        { "single", "[HOSTS]", "one switch with hosts", { 2 }, { 1 }, make_single },
        { "linear",
          "[SWITCHES [HOSTS]]",
          "switches in a line, each with hosts",
          { 2, 1 },
          { 1, 1 },
          make_linear },
        { "tree",
          "[DEPTH [FANOUT]]",
          "a tree of switches whose leaves are hosts",
          { 1, 2 },
          { 1, 1 },
          make_tree },
        { "torus",
          "[WIDTH [HEIGHT [HOSTS]]]",
          "a grid of switches closed in both directions, each with hosts",
          { 3, 3, 1 },
          { 3, 3, 1 },
          make_torus },
        { "ring",
          "[SWITCHES [HOSTS]]",
          "switches in a ring, each with hosts",
          { 4, 1 },
          { 3, 1 },
          make_ring },
        { "star",
          "[SWITCHES [HOSTS]]",
          "switches around one in the middle, each with hosts",
          { 4, 1 },
          { 1, 1 },
          make_star },
        { "mesh",
          "[SWITCHES [HOSTS]]",
          "switches each linked to every other, each with hosts",
          { 4, 1 },
          { 2, 1 },
          make_mesh },
        { "fat-tree", "[K]", "k-ary fat tree: K³/4 hosts, K even", { 4 }, { 2 }, make_fat_tree },
        { "clos",
          "[SPINES [LEAVES [HOSTS]]]",
          "spines, leaves linked to every spine, hosts at each leaf",
          { 2, 4, 2 },
          { 1, 1, 1 },
          make_clos },
        {},
};

static const Generator *find_generator(const char *kind, Err *err) {
        autofree char *all = NULL;
        autostrv names = NULL;
        const char *near;
        int r;

        for (const Generator *g = generators; g->name; g++) {
                if (str_equal(g->name, kind))
                        return g;
                if (strv_add(&names, g->name) < 0)
                        return NULL;
        }
        near = nearest_name(kind, (const char *const *) names);
        all = strv_join(names, ", ");
        r = near ? refuse(err, EINVAL, "there is no topology '%s'; did you mean '%s'?", kind, near)
                 : refuse(err, EINVAL, "there is no topology '%s'", kind);
        (void) err_hint(err, r, "there are %s", all ? all : "others");
        return NULL;
}

static int complete(const Generator *g, const int *parameters, size_t n,
                    int ret[GENERATOR_PARAMETERS], Err *err) {
        for (size_t i = 0; i < n; i++)
                if (i >= GENERATOR_PARAMETERS || g->least[i] == 0)
                        return err_hint(err,
                                        refuse(err, EINVAL,
                                               "'%s' takes at most %zu parameter%s, not %zu",
                                               g->name, i, i == 1 ? "" : "s", n),
                                        "it is %s %s: %s", g->name, g->parameters, g->help);
        for (size_t i = 0; i < GENERATOR_PARAMETERS; i++) {
                ret[i] = i < n ? parameters[i] : g->defaults[i];
                if (ret[i] < g->least[i])
                        return err_hint(err,
                                        refuse(err, EINVAL,
                                               "parameter %zu of '%s' is at least %d, not %d",
                                               i + 1, g->name, g->least[i], ret[i]),
                                        "it is %s %s: %s", g->name, g->parameters, g->help);
        }
        if (g->make == make_fat_tree && ret[0] % 2 != 0)
                return refuse(err, EINVAL, "a fat tree's K is even, not %d", ret[0]);
        return 0;
}

int topology_generate(const char *kind, const int *parameters, size_t n, Topology **ret, Err *err) {
        const Generator *generator = find_generator(kind, err);
        int complete_parameters[GENERATOR_PARAMETERS], r;
        autoptr(Topology) t = topology_new();
        Generation g = { .t = t };

        if (!generator || !t)
                return err && err->code ? err->code : fail(err, ENOMEM, "cannot make a topology");
        r = complete(generator, parameters, n, complete_parameters, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < GENERATOR_PARAMETERS; i++)
                g.too_large |= complete_parameters[i] > SIZE_LIMIT;
        if (!g.too_large)
                generator->make(&g, complete_parameters);
        if (g.too_large)
                return refuse(err, E2BIG, "a topology has at most %d nodes and as many links",
                              SIZE_LIMIT);
        if (g.failed || topology_set_switches(t, NODE_BRIDGE) < 0 || str_set(&t->name, kind) < 0)
                return fail(err, ENOMEM, "cannot make a topology");
        *ret = take_ptr(t);
        return 0;
}
