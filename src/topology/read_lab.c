/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * lab.yml, and Containerlab's .clab.yml, whose schema it extends
 *
 * A node is what "defaults", its kind, its group and it itself say, in that order:
 * words replace each other, lists and maps add up.
 */

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "topology/read.h"
#include "topology/read_internal.h"
#include "topology/uplink.h"

/* ---- nodes ---- */

typedef struct Sources {
        const YamlValue *defaults, *kinds, *groups;
} Sources;

static const char *text_of(const YamlValue *map, const char *key) {
        const YamlValue *v = yaml_get(map, key);

        return v && v->kind == YAML_SCALAR ? v->text : NULL;
}

/* Its kind, and how the one who says it calls it; a host if nobody does. */
static int find_kind(const Topology *t, const YamlValue *const maps[3], const char **ret_name,
                     Err *err) {
        for (int i = 0; i < 3; i++) {
                int kind = read_kind(t, maps[i], err);

                if (kind == -ENOENT)
                        continue;
                *ret_name = text_of(maps[i], "kind");
                return kind;
        }
        *ret_name = node_kind_names[NODE_HOST];
        return NODE_HOST;
}

static int add_node(Topology *t, const Sources *s, const char *name, int line, const YamlValue *map,
                    Err *err) {
        const char *group_name = text_of(map, "group"), *kind_name;
        const YamlValue *group, *order[4];
        ssize_t index;
        int kind, r = yaml_is_null(map) ? 0 : need_map(t, map, "a node", err);

        if (r < 0)
                return r;
        if (!group_name)
                group_name = text_of(s->defaults, "group");
        group = group_name ? yaml_get(s->groups, group_name) : NULL;
        kind = find_kind(t, (const YamlValue *const[]){ map, group, s->defaults }, &kind_name, err);
        if (kind < 0)
                return kind;
        index = topology_add_node(t, name, (NodeKind) kind);
        if (index < 0)
                return no_memory(err);
        t->nodes[index].line = line;
        order[0] = s->defaults;
        order[1] = yaml_get(s->kinds, kind_name);
        order[2] = group;
        order[3] = map;
        for (int i = 0; r >= 0 && i < 4; i++)
                if (!yaml_is_null(order[i]))
                        r = read_node(t, &t->nodes[index], order[i], err);
        return r;
}

static int read_nodes(Topology *t, const Sources *s, const YamlValue *map, Err *err) {
        int r = need_map(t, map, "nodes", err);

        for (size_t i = 0; r >= 0 && i < map->n; i++)
                r = add_node(t, s, map->keys[i], map->key_lines[i], map->items[i], err);
        return r;
}

static int read_interface(Topology *t, Interface *i, const YamlValue *map, Err *err) {
        int r = need_map(t, map, "an interface", err);

        for (size_t k = 0; r >= 0 && k < map->n; k++) {
                const char *key = map->keys[k];

                if (str_equal(key, "mac"))
                        r = read_mac(t, map->items[k], i, err);
                else if (str_equal(key, "ipv4") || str_equal(key, "ipv6"))
                        r = read_addresses(t, map->items[k],
                                           str_equal(key, "ipv4") ? AF_INET : AF_INET6, i, err);
                else
                        r = topology_refuse(t, map->key_lines[k], err,
                                            "an interface has no key '%s': mac, ipv4 and ipv6 are",
                                            key);
        }
        return r;
}

static int read_interfaces(Topology *t, const YamlValue *nodes, Err *err) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < nodes->n; i++) {
                const YamlValue *map = yaml_get(nodes->items[i], "interfaces");
                ssize_t node = topology_find_node(t, nodes->keys[i]);

                for (size_t k = 0; r >= 0 && map && k < map->n; k++) {
                        ssize_t found = topology_find_interface(&t->nodes[node], map->keys[k]);

                        if (found < 0)
                                return topology_refuse(t, map->key_lines[k], err,
                                                       "no link ends at '%s:%s'", nodes->keys[i],
                                                       map->keys[k]);
                        r = read_interface(t, &t->nodes[node].interfaces[found], map->items[k],
                                           err);
                }
        }
        return r;
}

static const char *const topology_keys[] = {
        "nodes", "links", "kinds", "defaults", "groups", NULL
};

