/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/size.h"
#include "base/str.h"
#include "topology/diff.h"
#include "topology/management.h"
#include "topology/uplink.h"

void change_list_clear(ChangeList *list) {
        for (size_t i = 0; i < list->n_changes; i++)
                free(list->changes[i].what);
        free(list->changes);
}

/* Takes @what over. */
static int add(ChangeList *list, ChangeKind kind, size_t before, size_t after, int direction,
               char *what) {
        Change *c = json_grow(&list->changes, &list->n_changes, sizeof *c);

        if (!c) {
                free(what);
                return -ENOMEM;
        }
        *c = (Change){
                .kind = kind, .before = before, .after = after, .direction = direction, .what = what
        };
        return 0;
}

/* ---- nodes ---- */

static const char *shown(const char *text) {
        return str_empty(text) ? "nothing" : text;
}

/* What is compared, and what it takes where it is not the same. */
typedef struct Difference {
        Str what;
        unsigned effects;
} Difference;

static int differ(Difference *d, const char *name, const char *before, const char *after,
                  unsigned effects) {
        if (str_equal(str_empty(before) ? "" : before, str_empty(after) ? "" : after))
                return 0;
        str_printf(&d->what, "%s%s: %s, then %s", d->what.length ? "; " : "", name, shown(before),
                   shown(after));
        d->effects |= effects;
        return d->what.failed ? -ENOMEM : 0;
}

static int differ_list(Difference *d, const char *name, char *const *before, char *const *after,
                       unsigned effects) {
        autofree char *a = strv_join(before, " "), *b = strv_join(after, " ");

        return a && b ? differ(d, name, a, b, effects) : -ENOMEM;
}

static int differ_number(Difference *d, const char *name, double before, double after,
                         unsigned effects) {
        autofree char *a = str_format("%g", before), *b = str_format("%g", after);

        return a && b ? differ(d, name, a, b, effects) : -ENOMEM;
}

/* What only its program sees: that of a light node runs in the node's first process. */
static unsigned of_program(const Node *a, const Node *b) {
        return a->image ? EFFECT_RESTART : a->cmd || b->cmd ? EFFECT_REBUILD : 0;
}

/* What a light node has not. */
static unsigned of_container(const Node *a) {
        return a->image ? EFFECT_RESTART : 0;
}

/* A light node that had none is in the lab's common control group. */
static unsigned of_limits(const Node *a) {
        return a->image ? EFFECT_RESTART
               : a->cpus > 0 || a->memory > 0 || a->pids > 0 || !str_empty(a->cpuset)
                       ? EFFECT_LIMITS
                       : EFFECT_REBUILD;
}

static unsigned of_switch(const Node *a) {
        return a->kind == NODE_OVS_BRIDGE ? EFFECT_SWITCH : EFFECT_NETWORK;
}

static int compare_texts(Difference *d, const Node *a, const Node *b) {
        const struct {
                const char *name, *before, *after;
                unsigned effects;
        } texts[] = {
                { "kind", node_kind_names[a->kind], node_kind_names[b->kind], EFFECT_REBUILD },
                { "image", a->image, b->image,
                  a->image && b->image ? EFFECT_RESTART : EFFECT_REBUILD },
                { "entrypoint", a->entrypoint, b->entrypoint, of_container(a) },
                { "user", a->user, b->user, of_container(a) },
                { "workdir", a->workdir, b->workdir, of_program(a, b) },
                { "group", a->group, b->group, 0 },
                /* No way back from one to all of them. */
                { "cpu-set", a->cpuset, b->cpuset,
                  str_empty(b->cpuset) && !a->image ? EFFECT_REBUILD : of_limits(a) },
                { "protocols", a->protocols, b->protocols, EFFECT_SWITCH },
                { "dpid", a->dpid, b->dpid, EFFECT_SWITCH },
                { "fail-mode", a->fail_mode, b->fail_mode, EFFECT_SWITCH },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < sizeof texts / sizeof *texts; i++)
                r = differ(d, texts[i].name, texts[i].before, texts[i].after, texts[i].effects);
        return r;
}

