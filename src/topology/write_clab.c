/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Containerlab's topology file
 *
 * Hosts and routers are of its kind linux, a router with the sysctls that make one.  A switch is a
 * bridge of the host's, which has to exist, so its ports have names that are one on the whole host.
 * Routes and what a link has no room for become commands.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "topology/write.h"
#include "topology/write_yaml.h"
#include "topology/yaml.h"

#define NS_PER_SECOND 1000000000LL

/* ---- names of ports ---- */

/* "s1-eth0" where that is short enough. */
static char *port_name(const Topology *t, size_t link, int end) {
        const TopologyLink *l = &t->links[link];
        const Node *n = &t->nodes[l->sides[end].node];
        char *name = str_format("%s-%s", n->name, topology_interface(t, l->sides[end])->name);

        if (name && strlen(name) > INTERFACE_NAME_MAX) {
                free(name);
                name = str_format("port%zu%c", link, "ab"[end]);
        }
        return name;
}

static char *interface_name(const Topology *t, size_t link, int end) {
        const LinkSide *side = &t->links[link].sides[end];

        return node_is_switch(&t->nodes[side->node]) ? port_name(t, link, end)
                                                     : strdup(topology_interface(t, *side)->name);
}

/* ---- nodes ---- */

/* As one line that a shell would split into the same words. */
static char *shell_words(char *const *words) {
        autostr s = {};

        strv_foreach(word, words) {
                str_put(&s, word == (char **) words ? "" : " ");
                if (**word && !(*word)[strspn(*word, "abcdefghijklmnopqrstuvwxyz"
                                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                                     "_-./:=,@%+")]) {
                        str_put(&s, *word);
                        continue;
                }
                str_put(&s, "'");
                for (const char *c = *word; *c; c++)
                        if (*c == '\'')
                                str_put(&s, "'\\''");
                        else
                                str_put_char(&s, *c);
                str_put(&s, "'");
        }
        return str_take(&s);
}

/* "default via 10.0.0.1" of the family that it has. */
static int add_routes(const Node *n, char ***commands) {
        int r = 0;

        strv_foreach(route, n->routes)
                if (r >= 0)
                        r = strv_addf(commands, "ip%s route add %s",
                                      strchr(*route, ':') ? " -6" : "", *route);
        return r;
}

/* Addresses beyond the first of a family at an interface. */
static int add_addresses(const Node *n, char ***commands) {
        for (size_t i = 0; i < n->n_interfaces; i++) {
                const Interface *in = &n->interfaces[i];
                size_t seen[2] = { 0, 0 };

                for (size_t k = 0; k < in->n_addresses; k++) {
                        const Address *a = &in->addresses[k];
                        char text[INET6_ADDRSTRLEN];

                        if (seen[a->family == AF_INET6]++ == 0)
                                continue;
                        addr_text(a, text);
                        if (strv_addf(commands, "ip addr add %s/%d dev %s", text, a->prefix,
                                      in->name) < 0)
                                return -ENOMEM;
                }
        }
        return 0;
}

/* Containerlab runs commands without a shell. */
static int add_exec(const Node *n, char ***commands) {
        int r = 0;

        strv_foreach(line, n->exec) {
                const char *const shell[] = { "sh", "-c", *line, NULL };
                bool simple = !(*line)[strspn(*line, "abcdefghijklmnopqrstuvwxyz"
                                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                                     " _-./:=,@%+")];

                if (r >= 0)
                        r = simple ? strv_add(commands, *line)
                                   : strv_take(commands, shell_words((char *const *) shell));
        }
        return r;
}

static void put_exec(Str *s, const Node *n) {
        autostrv commands = NULL;

        if (add_addresses(n, &commands) < 0 || add_routes(n, &commands) < 0 ||
            add_exec(n, &commands) < 0)
                s->failed = true;
        yaml_put_entries(s, 6, "exec", commands);
}

