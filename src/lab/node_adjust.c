/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A node's network while the node runs, from outside. */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "kernel/ns.h"
#include "lab/nat.h"
#include "lab/node_network.h"
#include "netlink/link.h"
#include "topology/management.h"

typedef struct Adjustment {
        const Topology *before, *after;
        const Node *was, *n; /* was: NULL if it is new */
        int nl;
        int *index;     /* by interface of n */
        int *was_index; /* by interface of was; 0: it has gone */
        int bridge, management;
        const bool *cut;
        Err *err;
} Adjustment;

static int note(const Link *link, void *context) {
        Adjustment *a = context;
        ssize_t i = topology_find_interface(a->n, link->name);

        if (i >= 0)
                a->index[i] = link->index;
        i = a->was ? topology_find_interface(a->was, link->name) : -ENOENT;
        if (i >= 0)
                a->was_index[i] = link->index;
        if (str_equal(link->name, BRIDGE_NAME) && str_equal(link->kind, "bridge"))
                a->bridge = link->index;
        if (a->after->management && str_equal(link->name, management_interface(a->after)))
                a->management = link->index;
        return 0;
}

static int find_interfaces(Adjustment *a) {
        int r = link_each(a->nl, note, a, a->err);

        for (size_t i = 0; r >= 0 && i < a->n->n_interfaces; i++)
                if (a->index[i] == 0)
                        r = refuse(a->err, ENODEV, "interface '%s' is missing",
                                   a->n->interfaces[i].name);
        if (r >= 0 && node_is_managed(a->after, a->n) && a->management == 0)
                r = refuse(a->err, ENODEV, "interface '%s' is missing",
                           management_interface(a->after));
        return r;
}

/* ---- what goes ---- */

static bool has_address(const Node *n, const char *interface, const Address *address) {
        ssize_t i = topology_find_interface(n, interface);

        for (size_t k = 0; i >= 0 && k < n->interfaces[i].n_addresses; k++)
                if (addr_equal(&n->interfaces[i].addresses[k], address) &&
                    n->interfaces[i].addresses[k].prefix == address->prefix)
                        return true;
        return false;
}

/* Whatever is not there any more is gone, which is all that is wanted. */
static void remove_address(const Adjustment *a, int index, const Address *address) {
        NlMessage m;

        nl_begin_empty(&m);
        addr_next_remove(&m, index, address);
        (void) nl_call(a->nl, &m, NULL);
}

static void remove_addresses(const Adjustment *a) {
        for (size_t i = 0; i < a->was->n_interfaces; i++) {
                const Interface *in = &a->was->interfaces[i];

                for (size_t k = 0; a->was_index[i] > 0 && k < in->n_addresses; k++)
                        if (!has_address(a->n, in->name, &in->addresses[k]))
                                remove_address(a, a->was_index[i], &in->addresses[k]);
        }
        if (a->management == 0 || !node_is_managed(a->before, a->was))
                return;
        if (!addr_equal(&a->was->management, &a->n->management))
                remove_address(a, a->management, &a->was->management);
        if (!addr_equal(&a->was->management6, &a->n->management6))
                remove_address(a, a->management, &a->was->management6);
}

static void remove_routes(const Adjustment *a) {
        strv_foreach(text, a->was->routes) {
                NodeRoute route;
                NlMessage m;

                if (strv_has(a->n->routes, *text) ||
                    node_route_read(a->was, a->was_index, *text, &route, NULL) < 0)
                        continue;
                nl_begin_empty(&m);
                route_next_remove(&m, route.index, route.to.family ? &route.to : NULL,
                                  &route.gateway);
                (void) nl_call(a->nl, &m, NULL);
        }
}

/* ---- what is to be ---- */

static bool is_cut(const Adjustment *a, size_t interface) {
        return a->cut && a->cut[interface];
}