/* One that is not said any more has a value that nobody knows. */
static unsigned of_sysctls(const Node *a, const Node *b) {
        unsigned effects = EFFECT_SYSCTLS;

        strv_foreach(setting, a->sysctls) {
                autofree char *key = strndup(*setting, strcspn(*setting, "="));

                if (!key || !strv_env_get(b->sysctls, key))
                        effects = EFFECT_REBUILD;
        }
        for (int i = 0; i < 2; i++)
                strv_foreach(setting, i ? b->sysctls : a->sysctls)
                        if (a->image && !str_after(*setting, "net."))
                                effects |= EFFECT_RESTART;
        return effects;
}

static int compare_lists(Difference *d, const Node *a, const Node *b) {
        const struct {
                const char *name;
                char *const *before, *const *after;
                unsigned effects;
        } lists[] = {
                { "cmd", a->cmd, b->cmd, of_program(a, b) },
                { "env", a->env, b->env, of_program(a, b) },
                { "labels", a->labels, b->labels, of_container(a) },
                { "binds", a->binds, b->binds, a->image ? EFFECT_RESTART : EFFECT_REBUILD },
                { "ports", a->ports, b->ports, 0 },
                { "exec", a->exec, b->exec, EFFECT_EXEC },
                { "sysctls", a->sysctls, b->sysctls, of_sysctls(a, b) },
                { "routes", a->routes, b->routes, EFFECT_NETWORK },
                { "cap-add", a->cap_add, b->cap_add, of_container(a) },
                { "dns", a->dns, b->dns, of_container(a) },
                { "health check", a->health.test, b->health.test, 0 },
                { "controllers", a->controllers, b->controllers, EFFECT_SWITCH },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < sizeof lists / sizeof *lists; i++)
                r = differ_list(d, lists[i].name, lists[i].before, lists[i].after,
                                lists[i].effects);
        return r;
}

static int differ_size(Difference *d, const char *name, uint64_t before, uint64_t after,
                       unsigned effects) {
        autofree char *a = size_words(before), *b = size_words(after);

        if (before != after && a && b && str_equal(a, b)) {
                free(a);
                free(b);
                a = str_format("%ju", (uintmax_t) before);
                b = str_format("%ju", (uintmax_t) after);
        }
        return a && b ? differ(d, name, before ? a : NULL, after ? b : NULL, effects) : -ENOMEM;
}

static int compare_numbers(Difference *d, const Node *a, const Node *b) {
        const struct {
                const char *name;
                double before, after;
                unsigned effects;
        } numbers[] = {
                { "cpu", a->cpus, b->cpus, of_limits(a) },
                { "pids", (double) a->pids, (double) b->pids, of_limits(a) },
                { "stp", a->stp, b->stp,
                  a->kind == NODE_OVS_BRIDGE ? EFFECT_REBUILD : of_switch(a) },
                { "vlan-filtering", a->vlan_filtering, b->vlan_filtering, of_switch(a) },
        };
        int r = differ_size(d, "memory", a->memory, b->memory, of_limits(a));

        for (size_t i = 0; r >= 0 && i < sizeof numbers / sizeof *numbers; i++)
                r = differ_number(d, numbers[i].name, numbers[i].before, numbers[i].after,
                                  numbers[i].effects);
        return r;
}

static int compare_management(Difference *d, const Topology *t, const Node *a, const Topology *u,
                              const Node *b) {
        const struct {
                const Topology *t;
                const Node *n;
        } sides[] = { { t, a }, { u, b } };
        char words[2][2 * INET6_ADDRSTRLEN + 2] = { "", "" };

        for (int i = 0; i < 2; i++)
                if (node_is_managed(sides[i].t, sides[i].n)) {
                        addr_text(&sides[i].n->management, words[i]);
                        strcat(words[i], " ");
                        addr_text(&sides[i].n->management6, words[i] + strlen(words[i]));
                }
        return differ(d, "management", words[0], words[1], EFFECT_NETWORK);
}

/* 1 if they are not the same. */
static int compare_node(const Topology *t, const Node *a, const Topology *u, const Node *b,
                        Difference *d) {
        int r = compare_texts(d, a, b);

        if (r >= 0)
                r = compare_lists(d, a, b);
        if (r >= 0)
                r = compare_numbers(d, a, b);
        if (r >= 0)
                r = compare_management(d, t, a, u, b);
        return r < 0 ? r : d->what.length > 0;
}