static void put_sysctls(Str *s, const Node *n) {
        static const char *const forwarding[] = { "net.ipv4.ip_forward=1",
                                                  "net.ipv6.conf.all.forwarding=1" };
        autostrv sysctls = NULL;

        if (n->kind == NODE_ROUTER)
                for (int i = 0; i < 2; i++)
                        s->failed |= strv_env_set(&sysctls, forwarding[i]) < 0;
        strv_foreach(sysctl, n->sysctls)
                s->failed |= strv_env_set(&sysctls, *sysctl) < 0;
        yaml_put_pairs(s, 6, "sysctls", sysctls);
}

/* At least one second where there is something. */
static uint64_t seconds(int64_t ns) {
        return ns > 0 ? (uint64_t) ((ns + NS_PER_SECOND - 1) / NS_PER_SECOND) : 0;
}

static void put_health(Str *s, const HealthCheck *h) {
        autostrv test = NULL;

        if (!h->test)
                return;
        s->failed |= strv_add(&test, "CMD") < 0 || strv_extend(&test, h->test) < 0;
        str_put(s, "      healthcheck:\n");
        yaml_put_entries(s, 8, "test", test);
        yaml_put_number(s, 8, "interval", seconds(h->interval_ns));
        yaml_put_number(s, 8, "timeout", seconds(h->timeout_ns));
        yaml_put_number(s, 8, "start-period", seconds(h->start_period_ns));
        yaml_put_number(s, 8, "retries", (uint64_t) h->retries);
}

static void put_waits(Str *s, const Node *n) {
        if (n->n_waits > 0)
                str_put(s, "      stages:\n        create:\n          wait-for:\n");
        for (size_t i = 0; i < n->n_waits; i++) {
                str_put(s, "            - node: ");
                yaml_put_text(s, n->waits[i].node);
                str_put(s, "\n");
                yaml_put_entry(s, 14, "stage", n->waits[i].stage);
        }
}

/* Where its own drawings have the node. */
static void put_labels(Str *s, const Node *n) {
        autostrv labels = NULL;
        const double place[] = { n->x, n->y };

        s->failed |= strv_copy(n->labels, &labels) < 0;
        for (int i = 0; i < 2 && n->has_position; i++) {
                autofree char *text = NULL;
                autostr number = {};

                yaml_put_real(&number, place[i]);
                text = str_take(&number);
                s->failed |= !text || strv_addf(&labels, "graph-pos%c=%s", "XY"[i], text) < 0;
        }
        yaml_put_pairs(s, 6, "labels", labels);
}

/* eth0 is the management network's, unless there is none. */
static bool takes_eth0(const Node *n) {
        return topology_find_interface(n, "eth0") >= 0;
}

static bool is_managed(const Topology *t, const Node *n) {
        return (t->management || n->ports) && !n->no_management && !takes_eth0(n);
}

static void put_management(Str *s, const Topology *t, const Node *n) {
        char text[INET6_ADDRSTRLEN];

        if (!is_managed(t, n)) {
                yaml_put_entry(s, 6, "network-mode", "none");
                return;
        }
        if (n->management.family) {
                addr_text(&n->management, text);
                yaml_put_entry(s, 6, "mgmt-ipv4", text);
        }
        if (n->management6.family) {
                addr_text(&n->management6, text);
                yaml_put_entry(s, 6, "mgmt-ipv6", text);
        }
}

static void put_limits(Str *s, const Node *n) {
        if (n->cpus > 0) {
                yaml_put_key(s, 6, "cpu");
                str_put(s, " ");
                yaml_put_real(s, n->cpus);
                str_put(s, "\n");
        }
        yaml_put_entry(s, 6, "cpu-set", n->cpuset);
        if (n->memory) {
                /* Its units without an i are powers of 1000. */
                uint64_t bytes = n->memory;
                const char *unit = "B";

                if (bytes % 1048576 == 0) {
                        bytes /= 1048576;
                        unit = "MiB";
                }
                yaml_put_key(s, 6, "memory");
                str_printf(s, " %ju%s\n", (uintmax_t) bytes, unit);
        }
}