static int read_topology(Topology *t, void *into, const YamlValue *v, Err *err) {
        const Sources s = { yaml_get(v, "defaults"), yaml_get(v, "kinds"), yaml_get(v, "groups") };
        const YamlValue *nodes = yaml_get(v, "nodes"), *links = yaml_get(v, "links");
        int r = need_map(t, v, "topology", err);

        (void) into;
        for (size_t i = 0; r >= 0 && i < v->n; i++)
                if (!strv_has((char *const *) topology_keys, v->keys[i]))
                        r = topology_refuse(t, v->key_lines[i], err,
                                            "topology has no key '%s': nodes, links, kinds, "
                                            "defaults and groups are",
                                            v->keys[i]);
        if (r >= 0 && !nodes)
                r = topology_refuse(t, v->line, err, "there are no nodes");
        if (r >= 0)
                r = read_nodes(t, &s, nodes, err);
        if (r >= 0 && !yaml_is_null(links))
                r = read_links(t, links, err);
        if (r >= 0)
                r = read_interfaces(t, nodes, err);
        return r;
}

/* ---- steps and uplinks ---- */

static int add_setting(Topology *t, char ***settings, const char *key, const YamlValue *v,
                       Err *err) {
        if (v->kind == YAML_SCALAR)
                return strv_addf(settings, "%s=%s", key, v->text) < 0 ? no_memory(err) : 0;
        for (size_t i = 0; v->kind == YAML_LIST && i < v->n; i++) {
                int r = need_text(t, v->items[i], key, err);

                if (r < 0)
                        return r;
                if (strv_addf(settings, "%s=%s", key, v->items[i]->text) < 0)
                        return no_memory(err);
        }
        return v->kind == YAML_MAP ? need_text(t, v, key, err) : 0;
}

/* "pingall", or "ping: {from: a, to: b}", or "exec: …" with one word, which is its "value". */
static int read_step(Topology *t, const YamlValue *v, const char *name, Step *step, Err *err) {
        const YamlValue *settings = v->kind == YAML_MAP && v->n == 1 ? v->items[0] : NULL;
        int r = 0;

        step->line = v->line;
        if (v->kind == YAML_LIST || (v->kind == YAML_MAP && v->n != 1))
                return topology_refuse(t, v->line, err,
                                       "an entry of '%s' is one word, or one with its settings",
                                       name);
        if (str_set(&step->kind, settings ? v->keys[0] : v->text) < 0)
                return no_memory(err);
        if (yaml_is_null(settings))
                return 0;
        if (settings->kind != YAML_MAP)
                return add_setting(t, &step->settings, "value", settings, err);
        for (size_t i = 0; r >= 0 && i < settings->n; i++)
                r = add_setting(t, &step->settings, settings->keys[i], settings->items[i], err);
        return r;
}

static int read_steps(Topology *t, const YamlValue *list, const char *name, Step **steps, size_t *n,
                      Err *err) {
        int r = need_list(t, list, name, err);

        for (size_t i = 0; r >= 0 && i < list->n; i++) {
                Step *step = json_grow(steps, n, sizeof *step);

                r = step ? read_step(t, list->items[i], name, step, err) : no_memory(err);
        }
        return r;
}

static int read_tests(Topology *t, void *into, const YamlValue *v, Err *err) {
        (void) into;
        return read_steps(t, v, "tests", &t->tests, &t->n_tests, err);
}

static int read_measurements(Topology *t, void *into, const YamlValue *v, Err *err) {
        (void) into;
        return read_steps(t, v, "measurements", &t->measurements, &t->n_measurements, err);
}

static int read_uplinks(Topology *t, const YamlValue *list, Err *err) {
        int r = need_list(t, list, "uplinks", err);

        for (size_t i = 0; r >= 0 && i < list->n; i++) {
                const YamlValue *v = list->items[i];
                const char *kind = text_of(v, "kind"), *node = text_of(v, "node");
                ssize_t index;
                Uplink *u;

                if (!kind || !node)
                        return topology_refuse(t, v->line, err, "an uplink has a kind and a node");
                index = topology_find_node(t, node);
                if (index < 0)
                        return topology_refuse(t, v->line, err, "there is no node '%s'", node);
                u = topology_add_uplink(t, kind, (size_t) index, text_of(v, "interface"), v->line);
                if (!u)
                        return no_memory(err);
                for (size_t k = 0; r >= 0 && k < v->n; k++)
                        if (!strv_has((char *[]){ (char *) "kind", (char *) "node",
                                                  (char *) "interface", NULL },
                                      v->keys[k]))
                                r = add_setting(t, &u->settings, v->keys[k], v->items[k], err);
        }
        return r;
}

