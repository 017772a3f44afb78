/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Containerlab's links that lead out of the lab, which are uplinks here
 *
 *   endpoints: ["n:eth1", "host:x"]         a cable to the host's network, called x there
 *   endpoints: ["n:eth1", "macvlan:eno1"]   another interface on eno1
 *   {type: host, endpoint: …, host-interface: x}   and so on, the same with keys of its own
 *
 * vxlan-stitch differs from vxlan in where Containerlab puts the device, not in what the node sees.
 */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "topology/read_internal.h"
#include "topology/uplink.h"

#define CLAB_VXLAN_PORT "14789" /* where Containerlab says none: links/link_vxlan.go */

static const struct Outside {
        const char *type; /* also the word in the place of a node */
        const char *kind; /* of uplink; NULL: it is refused, */
        const char *hint; /* with this */
} outsides[] = {
        { "host", "host", NULL },
        { "macvlan", "macvlan", NULL },
        { "vxlan", "vxlan", NULL },
        { "vxlan-stitch", "vxlan", NULL },
        { "mgmt-net", NULL,
          "with 'mgmt' every node has an interface in the management network already" },
        { "dummy", NULL, "leave it away, or lead the link to a bridge without other ports" },
};

static const struct Outside *find_outside(const char *type) {
        for (size_t i = 0; i < sizeof outsides / sizeof *outsides; i++)
                if (str_equal(outsides[i].type, type))
                        return &outsides[i];
        return NULL;
}

static const char *text_of(const YamlValue *map, const char *key) {
        const YamlValue *v = yaml_get(map, key);

        return v && v->kind == YAML_SCALAR ? v->text : NULL;
}

/* The word before the colon of a brief endpoint that is no node. */
static const struct Outside *outside_end(const Topology *t, const YamlValue *v) {
        autofree char *name = NULL;

        if (v->kind != YAML_SCALAR)
                return NULL;
        name = strndup(v->text, strcspn(v->text, ":"));
        return name && topology_find_node(t, name) < 0 ? find_outside(name) : NULL;
}

bool link_leads_outside(const Topology *t, const YamlValue *map) {
        const YamlValue *endpoints = yaml_get(map, "endpoints");
        const char *type = text_of(map, "type");

        if (type && !str_equal(type, "veth"))
                return true;
        for (size_t i = 0; endpoints && endpoints->kind == YAML_LIST && i < endpoints->n; i++)
                if (outside_end(t, endpoints->items[i]))
                        return true;
        return false;
}

static int refuse_outside(const Topology *t, int line, const char *type,
                          const struct Outside *outside, Err *err) {
        return err_hint(err, topology_refuse(t, line, err, "a link of type '%s' is not made", type),
                        "%s",
                        outside ? outside->hint
                                : "links are veth, host, macvlan, vxlan and vxlan-stitch; "
                                  "'uplinks' in isola-lab(5) are the other ways out");
}

/* ---- settings ---- */

static int set(Uplink *u, const char *key, const char *value) {
        return strv_addf(&u->settings, "%s=%s", key, value);
}

/* One word or a list. */
static int set_all(const Topology *t, Uplink *u, const char *key, const YamlValue *v, Err *err) {
        size_t n = v->kind == YAML_LIST ? v->n : 1;

        for (size_t i = 0; i < n; i++) {
                const YamlValue *one = v->kind == YAML_LIST ? v->items[i] : v;
                int r = yaml_is_null(one) ? 0 : need_text(t, one, key, err);

                if (r < 0)
                        return r;
                if (!yaml_is_null(one) && *one->text && set(u, key, one->text) < 0)
                        return no_memory(err);
        }
        return 0;
}

/* "ipv4: [A, B]" of a brief link: one for each end. */
static int set_both(const Topology *t, Uplink *u, const char *key, int inside, const YamlValue *v,
                    Err *err) {
        autofree char *host_key = str_format("host-%s", key);
        int r = need_list(t, v, "addresses of a link", err);

        if (!host_key)
                return no_memory(err);
        if (r >= 0 && v->n > 2)
                r = topology_refuse(t, v->line, err, "a link has two ends, not %zu", v->n);
        for (size_t end = 0; r >= 0 && end < v->n; end++)
                r = set_all(t, u, (int) end == inside ? key : host_key, v->items[end], err);
        return r;
}

