/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "topology/diff.h"

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
        *c = (Change){ kind, before, after, direction, what };
        return 0;
}

/* ---- nodes ---- */

static const char *shown(const char *text) {
        return str_empty(text) ? "nothing" : text;
}

static int differ(Str *what, const char *name, const char *before, const char *after) {
        if (!str_equal(str_empty(before) ? "" : before, str_empty(after) ? "" : after))
                str_printf(what, "%s%s: %s, then %s", what->length ? "; " : "", name, shown(before),
                           shown(after));
        return what->failed ? -ENOMEM : 0;
}

static int differ_list(Str *what, const char *name, char *const *before, char *const *after) {
        autofree char *a = strv_join(before, " "), *b = strv_join(after, " ");

        return a && b ? differ(what, name, a, b) : -ENOMEM;
}

static int differ_number(Str *what, const char *name, double before, double after) {
        autofree char *a = str_format("%g", before), *b = str_format("%g", after);

        return a && b ? differ(what, name, a, b) : -ENOMEM;
}

static int compare_texts(Str *what, const Node *a, const Node *b) {
        const struct {
                const char *name, *before, *after;
        } texts[] = {
                { "kind", node_kind_names[a->kind], node_kind_names[b->kind] },
                { "image", a->image, b->image },
                { "entrypoint", a->entrypoint, b->entrypoint },
                { "user", a->user, b->user },
                { "workdir", a->workdir, b->workdir },
                { "cpu-set", a->cpuset, b->cpuset },
                { "protocols", a->protocols, b->protocols },
                { "dpid", a->dpid, b->dpid },
                { "fail-mode", a->fail_mode, b->fail_mode },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < sizeof texts / sizeof *texts; i++)
                r = differ(what, texts[i].name, texts[i].before, texts[i].after);
        return r;
}

static int compare_lists(Str *what, const Node *a, const Node *b) {
        const struct {
                const char *name;
                char *const *before, *const *after;
        } lists[] = {
                { "cmd", a->cmd, b->cmd },
                { "env", a->env, b->env },
                { "binds", a->binds, b->binds },
                { "ports", a->ports, b->ports },
                { "exec", a->exec, b->exec },
                { "sysctls", a->sysctls, b->sysctls },
                { "routes", a->routes, b->routes },
                { "cap-add", a->cap_add, b->cap_add },
                { "controllers", a->controllers, b->controllers },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < sizeof lists / sizeof *lists; i++)
                r = differ_list(what, lists[i].name, lists[i].before, lists[i].after);
        return r;
}

static int compare_node(const Node *a, const Node *b, char **ret) {
        autostr what = {};
        int r = compare_texts(&what, a, b);

        if (r >= 0)
                r = compare_lists(&what, a, b);
        if (r >= 0)
                r = differ_number(&what, "cpu", a->cpus, b->cpus);
        if (r >= 0)
                r = differ_number(&what, "memory", (double) a->memory, (double) b->memory);
        if (r >= 0)
                r = differ_number(&what, "pids", (double) a->pids, (double) b->pids);
        if (r >= 0)
                r = differ_number(&what, "stp", a->stp, b->stp);
        if (r >= 0)
                r = differ_number(&what, "vlan-filtering", a->vlan_filtering, b->vlan_filtering);
        if (r < 0 || what.length == 0)
                return r;
        *ret = str_take(&what);
        return *ret ? 0 : -ENOMEM;
}

static int compare_nodes(const Topology *a, const Topology *b, ChangeList *list) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < a->n_nodes; i++)
                if (topology_find_node(b, a->nodes[i].name) < 0)
                        r = add(list, CHANGE_NODE_REMOVED, i, SIZE_MAX, 0, NULL);
        for (size_t i = 0; r >= 0 && i < b->n_nodes; i++) {
                ssize_t same = topology_find_node(a, b->nodes[i].name);
                char *what = NULL;

                if (same < 0)
                        r = add(list, CHANGE_NODE_ADDED, SIZE_MAX, i, 0, NULL);
                else {
                        r = compare_node(&a->nodes[same], &b->nodes[i], &what);
                        if (r >= 0 && what)
                                r = add(list, CHANGE_NODE, (size_t) same, i, 0, what);
                }
        }
        return r;
}

/* ---- links ---- */

static const Interface *end_of(const Topology *t, const TopologyLink *l, int end) {
        return topology_interface(t, l->sides[end]);
}

/* The link of the other topology between the same ends, in the same order; -ENOENT. */
static ssize_t same_link(const Topology *t, const TopologyLink *l, const Topology *other) {
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
        autostr what = {};
        int r = differ_number(&what, "mtu", x->mtu, y->mtu);

        if (r >= 0)
                r = differ(&what, "engine", x->engine, y->engine);
        if (r >= 0 && memcmp(end_of(a, x, 0)->mac, end_of(b, y, 0)->mac, 6) != 0)
                str_printf(&what, "%sanother MAC address", what.length ? "; " : "");
        if (r >= 0 && what.length > 0)
                r = add(list, CHANGE_LINK, i, k, 0, str_take(&what));
        return r < 0 ? r : compare_ends(a, i, b, k, list);
}

static int compare_links(const Topology *a, const Topology *b, ChangeList *list) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < a->n_links; i++)
                if (same_link(a, &a->links[i], b) < 0)
                        r = add(list, CHANGE_LINK_REMOVED, i, SIZE_MAX, 0, NULL);
        for (size_t k = 0; r >= 0 && k < b->n_links; k++) {
                ssize_t same = same_link(b, &b->links[k], a);

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
        autostr what = {};
        int r = differ(&what, "kind", a->kind, b->kind);

        if (r >= 0)
                r = differ_list(&what, "settings", a->settings, b->settings);
        if (r < 0 || what.length == 0)
                return r;
        *ret = str_take(&what);
        return *ret ? 0 : -ENOMEM;
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

int topology_diff(const Topology *before, const Topology *after, ChangeList *ret, Err *err) {
        autochangelist list = {};
        int r = compare_nodes(before, after, &list);

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

static char *uplink_words(const Topology *t, const Uplink *u) {
        return str_format("uplink %s:%s", t->nodes[u->node].name, u->interface);
}

static char *uplink_change_words(const Topology *before, const Topology *after, const Change *c) {
        const Topology *t = c->kind == CHANGE_UPLINK_REMOVED ? before : after;
        const Uplink *u = &t->uplinks[t == before ? c->before : c->after];
        autofree char *uplink = uplink_words(t, u);

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
