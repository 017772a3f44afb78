/* SPDX-License-Identifier: GPL-2.0-or-later */

/* lab.yml, from a topology; read_lab.c and its neighbours are the other direction. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "topology/write.h"
#include "topology/write_yaml.h"
#include "topology/yaml.h"

/* ---- nodes ---- */

static void put_waits(Str *s, const Node *n) {
        if (n->n_waits == 0)
                return;
        str_put(s, "      stages:\n        create:\n          wait-for:\n");
        for (size_t i = 0; i < n->n_waits; i++) {
                str_put(s, "            - {node: ");
                yaml_put_text(s, n->waits[i].node);
                str_put(s, ", stage: ");
                yaml_put_text(s, n->waits[i].stage);
                str_put(s, "}\n");
        }
}

/* The vector goes with Containerlab's and Docker's CMD before it, so that no word of its own is
 * taken for that. */
static void put_health(Str *s, const HealthCheck *h) {
        autostrv test = NULL;

        if (!h->test)
                return;
        if (strv_add(&test, "CMD") < 0 || strv_extend(&test, h->test) < 0)
                s->failed = true;
        str_put(s, "      healthcheck:\n");
        yaml_put_entries(s, 8, "test", test);
        yaml_put_span(s, 8, "interval", h->interval_ns);
        yaml_put_span(s, 8, "timeout", h->timeout_ns);
        yaml_put_span(s, 8, "start-period", h->start_period_ns);
        yaml_put_number(s, 8, "retries", (uint64_t) h->retries);
}

static size_t count_family(const Interface *i, int family) {
        size_t n = 0;

        for (size_t k = 0; k < i->n_addresses; k++)
                n += i->addresses[k].family == family;
        return n;
}

/* A link has room for one address of each family at each end. */
static bool has_many(const Interface *i) {
        return count_family(i, AF_INET) > 1 || count_family(i, AF_INET6) > 1;
}

static void put_family(Str *s, const Interface *i, int family) {
        size_t n = 0;

        if (count_family(i, family) == 0)
                return;
        yaml_put_key(s, 10, family == AF_INET ? "ipv4" : "ipv6");
        for (size_t k = 0; k < i->n_addresses; k++)
                if (i->addresses[k].family == family) {
                        str_put(s, n++ ? ", " : " [");
                        yaml_put_address(s, &i->addresses[k]);
                }
        str_put(s, "]\n");
}

static void put_interfaces(Str *s, const Node *n) {
        bool begun = false;

        for (size_t k = 0; k < n->n_interfaces; k++) {
                const Interface *i = &n->interfaces[k];
                const uint8_t *m = i->mac;

                if (!i->has_mac && !has_many(i))
                        continue;
                if (!begun)
                        str_put(s, "      interfaces:\n");
                begun = true;
                yaml_put_key(s, 8, i->name);
                str_put(s, "\n");
                if (i->has_mac)
                        str_printf(s, "          mac: \"%02x:%02x:%02x:%02x:%02x:%02x\"\n", m[0],
                                   m[1], m[2], m[3], m[4], m[5]);
                if (has_many(i)) {
                        put_family(s, i, AF_INET);
                        put_family(s, i, AF_INET6);
                }
        }
}

static void put_position(Str *s, const Node *n) {
        if (!n->has_position)
                return;
        str_put(s, "      position: [");
        yaml_put_real(s, n->x);
        str_put(s, ", ");
        yaml_put_real(s, n->y);
        str_put(s, "]\n");
}

static void put_container(Str *s, const Node *n) {
        yaml_put_entry(s, 6, "image", n->image);
        yaml_put_entry(s, 6, "entrypoint", n->entrypoint);
        yaml_put_entries(s, 6, "cmd", n->cmd);
        yaml_put_entry(s, 6, "user", n->user);
        yaml_put_entry(s, 6, "workdir", n->workdir);
        yaml_put_pairs(s, 6, "env", n->env);
        yaml_put_entries(s, 6, "binds", n->binds);
        yaml_put_entries(s, 6, "ports", n->ports);
        yaml_put_entries(s, 6, "cap-add", n->cap_add);
        yaml_put_pairs(s, 6, "sysctls", n->sysctls);
        yaml_put_entries(s, 6, "routes", n->routes);
        yaml_put_entries(s, 6, "exec", n->exec);
        if (n->dns) {
                str_put(s, "      dns:\n");
                yaml_put_entries(s, 8, "servers", n->dns);
        }
        if (n->cpus > 0) {
                str_put(s, "      cpu: ");
                yaml_put_real(s, n->cpus);
                str_put(s, "\n");
        }
        yaml_put_entry(s, 6, "cpu-set", n->cpuset);
        yaml_put_size(s, 6, "memory", n->memory);
        yaml_put_number(s, 6, "pids", n->pids);
}