static int compare_nodes(const Topology *a, const Topology *b, ChangeList *list) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < a->n_nodes; i++)
                if (topology_find_node(b, a->nodes[i].name) < 0)
                        r = add(list, CHANGE_NODE_REMOVED, i, SIZE_MAX, 0, NULL);
        for (size_t i = 0; r >= 0 && i < b->n_nodes; i++) {
                ssize_t same = topology_find_node(a, b->nodes[i].name);
                Difference d = {};

                if (same < 0) {
                        r = add(list, CHANGE_NODE_ADDED, SIZE_MAX, i, 0, NULL);
                        continue;
                }
                r = compare_node(a, &a->nodes[same], b, &b->nodes[i], &d);
                if (r > 0) {
                        r = add(list, CHANGE_NODE, (size_t) same, i, 0, str_take(&d.what));
                        if (r >= 0)
                                list->changes[list->n_changes - 1].effects = d.effects;
                }
                str_clear(&d.what);
        }
        return r;
}

/* ---- links ---- */

static const Interface *end_of(const Topology *t, const TopologyLink *l, int end) {
        return topology_interface(t, l->sides[end]);
}

ssize_t topology_same_link(const Topology *t, const TopologyLink *l, const Topology *other) {
        ssize_t node = topology_find_node(other, t->nodes[l->sides[0].node].name), i;
        const TopologyLink *found;

        if (node < 0)
                return -ENOENT;
        i = topology_find_interface(&other->nodes[node], end_of(t, l, 0)->name);
        if (i < 0 || other->nodes[node].interfaces[i].end != 0)
                return -ENOENT;
        found = &other->links[other->nodes[node].interfaces[i].link];
        return str_equal(other->nodes[found->sides[1].node].name,
                         t->nodes[l->sides[1].node].name) &&
                               str_equal(end_of(other, found, 1)->name, end_of(t, l, 1)->name)
                       ? (ssize_t) other->nodes[node].interfaces[i].link
                       : -ENOENT;
}

static char *address_words(const Interface *in) {
        autostr s = {};

        for (size_t i = 0; i < in->n_addresses; i++) {
                char text[INET6_ADDRSTRLEN];

                addr_text(&in->addresses[i], text);
                str_printf(&s, "%s%s/%u", i ? " " : "", text, in->addresses[i].prefix);
        }
        return str_take(&s);
}

static int compare_ends(const Topology *a, size_t i, const Topology *b, size_t k,
                        ChangeList *list) {
        int r = 0;

        for (int end = 0; r >= 0 && end < 2; end++) {
                const Interface *x = end_of(a, &a->links[i], end),
                                *y = end_of(b, &b->links[k], end);
                autofree char *before = address_words(x), *after = address_words(y);
                autofree char *q = quality_words(&a->links[i].quality[end]),
                              *p = quality_words(&b->links[k].quality[end]);

                if (!before || !after || !q || !p)
                        return -ENOMEM;
                if (!str_equal(before, after))
                        r = add(list, CHANGE_ADDRESS, i, k, end,
                                str_format("%s, then %s", shown(before), shown(after)));
                if (r >= 0 && !str_equal(q, p))
                        r = add(list, CHANGE_QUALITY, i, k, end,
                                str_format("%s, then %s", *q ? q : "a cable", *p ? p : "a cable"));
        }
        return r;
}

static int compare_link(const Topology *a, size_t i, const Topology *b, size_t k,
                        ChangeList *list) {
        const TopologyLink *x = &a->links[i], *y = &b->links[k];
        Difference d = {};
        int r = differ_number(&d, "mtu", x->mtu ? x->mtu : 1500, y->mtu ? y->mtu : 1500, 0);

        if (r >= 0)
                r = differ(&d, "engine", x->engine, y->engine, 0);
        if (r >= 0)
                r = differ(&d, "name", x->name, y->name, 0);
        if (r >= 0)
                r = differ_list(&d, "labels", x->labels, y->labels, 0);
        for (int end = 0; r >= 0 && end < 2; end++)
                if (memcmp(end_of(a, x, end)->mac, end_of(b, y, end)->mac, 6) != 0)
                        str_printf(&d.what, "%sanother MAC address of %s:%s",
                                   d.what.length ? "; " : "", b->nodes[y->sides[end].node].name,
                                   end_of(b, y, end)->name);
        if (r >= 0 && d.what.length > 0)
                r = add(list, CHANGE_LINK, i, k, 0, str_take(&d.what));
        str_clear(&d.what);
        return r < 0 ? r : compare_ends(a, i, b, k, list);
}