static void put_linux(Str *s, const Topology *t, const Node *n) {
        autofree char *cmd = n->cmd ? shell_words(n->cmd) : NULL;

        s->failed |= n->cmd && !cmd;
        yaml_put_entry(s, 6, "kind", "linux");
        yaml_put_entry(s, 6, "group", n->group);
        yaml_put_entry(s, 6, "image", n->image);
        yaml_put_entry(s, 6, "entrypoint", n->entrypoint);
        yaml_put_entry(s, 6, "cmd", cmd);
        yaml_put_entry(s, 6, "user", n->user);
        yaml_put_pairs(s, 6, "env", n->env);
        yaml_put_entries(s, 6, "binds", n->binds);
        yaml_put_entries(s, 6, "ports", n->ports);
        yaml_put_entries(s, 6, "cap-add", n->cap_add);
        put_sysctls(s, n);
        put_exec(s, n);
        if (n->dns) {
                str_put(s, "      dns:\n");
                yaml_put_entries(s, 8, "servers", n->dns);
        }
        put_limits(s, n);
        put_management(s, t, n);
        yaml_put_number(s, 6, "startup-delay", seconds(n->startup_delay_ns));
        put_waits(s, n);
        put_health(s, &n->health);
}

static void put_node(Str *s, const Topology *t, const Node *n) {
        yaml_put_key(s, 4, n->name);
        str_put(s, "\n");
        if (node_is_switch(n))
                yaml_put_entry(s, 6, "kind", node_kind_names[n->kind]);
        else
                put_linux(s, t, n);
        put_labels(s, n);
}

/* ---- links ---- */

static const Address *first_address(const Interface *i, int family) {
        for (size_t k = 0; k < i->n_addresses; k++)
                if (i->addresses[k].family == family)
                        return &i->addresses[k];
        return NULL;
}

/* Whether the short form can say it: no MAC address, and addresses of a family at both ends or
 * none. */
static bool is_short(const Interface *a, const Interface *b) {
        return !a->has_mac && !b->has_mac &&
               !first_address(a, AF_INET) == !first_address(b, AF_INET) &&
               !first_address(a, AF_INET6) == !first_address(b, AF_INET6);
}

/* "endpoints: [A, B]", with addresses in the same order. */
static void put_short_ends(Str *s, const Topology *t, const TopologyLink *l, char *const names[2]) {
        static const int families[] = { AF_INET, AF_INET6 };

        str_put(s, "    - endpoints: [");
        for (int end = 0; end < 2; end++) {
                autofree char *text =
                        str_format("%s:%s", t->nodes[l->sides[end].node].name, names[end]);

                s->failed |= !text;
                str_put(s, end ? ", " : "");
                yaml_put_text(s, text ? text : "");
        }
        str_put(s, "]\n");
        for (int i = 0; i < 2; i++) {
                const Address *a = first_address(topology_interface(t, l->sides[0]), families[i]);
                const Address *b = first_address(topology_interface(t, l->sides[1]), families[i]);

                if (!a || !b)
                        continue;
                str_put(s, i ? "      ipv6: [" : "      ipv4: [");
                yaml_put_address(s, a);
                str_put(s, ", ");
                yaml_put_address(s, b);
                str_put(s, "]\n");
        }
}

/* The long form. */
static void put_long_ends(Str *s, const Topology *t, const TopologyLink *l, char *const names[2]) {
        str_put(s, "    - type: veth\n      endpoints:\n");
        for (int end = 0; end < 2; end++) {
                const Interface *i = topology_interface(t, l->sides[end]);
                const Address *a = first_address(i, AF_INET), *b = first_address(i, AF_INET6);
                const uint8_t *m = i->mac;

                str_put(s, "        - node: ");
                yaml_put_text(s, t->nodes[l->sides[end].node].name);
                str_put(s, "\n");
                yaml_put_entry(s, 10, "interface", names[end]);
                if (i->has_mac)
                        str_printf(s, "          mac: \"%02x:%02x:%02x:%02x:%02x:%02x\"\n", m[0],
                                   m[1], m[2], m[3], m[4], m[5]);
                if (a)
                        yaml_put_net(s, 10, "ipv4", a);
                if (b)
                        yaml_put_net(s, 10, "ipv6", b);
        }
}