static void put_node(Str *s, const Node *n) {
        yaml_put_key(s, 4, n->name);
        str_put(s, "\n");
        if (n->kind != NODE_HOST)
                yaml_put_entry(s, 6, "kind", node_kind_names[n->kind]);
        yaml_put_entry(s, 6, "group", n->group);
        put_container(s, n);
        yaml_put_pairs(s, 6, "labels", n->labels);
        if (n->no_management)
                yaml_put_entry(s, 6, "network-mode", "none");
        yaml_put_net(s, 6, "mgmt-ipv4", &n->management);
        yaml_put_net(s, 6, "mgmt-ipv6", &n->management6);
        yaml_put_span(s, 6, "startup-delay", n->startup_delay_ns);
        put_waits(s, n);
        put_health(s, &n->health);
        yaml_put_flag(s, 6, "stp", n->stp);
        yaml_put_flag(s, 6, "vlan-filtering", n->vlan_filtering);
        yaml_put_entries(s, 6, "controllers", n->controllers);
        yaml_put_entry(s, 6, "protocols", n->protocols);
        yaml_put_entry(s, 6, "dpid", n->dpid);
        yaml_put_entry(s, 6, "fail-mode", n->fail_mode);
        put_position(s, n);
        put_interfaces(s, n);
}

/* ---- links ---- */

static void put_setting(Str *s, int indent, const char *setting) {
        size_t n = strcspn(setting, "=");
        autofree char *key = strndup(setting, n);

        if (!key)
                s->failed = true;
        else
                yaml_put_entry(s, indent, key, setting + n + 1);
}

/* What both directions have goes to the link itself, the rest to each direction. */
static void put_quality(Str *s, const TopologyLink *l) {
        static const char *const names[] = { "a-to-b", "b-to-a" };
        autostrv a = NULL;
        autostrv b = NULL;
        char **settings[2];

        if (quality_settings(&l->quality[0], &a) < 0 || quality_settings(&l->quality[1], &b) < 0) {
                s->failed = true;
                return;
        }
        settings[0] = a;
        settings[1] = b;
        strv_foreach(setting, a)
                if (strv_has(b, *setting))
                        put_setting(s, 6, *setting);
        for (int end = 0; end < 2; end++) {
                bool begun = false;

                strv_foreach(setting, settings[end]) {
                        if (strv_has(settings[!end], *setting))
                                continue;
                        if (!begun)
                                str_printf(s, "      %s:\n", names[end]);
                        begun = true;
                        put_setting(s, 8, *setting);
                }
        }
}

static void put_link_addresses(Str *s, const Topology *t, const TopologyLink *l, int family) {
        const Address *found[2] = { NULL, NULL };

        for (int end = 0; end < 2; end++) {
                const Interface *i = topology_interface(t, l->sides[end]);

                for (size_t k = 0; k < i->n_addresses && !has_many(i); k++)
                        if (i->addresses[k].family == family)
                                found[end] = &i->addresses[k];
        }
        if (!found[0] && !found[1])
                return;
        yaml_put_key(s, 6, family == AF_INET ? "ipv4" : "ipv6");
        for (int end = 0; end < 2; end++) {
                str_put(s, end ? ", " : " [");
                if (found[end])
                        yaml_put_address(s, found[end]);
                else
                        str_put(s, "~");
        }
        str_put(s, "]\n");
}

static char *end_words(const Topology *t, LinkSide side) {
        return str_format("%s:%s", t->nodes[side.node].name, topology_interface(t, side)->name);
}

