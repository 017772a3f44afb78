/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The links of a lab.yml. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/nearest.h"
#include "base/str.h"
#include "topology/read_internal.h"

void sides_clear(Side (*sides)[2]) {
        for (int i = 0; i < 2; i++) {
                free((*sides)[i].node);
                free((*sides)[i].interface);
        }
}

/* "node:interface", or a node alone. */
static int split_side(const Topology *t, const YamlValue *v, Side *side, Err *err) {
        const char *colon = strchr(v->text, ':');

        side->line = v->line;
        side->node = colon ? strndup(v->text, (size_t) (colon - v->text)) : strdup(v->text);
        side->interface = colon ? strdup(colon + 1) : NULL;
        if (!side->node || (colon && !side->interface))
                return no_memory(err);
        if (!*side->node || (colon && !*side->interface))
                return topology_refuse(t, v->line, err, "'%s' is not NODE:INTERFACE", v->text);
        return 0;
}

int read_side(Topology *t, const YamlValue *v, Side *side, Err *err) {
        const YamlValue *node = yaml_get(v, "node"), *interface = yaml_get(v, "interface");

        if (v->kind == YAML_SCALAR)
                return split_side(t, v, side, err);
        if (!node || node->kind != YAML_SCALAR || (interface && interface->kind != YAML_SCALAR))
                return topology_refuse(t, v->line, err,
                                       "an endpoint is NODE:INTERFACE, or has a node and an "
                                       "interface");
        for (size_t i = 0; i < v->n; i++)
                if (!strv_has((char *[]){ (char *) "node", (char *) "interface", (char *) "mac",
                                          (char *) "ipv4", (char *) "ipv6", NULL },
                              v->keys[i]))
                        return topology_refuse(t, v->key_lines[i], err,
                                               "an endpoint has no key '%s'", v->keys[i]);
        *side = (Side){ strdup(node->text),  interface ? strdup(interface->text) : NULL,
                        yaml_get(v, "mac"),  yaml_get(v, "ipv4"),
                        yaml_get(v, "ipv6"), v->line };
        return side->node && (!interface || side->interface) ? 0 : no_memory(err);
}

ssize_t find_side_node(const Topology *t, const Side *side, Err *err) {
        ssize_t found = topology_find_node(t, side->node);
        autostrv names = NULL;
        const char *near;

        if (found != -ENOENT)
                return found;
        for (size_t i = 0; i < t->n_nodes; i++)
                if (strv_add(&names, t->nodes[i].name) < 0)
                        return no_memory(err);
        near = names ? nearest_name(side->node, (const char *const *) names) : NULL;
        return near ? topology_refuse(t, side->line, err,
                                      "there is no node '%s'; did you mean '%s'?", side->node, near)
                    : topology_refuse(t, side->line, err, "there is no node '%s'", side->node);
}

int read_mac(const Topology *t, const YamlValue *v, Interface *i, Err *err) {
        int r = need_text(t, v, "mac", err), used = 0;
        uint8_t *m = i->mac;

        if (r < 0)
                return r;
        if (sscanf(v->text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &m[0], &m[1], &m[2], &m[3],
                   &m[4], &m[5], &used) != 6 ||
            v->text[used] || m[0] & 1)
                return topology_refuse(t, v->line, err, "'%s' is no MAC address of one interface",
                                       v->text);
        i->has_mac = true;
        return 0;
}

int read_addresses(const Topology *t, const YamlValue *v, int family, Interface *i, Err *err) {
        size_t n = v->kind == YAML_LIST ? v->n : 1;

        for (size_t k = 0; k < n; k++) {
                const YamlValue *one = v->kind == YAML_LIST ? v->items[k] : v;
                Address a = {};
                int r;

                if (yaml_is_null(one) || str_equal(one->text, ""))
                        continue;
                r = read_address(t, one, family, &a, err);
                if (r < 0)
                        return r;
                if (add_address(i, &a) < 0)
                        return no_memory(err);
        }
        return 0;
}