static void put_bridge(const Adjustment *a, NlMessage *m) {
        const BridgeOptions options = {
                .index = a->bridge ? a->bridge : 1 << 20,
                .address = a->n->n_interfaces > 0 ? a->n->interfaces[0].mac : NULL,
                .stp = a->n->stp,
                .vlan_filtering = a->n->vlan_filtering,
        };

        if (a->bridge && a->was) {
                const BridgeOptions before = { .stp = a->was->stp,
                                               .vlan_filtering = a->was->vlan_filtering };

                link_next_bridge_options(m, a->bridge, &before, &options);
        } else if (!a->bridge)
                link_next_bridge(m, BRIDGE_NAME, &options);
        for (size_t i = 0; i < a->n->n_interfaces; i++)
                if (!is_cut(a, i))
                        link_next_port(m, a->index[i], options.index);
}

static void put_addresses(const Adjustment *a, NlMessage *m) {
        for (size_t i = 0; i < a->n->n_interfaces; i++) {
                if (!is_cut(a, i))
                        link_next_up(m, a->index[i]);
                for (size_t k = 0; k < a->n->interfaces[i].n_addresses; k++)
                        addr_next_add(m, a->index[i], &a->n->interfaces[i].addresses[k]);
        }
        if (a->management == 0 || !node_is_managed(a->after, a->n))
                return;
        link_next_up(m, a->management);
        addr_next_add(m, a->management, &a->n->management);
        addr_next_add(m, a->management, &a->n->management6);
        if (a->after->external_access) {
                const Address v4 = management_gateway(&a->after->management_net),
                              v6 = management_gateway(&a->after->management_net6);

                route_next_add_after(m, a->management, NULL, &v4, MANAGEMENT_METRIC);
                route_next_add_after(m, a->management, NULL, &v6, MANAGEMENT_METRIC);
        }
}

static int put_routes(const Adjustment *a, NlMessage *m) {
        strv_foreach(text, a->n->routes) {
                NodeRoute route;
                int r = node_route_read(a->n, a->index, *text, &route, a->err);

                if (r < 0)
                        return r;
                route_next_add(m, route.index, route.to.family ? &route.to : NULL, &route.gateway);
        }
        return 0;
}

static int adjust(Adjustment *a) {
        autonl NlMessage m;
        int r;

        nl_begin_empty(&m);
        r = find_interfaces(a);
        if (r >= 0 && a->n->kind == NODE_ROUTER)
                r = node_skip_duplicate_detection(a->n, a->err);
        if (r >= 0 && a->was) {
                remove_routes(a);
                remove_addresses(a);
        }
        link_next_up(&m, 1);
        if (a->n->kind == NODE_BRIDGE)
                put_bridge(a, &m);
        else
                put_addresses(a, &m);
        if (r >= 0)
                r = put_routes(a, &m);
        if (r >= 0)
                r = nl_call(a->nl, &m, a->err);
        return r < 0 ? r : node_network_settle(a->n, NULL);
}

static int run(void *context) {
        Adjustment *a = context;
        int r;

        a->nl = nl_open();
        if (a->nl < 0)
                return fail(a->err, a->nl, "cannot open a netlink socket");
        r = adjust(a);
        close_fd(a->nl);
        return r;
}

int node_network_adjust(int netns, const Topology *before, size_t was, const Topology *t,
                        size_t node, const bool *cut, Err *err) {
        const Node *n = &t->nodes[node], *old = before ? &before->nodes[was] : NULL;
        autofree int *index = calloc(n->n_interfaces + 1, sizeof *index),
                     *was_index = calloc((old ? old->n_interfaces : 0) + 1, sizeof *was_index);
        Adjustment a = { .before = before,
                         .after = t,
                         .was = old,
                         .n = n,
                         .index = index,
                         .was_index = was_index,
                         .cut = cut,
                         .err = err };
        int r = index && was_index ? netns_run(netns, run, &a)
                                   : fail(err, ENOMEM, "cannot set up its network");

        if (r >= 0)
                return 0;
        if (err && !err->message)
                (void) fail(err, r, "cannot enter it");
        return err_prefix(err, r, "cannot set up the network of node '%s'", n->name);
}