static int compare_links(const Topology *a, const Topology *b, ChangeList *list) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < a->n_links; i++)
                if (topology_same_link(a, &a->links[i], b) < 0)
                        r = add(list, CHANGE_LINK_REMOVED, i, SIZE_MAX, 0, NULL);
        for (size_t k = 0; r >= 0 && k < b->n_links; k++) {
                ssize_t same = topology_same_link(b, &b->links[k], a);

                r = same < 0 ? add(list, CHANGE_LINK_ADDED, SIZE_MAX, k, 0, NULL)
                             : compare_link(a, (size_t) same, b, k, list);
        }
        return r;
}

/* ---- uplinks ---- */

/* The uplink of the other topology that is the same interface of the same node; -ENOENT. */
static ssize_t same_uplink(const Topology *t, const Uplink *u, const Topology *other) {
        for (size_t i = 0; i < other->n_uplinks; i++)
                if (str_equal(other->nodes[other->uplinks[i].node].name, t->nodes[u->node].name) &&
                    str_equal(other->uplinks[i].interface, u->interface))
                        return (ssize_t) i;
        return -ENOENT;
}

static int compare_uplink(const Uplink *a, const Uplink *b, char **ret) {
        Difference d = {};
        int r = differ(&d, "kind", a->kind, b->kind, 0);

        if (r >= 0)
                r = differ_list(&d, "settings", a->settings, b->settings, 0);
        if (r >= 0 && d.what.length > 0) {
                *ret = str_take(&d.what);
                r = *ret ? 0 : -ENOMEM;
        }
        str_clear(&d.what);
        return r;
}

static int compare_uplinks(const Topology *a, const Topology *b, ChangeList *list) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < a->n_uplinks; i++)
                if (same_uplink(a, &a->uplinks[i], b) < 0)
                        r = add(list, CHANGE_UPLINK_REMOVED, i, SIZE_MAX, 0, NULL);
        for (size_t i = 0; r >= 0 && i < b->n_uplinks; i++) {
                ssize_t same = same_uplink(b, &b->uplinks[i], a);
                char *what = NULL;

                if (same < 0)
                        r = add(list, CHANGE_UPLINK_ADDED, SIZE_MAX, i, 0, NULL);
                else {
                        r = compare_uplink(&a->uplinks[same], &b->uplinks[i], &what);
                        if (r >= 0 && what)
                                r = add(list, CHANGE_UPLINK, (size_t) same, i, 0, what);
                }
        }
        return r;
}

/* ---- the lab ---- */

static int put_net(const Topology *t, const Address *net, char text[INET6_ADDRSTRLEN + 8]) {
        *text = '\0';
        if (!t->management || !net->family)
                return 0;
        addr_text(net, text);
        return sprintf(text + strlen(text), "/%u", net->prefix);
}

static int compare_lab(const Topology *a, const Topology *b, ChangeList *list) {
        autofree char *seed = str_format("%ju", (uintmax_t) a->seed),
                      *seed_after = str_format("%ju", (uintmax_t) b->seed);
        const Address *const nets[][2] = { { &a->management_net, &b->management_net },
                                           { &a->management_net6, &b->management_net6 } };
        bool reaches = management_reaches_host(a);
        Difference d = {};
        int r = seed && seed_after ? 0 : -ENOMEM;

        if (r >= 0)
                r = differ(&d, "seed", seed, seed_after, EFFECT_REFUSED);
        if (r >= 0)
                r = differ(&d, "external access", a->external_access ? "yes" : "no",
                           b->external_access ? "yes" : "no", EFFECT_REFUSED);
        if (r >= 0)
                r = differ(&d, "an end of the management network on the host",
                           reaches ? "yes" : "no", management_reaches_host(b) ? "yes" : "no",
                           EFFECT_REFUSED);
        for (int i = 0; r >= 0 && i < 2; i++) {
                char x[INET6_ADDRSTRLEN + 8], y[INET6_ADDRSTRLEN + 8];

                (void) put_net(a, nets[i][0], x);
                (void) put_net(b, nets[i][1], y);
                r = differ(&d, i ? "management network, IPv6" : "management network", x, y,
                           reaches ? EFFECT_REFUSED : EFFECT_NETWORK);
        }
        if (r >= 0 && a->management && b->management)
                r = differ(&d, "management interface", management_interface(a),
                           management_interface(b), EFFECT_NETWORK);
        if (r >= 0 && d.what.length > 0) {
                r = add(list, CHANGE_LAB, SIZE_MAX, SIZE_MAX, 0, str_take(&d.what));
                if (r >= 0)
                        list->changes[list->n_changes - 1].effects = d.effects;
        }
        str_clear(&d.what);
        return r;
}