static void put_link(Str *s, const Topology *t, const TopologyLink *l) {
        autofree char *a = end_words(t, l->sides[0]), *b = end_words(t, l->sides[1]);
        autofree char *name = a && b ? str_format("%s--%s", a, b) : NULL;

        if (!name) {
                s->failed = true;
                return;
        }
        str_put(s, "    - endpoints: [");
        yaml_put_text(s, a);
        str_put(s, ", ");
        yaml_put_text(s, b);
        str_put(s, "]\n");
        if (!str_equal(name, l->name))
                yaml_put_entry(s, 6, "name", l->name);
        put_link_addresses(s, t, l, AF_INET);
        put_link_addresses(s, t, l, AF_INET6);
        yaml_put_number(s, 6, "mtu", l->mtu);
        yaml_put_entry(s, 6, "engine", l->engine);
        yaml_put_pairs(s, 6, "labels", l->labels);
        put_quality(s, l);
}

/* ---- uplinks, tests, measurements ---- */

static size_t key_length(const char *setting) {
        return strcspn(setting, "=");
}

static bool same_key(const char *a, const char *b) {
        return key_length(a) == key_length(b) && strncmp(a, b, key_length(a)) == 0;
}

/* Values of one key that is there several times are a list. */
static void put_settings(Str *s, int indent, char **settings) {
        for (char **setting = settings; setting && *setting; setting++) {
                autostrv values = NULL;
                autofree char *key = strndup(*setting, key_length(*setting));
                bool before = false;

                for (char **other = settings; other < setting; other++)
                        before |= same_key(*other, *setting);
                if (before)
                        continue;
                for (char **other = setting; *other; other++)
                        if (same_key(*other, *setting) &&
                            strv_add(&values, *other + key_length(*other) + 1) < 0)
                                s->failed = true;
                if (!key || !values)
                        s->failed = true;
                else if (values[1])
                        yaml_put_entries(s, indent, key, values);
                else
                        yaml_put_entry(s, indent, key, values[0]);
        }
}

static void put_steps(Str *s, const char *name, const Step *steps, size_t n) {
        if (n > 0)
                str_printf(s, "%s:\n", name);
        for (size_t i = 0; i < n; i++) {
                str_put(s, "  - ");
                yaml_put_text(s, steps[i].kind);
                str_put(s, steps[i].settings ? ":\n" : "\n");
                put_settings(s, 6, steps[i].settings);
        }
}

static void put_uplinks(Str *s, const Topology *t) {
        if (t->n_uplinks > 0)
                str_put(s, "uplinks:\n");
        for (size_t i = 0; i < t->n_uplinks; i++) {
                const Uplink *u = &t->uplinks[i];

                str_put(s, "  - kind: ");
                yaml_put_text(s, u->kind);
                str_put(s, "\n");
                yaml_put_entry(s, 4, "node", t->nodes[u->node].name);
                yaml_put_entry(s, 4, "interface", u->interface);
                put_settings(s, 4, u->settings);
        }
}

/* ---- the whole ---- */

static void put_addresses(Str *s, const Topology *t) {
        if (t->no_addresses)
                yaml_put_entry(s, 0, "addresses", "none");
        else if (t->pool.family || t->pool6.family) {
                str_put(s, "addresses:\n");
                yaml_put_net(s, 2, "ipv4", &t->pool);
                yaml_put_net(s, 2, "ipv6", &t->pool6);
        }
}

static void put_management(Str *s, const Topology *t) {
        if (!t->management)
                return;
        str_put(s, "mgmt:\n");
        yaml_put_entry(s, 2, "network", t->management_name);
        yaml_put_entry(s, 2, "interface", t->management_interface);
        yaml_put_net(s, 2, "ipv4-subnet", &t->management_net);
        yaml_put_net(s, 2, "ipv6-subnet", &t->management_net6);
        yaml_put_flag(s, 2, "external-access", t->external_access);
}

void topology_write_lab(const Topology *t, Str *out) {
        yaml_put_entry(out, 0, "name", t->name);
        if (t->has_seed)
                str_printf(out, "seed: %ju\n", (uintmax_t) t->seed);
        put_addresses(out, t);
        put_management(out, t);
        str_printf(out, "topology:\n  nodes:%s\n", t->n_nodes ? "" : " {}");
        for (size_t i = 0; i < t->n_nodes; i++)
                put_node(out, &t->nodes[i]);
        if (t->n_links > 0)
                str_put(out, "  links:\n");
        for (size_t i = 0; i < t->n_links; i++)
                put_link(out, t, &t->links[i]);
        put_uplinks(out, t);
        put_steps(out, "tests", t->tests, t->n_tests);
        put_steps(out, "measurements", t->measurements, t->n_measurements);
}