static int set_key(Topology *t, Uplink *u, const char *key, int line, const YamlValue *v,
                   Err *err) {
        static const char *const renamed[][2] = {
                { "host-interface", "device" },
                { "parent-interface", "device" },
                { "udp-port", "port" },
                { "dst-port", "port" },
                { "mode", "mode" },
                { "remote", "remote" },
                { "vni", "vni" },
                { "mtu", "mtu" },
        };
        static const char *const noted[] = { "labels",    "vars",      "src-port", "no-learning",
                                             "no-l2miss", "no-l3miss", NULL };

        for (size_t i = 0; i < sizeof renamed / sizeof *renamed; i++)
                if (str_equal(renamed[i][0], key))
                        return set_all(t, u, renamed[i][1], v, err);
        if (strv_has((char *const *) noted, key))
                return add_note(t, line, "'%s' of a link out of the lab is not carried out", key) <
                                       0
                               ? no_memory(err)
                               : 0;
        return err_hint(err,
                        topology_refuse(t, line, err, "a link out of the lab has no key '%s'", key),
                        "its quality is that of a link behind it, or of an uplink of kind udp: see "
                        "isola-lab(5)");
}

static int set_keys(Topology *t, Uplink *u, const YamlValue *map, int inside, Err *err) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < map->n; i++) {
                const char *key = map->keys[i];

                if (str_equal(key, "type") || str_equal(key, "endpoint") ||
                    str_equal(key, "endpoints"))
                        continue;
                r = inside >= 0 && (str_equal(key, "ipv4") || str_equal(key, "ipv6"))
                            ? set_both(t, u, key, inside, map->items[i], err)
                            : set_key(t, u, key, map->key_lines[i], map->items[i], err);
        }
        return r;
}

static int set_side(const Topology *t, Uplink *u, const Side *side, Err *err) {
        int r = side->mac ? set_all(t, u, "mac", side->mac, err) : 0;

        if (r >= 0 && side->ipv4)
                r = set_all(t, u, "ipv4", side->ipv4, err);
        return r >= 0 && side->ipv6 ? set_all(t, u, "ipv6", side->ipv6, err) : r;
}

/* ---- the link ---- */

static int add(Topology *t, const struct Outside *outside, const YamlValue *end, int line,
               Uplink **ret, Err *err) {
        autosides sides[2] = {};
        ssize_t node;
        int r = read_side(t, end, &sides[0], err);

        if (r < 0)
                return r;
        node = find_side_node(t, &sides[0], err);
        if (node < 0)
                return (int) node;
        *ret = topology_add_uplink(t, outside->kind, (size_t) node, sides[0].interface, line);
        return *ret ? set_side(t, *ret, &sides[0], err) : no_memory(err);
}

static int read_brief(Topology *t, const YamlValue *map, const YamlValue *endpoints, Err *err) {
        int inside = outside_end(t, endpoints->items[0]) ? 1 : 0, r;
        const YamlValue *out = endpoints->items[!inside];
        const struct Outside *outside = outside_end(t, out);
        const char *name = strchr(out->text, ':');
        Uplink *u;

        if (!outside->kind || str_equal(outside->kind, "vxlan"))
                return refuse_outside(t, out->line, outside->type, outside->kind ? NULL : outside,
                                      err);
        if (!name || !name[1])
                return topology_refuse(t, out->line, err,
                                       "'%s' names no interface of the host: say %s:INTERFACE",
                                       out->text, outside->type);
        r = add(t, outside, endpoints->items[inside], map->line, &u, err);
        if (r >= 0 && set(u, "device", name + 1) < 0)
                r = no_memory(err);
        return r < 0 ? r : set_keys(t, u, map, inside, err);
}

int read_outside_link(Topology *t, const YamlValue *map, Err *err) {
        const YamlValue *endpoints = yaml_get(map, "endpoints"), *end = yaml_get(map, "endpoint");
        const char *type = text_of(map, "type");
        const struct Outside *outside;
        Uplink *u;
        int r;

        if ((!type || str_equal(type, "veth")) && endpoints && endpoints->kind == YAML_LIST &&
            endpoints->n == 2)
                return read_brief(t, map, endpoints, err);
        outside = type ? find_outside(type) : NULL;
        if (!outside || !outside->kind)
                return refuse_outside(t, map->line, type ? type : "?", outside, err);
        if (!end)
                return topology_refuse(t, map->line, err,
                                       "a link of type '%s' has an endpoint, its end in the lab",
                                       type);
        r = add(t, outside, end, map->line, &u, err);
        if (r >= 0)
                r = set_keys(t, u, map, -1, err);
        if (r >= 0 && str_equal(outside->kind, "vxlan") && !strv_env_get(u->settings, "port") &&
            set(u, "port", CLAB_VXLAN_PORT) < 0)
                r = no_memory(err);
        return r;
}