/* The nodes that they name come with "topology", wherever that stands. */
static int read_uplinks_later(Topology *t, void *into, const YamlValue *v, Err *err) {
        (void) into;
        return need_list(t, v, "uplinks", err);
}

/* ---- the whole ---- */

static int read_seed(Topology *t, void *into, const YamlValue *v, Err *err) {
        (void) into;
        if (v->kind != YAML_SCALAR || parse_u64(v->text, &t->seed) < 0)
                return topology_refuse(t, v->line, err, "the seed must be a whole number");
        t->has_seed = true;
        return 0;
}

static int read_pool(Topology *t, const YamlValue *v, int family, Address *ret, Err *err) {
        int r = read_address(t, v, family, ret, err);

        addr_mask(ret);
        return r;
}

static int read_pool4(Topology *t, void *into, const YamlValue *v, Err *err) {
        (void) into;
        return read_pool(t, v, AF_INET, &t->pool, err);
}

static int read_pool6(Topology *t, void *into, const YamlValue *v, Err *err) {
        (void) into;
        return read_pool(t, v, AF_INET6, &t->pool6, err);
}

static int read_pools(Topology *t, void *into, const YamlValue *v, Err *err) {
        static const Key keys[] = { { "ipv4", KEY_CALL, 0, read_pool4 },
                                    { "ipv6", KEY_CALL, 0, read_pool6 },
                                    {} };

        t->no_addresses = v->kind == YAML_SCALAR && str_equal(v->text, "none");
        return t->no_addresses ? 0 : read_keys(t, keys, "addresses", v, into, err);
}

static int read_management4(Topology *t, void *into, const YamlValue *v, Err *err) {
        (void) into;
        return read_pool(t, v, AF_INET, &t->management_net, err);
}

static int read_management6(Topology *t, void *into, const YamlValue *v, Err *err) {
        (void) into;
        return read_pool(t, v, AF_INET6, &t->management_net6, err);
}

static int read_management(Topology *t, void *into, const YamlValue *v, Err *err) {
        static const Key keys[] = {
                { "network", KEY_TEXT, offsetof(Topology, management_name), NULL },
                { "interface", KEY_TEXT, offsetof(Topology, management_interface), NULL },
                { "ipv4-subnet", KEY_CALL, 0, read_management4 },
                { "ipv6-subnet", KEY_CALL, 0, read_management6 },
                { "ipv4_subnet", KEY_CALL, 0, read_management4 },
                { "ipv6_subnet", KEY_CALL, 0, read_management6 },
                { "bridge", KEY_NOTED, 0, NULL },
                { "ipv4-gw", KEY_NOTED, 0, NULL },
                { "ipv6-gw", KEY_NOTED, 0, NULL },
                { "ipv4-range", KEY_NOTED, 0, NULL },
                { "ipv6-range", KEY_NOTED, 0, NULL },
                { "mtu", KEY_NOTED, 0, NULL },
                { "external-access", KEY_FLAG, offsetof(Topology, external_access), NULL },
                {},
        };

        t->management = true;
        return read_keys(t, keys, "mgmt", v, into, err);
}

int topology_read_lab(const char *text, size_t size, const char *file, Topology *t, Err *err) {
        static const Key keys[] = {
                { "name", KEY_TEXT, offsetof(Topology, name), NULL },
                { "seed", KEY_CALL, 0, read_seed },
                { "addresses", KEY_CALL, 0, read_pools },
                { "mgmt", KEY_CALL, 0, read_management },
                { "topology", KEY_CALL, 0, read_topology },
                { "uplinks", KEY_CALL, 0, read_uplinks_later },
                { "tests", KEY_CALL, 0, read_tests },
                { "measurements", KEY_CALL, 0, read_measurements },
                { "prefix", KEY_NOTED, 0, NULL },
                { "settings", KEY_NOTED, 0, NULL },
                { "debug", KEY_NOTED, 0, NULL },
                {},
        };
        autoptr(YamlValue) v = NULL;
        const YamlValue *uplinks;
        int r;

        if (str_set(&t->file, file) < 0)
                return no_memory(err);
        r = yaml_read(text, size, file, &v, err);
        if (r < 0)
                return r;
        if (!yaml_get(v, "topology"))
                return topology_refuse(t, v->line, err, "there is no 'topology'");
        r = read_keys(t, keys, "a lab", v, t, err);
        uplinks = yaml_get(v, "uplinks");
        if (r >= 0 && uplinks)
                r = read_uplinks(t, uplinks, err);
        return r >= 0 && topology_name_uplinks(t) < 0 ? no_memory(err) : r;
}
