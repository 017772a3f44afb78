/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "topology/reshape.h"

/* ---- names ---- */

/* Latin letters of U+00C0 to U+00FF without their marks; what has two letters or none is left
 * out. */
static const char latin[] = "AAAAAA-CEEEEIIIIDNOOOOO-OUUUUY--aaaaaa-ceeeeiiiidnooooo-ouuuuy-y";

char *topology_host_name(const char *wish) {
        autostr s = {};
        size_t length;
        char last = '-';

        for (; *wish && s.length < NODE_NAME_MAX - 8; wish += length) {
                unsigned char first = (unsigned char) wish[0];
                char c = '-';

                length = str_utf8_length(wish, strlen(wish));
                if (length == 2 && first == 0xc3)
                        c = latin[(unsigned char) wish[1] - 0x80];
                else if (length == 1 &&
                         strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_",
                                first))
                        c = first == '_' && s.length == 0 ? '-' : (char) first;
                if (length == 0)
                        length = 1;
                if (c != '-' || last != '-')
                        str_put_char(&s, c);
                last = c;
        }
        while (s.length > 0 && s.text[s.length - 1] == '-')
                s.text[--s.length] = '\0';
        if (s.length == 0)
                str_put(&s, "node");
        return str_take(&s);
}

char *topology_unique_name(const Topology *t, const char *wish) {
        char *name = topology_host_name(wish);
        autofree char *base = name ? strdup(name) : NULL;

        for (size_t i = 2; base && name && topology_find_node(t, name) >= 0; i++) {
                free(name);
                name = str_format("%s-%zu", base, i);
        }
        if (!base) {
                free(name);
                return NULL;
        }
        return name;
}

/* ---- switches ---- */

static int add_own_hosts(Topology *t, size_t node, int hosts) {
        for (int i = 1; i <= hosts; i++) {
                autofree char *wish = hosts == 1 ? str_format("%s-h", t->nodes[node].name)
                                                 : str_format("%s-h%d", t->nodes[node].name, i);
                autofree char *name = wish ? topology_unique_name(t, wish) : NULL;
                ssize_t host = name ? topology_add_node(t, name, NODE_HOST) : -ENOMEM;

                if (host < 0 || topology_add_link(t, (size_t) host, NULL, node, NULL) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int topology_populate(Topology *t, int hosts) {
        size_t n = t->n_nodes;

        for (size_t i = 0; i < n; i++) {
                t->nodes[i].kind = NODE_BRIDGE;
                if (add_own_hosts(t, i, hosts) < 0)
                        return -ENOMEM;
        }
        return topology_set_switches(t, NODE_BRIDGE) < 0 ? -ENOMEM : 0;
}

/* Root of a node's set, paths halved on the way. */
static size_t root_of(size_t *parents, size_t i) {
        while (parents[i] != i)
                i = parents[i] = parents[parents[i]];
        return i;
}

int topology_has_loops(const Topology *t) {
        autofree size_t *parents = calloc(t->n_nodes + 1, sizeof *parents);

        if (!parents)
                return -ENOMEM;
        for (size_t i = 0; i < t->n_nodes; i++)
                parents[i] = i;
        for (size_t i = 0; i < t->n_links; i++) {
                size_t a = t->links[i].sides[0].node, b = t->links[i].sides[1].node;

                if (!node_is_switch(&t->nodes[a]) || !node_is_switch(&t->nodes[b]))
                        continue;
                a = root_of(parents, a);
                b = root_of(parents, b);
                if (a == b)
                        return 1;
                parents[a] = b;
        }
        return 0;
}

int topology_set_switches(Topology *t, NodeKind kind) {
        int loop = topology_has_loops(t);

        for (size_t i = 0; loop >= 0 && i < t->n_nodes; i++) {
                Node *n = &t->nodes[i];

                if (!node_is_switch(n))
                        continue;
                n->kind = kind;
                n->stp = loop && kind == NODE_BRIDGE;
        }
        return loop;
}

/* ---- distances ---- */

#define EARTH_KM        6371.0
#define FIBRE_NS_PER_KM 5000.0

static bool coordinates(const Node *n, double *ret_latitude, double *ret_longitude) {
        const char *latitude = strv_env_get(n->labels, "latitude"),
                   *longitude = strv_env_get(n->labels, "longitude");

        if (!latitude || !longitude)
                return false;
        *ret_latitude = strtod(latitude, NULL) * M_PI / 180;
        *ret_longitude = strtod(longitude, NULL) * M_PI / 180;
        return isfinite(*ret_latitude) && isfinite(*ret_longitude);
}

/* Along a great circle, by the haversine formula. */
static bool distance_km(const Node *a, const Node *b, double *ret) {
        double latitude[2], longitude[2], half[2], h;

        if (!coordinates(a, &latitude[0], &longitude[0]) ||
            !coordinates(b, &latitude[1], &longitude[1]))
                return false;
        half[0] = sin((latitude[1] - latitude[0]) / 2);
        half[1] = sin((longitude[1] - longitude[0]) / 2);
        h = half[0] * half[0] + cos(latitude[0]) * cos(latitude[1]) * half[1] * half[1];
        *ret = 2 * EARTH_KM * asin(sqrt(h < 1 ? h : 1));
        return true;
}

size_t topology_delay_by_distance(Topology *t) {
        size_t unknown = 0;

        for (size_t i = 0; i < t->n_links; i++) {
                TopologyLink *l = &t->links[i];
                double km;

                if (!distance_km(&t->nodes[l->sides[0].node], &t->nodes[l->sides[1].node], &km)) {
                        unknown++;
                        continue;
                }
                for (int end = 0; end < 2; end++)
                        if (l->quality[end].delay_ns == 0)
                                l->quality[end].delay_ns =
                                        (int64_t) (km * FIBRE_NS_PER_KM / 1000 + 0.5) * 1000;
        }
        return unknown;
}