static void put_link(Str *s, const Topology *t, size_t link) {
        const TopologyLink *l = &t->links[link];
        autofree char *a = interface_name(t, link, 0), *b = interface_name(t, link, 1);
        char *const names[2] = { a, b };

        if (!a || !b) {
                s->failed = true;
                return;
        }
        if (is_short(topology_interface(t, l->sides[0]), topology_interface(t, l->sides[1])))
                put_short_ends(s, t, l, names);
        else
                put_long_ends(s, t, l, names);
        yaml_put_number(s, 6, "mtu", l->mtu);
        yaml_put_pairs(s, 6, "labels", l->labels);
}

/* ---- notes ---- */

static int note_differences(const Topology *t, char ***notes) {
        size_t light = 0, switches = 0, eth0 = 0, spans = 0;
        int r = 0;

        for (size_t i = 0; i < t->n_nodes; i++) {
                const Node *n = &t->nodes[i];

                switches += node_is_switch(n);
                light += !node_is_switch(n) && !n->image;
                eth0 += !node_is_switch(n) && (t->management || n->ports) && !n->no_management &&
                        takes_eth0(n);
                spans += n->startup_delay_ns % NS_PER_SECOND ||
                         n->health.interval_ns % NS_PER_SECOND ||
                         n->health.timeout_ns % NS_PER_SECOND ||
                         n->health.start_period_ns % NS_PER_SECOND;
        }
        if (light > 0)
                r = strv_addf(notes,
                              "Containerlab needs an image for every node; nodes without: %zu",
                              light);
        if (r >= 0 && switches > 0)
                r = strv_addf(notes,
                              "Containerlab's switches are bridges of the host that have to exist, "
                              "and their ports are renamed; switches: %zu",
                              switches);
        if (r >= 0 && eth0 > 0)
                r = strv_addf(notes,
                              "Containerlab's eth0 is the management network's; nodes with a link "
                              "there, which are not in that network: %zu",
                              eth0);
        if (r >= 0 && spans > 0)
                r = strv_addf(notes,
                              "Containerlab counts whole seconds; nodes with spans that became "
                              "longer: %zu",
                              spans);
        return r;
}

int topology_write_clab(const Topology *t, Str *out, char ***notes) {
        static const char *const kept[] = { "image",         "entrypoint",
                                            "cmd",           "env",
                                            "labels",        "binds",
                                            "ports",         "exec",
                                            "sysctls",       "routes",
                                            "cap-add",       "dns",
                                            "user",          "group",
                                            "cpu-set",       "stages",
                                            "healthcheck",   "cpu",
                                            "memory",        "mgmt-ipv4, mgmt-ipv6 or network-mode",
                                            "startup-delay", "position",
                                            "mac",           "mgmt",
                                            "addresses",     "labels of links",
                                            "loops",         NULL };
        int r;

        yaml_put_entry(out, 0, "name", t->name);
        if (t->management &&
            (t->management_name || t->management_net.family || t->management_net6.family)) {
                str_put(out, "mgmt:\n");
                yaml_put_entry(out, 2, "network", t->management_name);
                yaml_put_net(out, 2, "ipv4-subnet", &t->management_net);
                yaml_put_net(out, 2, "ipv6-subnet", &t->management_net6);
        }
        str_put(out, "topology:\n  nodes:\n");
        for (size_t i = 0; i < t->n_nodes; i++)
                put_node(out, t, &t->nodes[i]);
        if (t->n_links > 0)
                str_put(out, "  links:\n");
        for (size_t i = 0; i < t->n_links; i++)
                put_link(out, t, i);
        r = note_differences(t, notes);
        return r < 0 ? r : topology_note_lost(t, "Containerlab", kept, notes);
}