/* "ipv4: [A, B]" of a link: one for each end. */
static int read_both(Topology *t, TopologyLink *l, const YamlValue *v, int family, Err *err) {
        int r = need_list(t, v, "addresses of a link", err);

        if (r >= 0 && v->n > 2)
                r = topology_refuse(t, v->line, err, "a link has two ends, not %zu", v->n);
        for (size_t end = 0; r >= 0 && end < v->n; end++) {
                LinkSide side = l->sides[end];

                r = read_addresses(t, v->items[end], family,
                                   &t->nodes[side.node].interfaces[side.interface], err);
        }
        return r;
}

/* A schedule as a list: [{at: 10s, delay: 20ms}, …]. */
static char *schedule_words(const YamlValue *v) {
        autostr s = {};

        for (size_t i = 0; i < v->n; i++) {
                const YamlValue *step = v->items[i], *at = yaml_get(step, "at");

                if (!at || at->kind != YAML_SCALAR)
                        return NULL;
                str_printf(&s, "%s%s", i ? "; " : "", at->text);
                for (size_t k = 0; k < step->n; k++)
                        if (step->items[k] != at) {
                                if (step->items[k]->kind != YAML_SCALAR)
                                        return NULL;
                                str_printf(&s, " %s=%s", step->keys[k], step->items[k]->text);
                        }
        }
        return str_take(&s);
}

/* Files of a link are relative to the lab's. */
static char *rooted(const Topology *t, const char *key, const char *text) {
        return t->directory ? quality_rooted(key, text, t->directory) : strdup(text);
}

static int set_quality(Topology *t, Quality *q, const char *key, const YamlValue *v, Err *err) {
        autofree char *text = NULL;
        autoerr why = {};
        int r;

        if (v->kind == YAML_SCALAR)
                text = rooted(t, key, v->text);
        else if (str_equal(key, "schedule") && v->kind == YAML_LIST) {
                text = schedule_words(v);
                if (!text)
                        return topology_refuse(t, v->line, err,
                                               "a schedule is a list of maps with 'at' and "
                                               "properties of the link");
        } else
                return need_text(t, v, key, err);
        if (!text)
                return no_memory(err);
        r = quality_set(q, key, text, &why);
        if (r >= 0)
                return 0;
        r = topology_refuse(t, v->line, err, "%s", why.message ? why.message : "it cannot be set");
        return why.hint ? err_hint(err, r, "%s", why.hint) : r;
}

static bool is_quality(const char *key) {
        return strv_has((char *const *) quality_keys, key);
}

static int read_direction(Topology *t, Quality *q, const YamlValue *v, Err *err) {
        int r = need_map(t, v, "a direction of a link", err);

        for (size_t i = 0; r >= 0 && i < v->n; i++) {
                if (!is_quality(v->keys[i])) {
                        const char *near = nearest_name(v->keys[i], quality_keys);

                        return topology_refuse(t, v->key_lines[i], err,
                                               "a link has no property '%s'%s%s%s", v->keys[i],
                                               near ? "; did you mean '" : "", near ? near : "",
                                               near ? "'?" : "");
                }
                r = set_quality(t, q, v->keys[i], v->items[i], err);
        }
        return r;
}

static const char *const link_keys[] = { "endpoints", "name",   "type",   "mtu",    "ipv4", "ipv6",
                                         "engine",    "labels", "a-to-b", "b-to-a", "vars", NULL };

static int read_engine(Topology *t, TopologyLink *l, const YamlValue *v, Err *err) {
        static const char *const engines[] = { "auto", "kernel", "netem", "wire", NULL };
        int r = need_text(t, v, "engine", err);

        if (r >= 0 && !strv_has((char *const *) engines, v->text))
                return topology_refuse(t, v->line, err,
                                       "'%s' is no engine: auto, kernel, netem or wire", v->text);
        return r < 0 ? r : str_set(&l->engine, v->text) < 0 ? no_memory(err) : 0;
}

static int read_labels(Topology *t, TopologyLink *l, const YamlValue *v, Err *err) {
        static const Key keys[] = { { "labels", KEY_PAIRS, offsetof(TopologyLink, labels), NULL },
                                    {} };
        YamlValue *items[] = { (YamlValue *) v };
        char *names[] = { (char *) "labels" };
        int lines[] = { v->line };
        YamlValue map = { YAML_MAP, v->line, false, NULL, items, names, lines, 1 };

        return read_keys(t, keys, "a link", &map, l, err);
}