int topology_diff(const Topology *before, const Topology *after, ChangeList *ret, Err *err) {
        autochangelist list = {};
        int r = compare_lab(before, after, &list);

        if (r >= 0)
                r = compare_nodes(before, after, &list);
        if (r >= 0)
                r = compare_links(before, after, &list);
        if (r >= 0)
                r = compare_uplinks(before, after, &list);
        if (r < 0)
                return fail(err, r, "cannot compare the topologies");
        *ret = list;
        list = (ChangeList){};
        return 0;
}

/* ---- in words ---- */

static char *link_words(const Topology *t, const TopologyLink *l, int from, const char *arrow) {
        return str_format("%s:%s %s %s:%s", t->nodes[l->sides[from].node].name,
                          end_of(t, l, from)->name, arrow, t->nodes[l->sides[!from].node].name,
                          end_of(t, l, !from)->name);
}

static char *uplink_place_words(const Topology *t, const Uplink *u) {
        return str_format("uplink %s:%s", t->nodes[u->node].name, u->interface);
}

static char *uplink_change_words(const Topology *before, const Topology *after, const Change *c) {
        const Topology *t = c->kind == CHANGE_UPLINK_REMOVED ? before : after;
        const Uplink *u = &t->uplinks[t == before ? c->before : c->after];
        autofree char *uplink = uplink_place_words(t, u);

        if (!uplink)
                return NULL;
        return c->kind == CHANGE_UPLINK_REMOVED ? str_format("- %s", uplink)
               : c->kind == CHANGE_UPLINK_ADDED ? str_format("+ %s (%s)", uplink, u->kind)
                                                : str_format("~ %s: %s", uplink, c->what);
}

char *change_words(const Topology *before, const Topology *after, const Change *c) {
        autofree char *link = NULL;
        const Node *node;

        switch (c->kind) {
        case CHANGE_NODE_ADDED:
                node = &after->nodes[c->after];
                return str_format("+ node %s (%s%s%s)", node->name, node_kind_names[node->kind],
                                  node->image ? " of " : "", node->image ? node->image : "");
        case CHANGE_NODE_REMOVED:
                return str_format("- node %s", before->nodes[c->before].name);
        case CHANGE_LAB:
                return str_format("~ lab: %s", c->what);
        case CHANGE_NODE:
                return str_format("~ node %s: %s", after->nodes[c->after].name, c->what);
        case CHANGE_LINK_REMOVED:
                link = link_words(before, &before->links[c->before], 0, "--");
                return link ? str_format("- link %s", link) : NULL;
        case CHANGE_LINK_ADDED:
                link = link_words(after, &after->links[c->after], 0, "--");
                return link ? str_format("+ link %s", link) : NULL;
        case CHANGE_LINK:
                link = link_words(after, &after->links[c->after], 0, "--");
                break;
        case CHANGE_QUALITY:
                link = link_words(after, &after->links[c->after], c->direction, "->");
                break;
        case CHANGE_ADDRESS:
                node = &after->nodes[after->links[c->after].sides[c->direction].node];
                return str_format("~ addresses of %s:%s: %s", node->name,
                                  end_of(after, &after->links[c->after], c->direction)->name,
                                  c->what);
        case CHANGE_UPLINK_ADDED:
        case CHANGE_UPLINK_REMOVED:
        case CHANGE_UPLINK:
                return uplink_change_words(before, after, c);
        }
        return link ? str_format("~ link %s: %s", link, c->what) : NULL;
}