static int read_mtu(Topology *t, TopologyLink *l, const YamlValue *v, Err *err) {
        int mtu;

        if (v->kind != YAML_SCALAR || parse_int(v->text, 68, 65535, &mtu) < 0)
                return topology_refuse(t, v->line, err, "an MTU is a number from 68 to 65535");
        l->mtu = (uint32_t) mtu;
        return 0;
}

static int unknown_link_key(const Topology *t, const char *key, int line, Err *err) {
        const char *near = nearest_name(key, link_keys);

        if (!near)
                near = nearest_name(key, quality_keys);
        return topology_refuse(t, line, err, "a link has no key '%s'%s%s%s", key,
                               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int read_link_key(Topology *t, TopologyLink *l, const char *key, int line,
                         const YamlValue *v, Err *err) {
        int r;

        if (is_quality(key)) {
                r = set_quality(t, &l->quality[0], key, v, err);
                return r < 0 ? r : set_quality(t, &l->quality[1], key, v, err);
        }
        if (str_equal(key, "endpoints") || str_equal(key, "type"))
                return 0;
        if (str_equal(key, "a-to-b"))
                return read_direction(t, &l->quality[0], v, err);
        if (str_equal(key, "b-to-a"))
                return read_direction(t, &l->quality[1], v, err);
        if (str_equal(key, "ipv4") || str_equal(key, "ipv6"))
                return read_both(t, l, v, str_equal(key, "ipv4") ? AF_INET : AF_INET6, err);
        if (str_equal(key, "mtu"))
                return read_mtu(t, l, v, err);
        if (str_equal(key, "engine"))
                return read_engine(t, l, v, err);
        if (str_equal(key, "labels"))
                return read_labels(t, l, v, err);
        if (str_equal(key, "vars"))
                return add_note(t, line, "'vars' is not carried out") < 0 ? no_memory(err) : 0;
        if (str_equal(key, "name")) {
                r = need_text(t, v, "name", err);
                return r < 0 ? r : str_set(&l->name, v->text) < 0 ? no_memory(err) : 0;
        }
        return unknown_link_key(t, key, line, err);
}

static int read_details(Topology *t, const Side *side, LinkSide where, Err *err) {
        Interface *i = &t->nodes[where.node].interfaces[where.interface];
        int r = 0;

        if (side->mac)
                r = read_mac(t, side->mac, i, err);
        if (r >= 0 && side->ipv4)
                r = read_addresses(t, side->ipv4, AF_INET, i, err);
        if (r >= 0 && side->ipv6)
                r = read_addresses(t, side->ipv6, AF_INET6, i, err);
        return r;
}

static int read_link(Topology *t, const YamlValue *map, Err *err) {
        const YamlValue *endpoints = yaml_get(map, "endpoints");
        autosides sides[2] = {};
        ssize_t nodes[2], index;
        int r = 0;

        if (link_leads_outside(t, map))
                return read_outside_link(t, map, err);
        if (map->kind != YAML_MAP || !endpoints || endpoints->kind != YAML_LIST ||
            endpoints->n != 2)
                return topology_refuse(t, map->line, err, "a link has two endpoints");
        for (int i = 0; r >= 0 && i < 2; i++) {
                r = read_side(t, endpoints->items[i], &sides[i], err);
                if (r >= 0) {
                        nodes[i] = find_side_node(t, &sides[i], err);
                        r = nodes[i] < 0 ? (int) nodes[i] : 0;
                }
        }
        if (r < 0)
                return r;
        index = topology_add_link(t, (size_t) nodes[0], sides[0].interface, (size_t) nodes[1],
                                  sides[1].interface);
        if (index < 0)
                return no_memory(err);
        t->links[index].line = map->line;
        for (int i = 0; r >= 0 && i < 2; i++)
                r = read_details(t, &sides[i], t->links[index].sides[i], err);
        for (size_t i = 0; r >= 0 && i < map->n; i++)
                r = read_link_key(t, &t->links[index], map->keys[i], map->key_lines[i],
                                  map->items[i], err);
        return r;
}

int read_links(Topology *t, const YamlValue *list, Err *err) {
        int r = need_list(t, list, "links", err);

        for (size_t i = 0; r >= 0 && i < list->n; i++)
                r = read_link(t, list->items[i], err);
        return r;
}
