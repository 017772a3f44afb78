/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/ns.h"
#include "lab/engine.h"
#include "lab/nat.h"
#include "lab/node_network.h"
#include "netlink/link.h"
#include "netlink/qdisc.h"
#include "oci/sysctl.h"
#include "topology/management.h"

/* Their numbers, by place in the topology. */
typedef struct Indices {
        const Node *node;
        int *of;
} Indices;

static int note_index(const Link *link, void *context) {
        const Indices *indices = context;
        ssize_t i = topology_find_interface(indices->node, link->name);

        if (i >= 0)
                indices->of[i] = link->index;
        return 0;
}

static void put_bridge(NlMessage *m, const Node *n, const int *index) {
        /* Behind all others: what the kernel numbers by itself comes first. */
        const BridgeOptions options = {
                .index = 1 << 20,
                .address = n->n_interfaces > 0 ? n->interfaces[0].mac : NULL,
                .stp = n->stp,
                .vlan_filtering = n->vlan_filtering,
        };

        link_next_bridge(m, BRIDGE_NAME, &options);
        for (size_t i = 0; i < n->n_interfaces; i++)
                link_next_port(m, index[i], options.index);
}

static void put_addresses(NlMessage *m, const Node *n, const int *index) {
        for (size_t i = 0; i < n->n_interfaces; i++) {
                link_next_up(m, index[i]);
                for (size_t k = 0; k < n->interfaces[i].n_addresses; k++)
                        addr_next_add(m, index[i], &n->interfaces[i].addresses[k]);
        }
}

/* A millisecond at the rate, but no less than a frame of the largest size. */
static uint32_t burst_of(const TopologyLink *l, const Quality *q) {
        uint64_t frame = (l->mtu ? l->mtu : 1500) + 18, burst = q->rate_bps / 8 / 1000;

        return (uint32_t) (burst > frame ? burst < 1 << 24 ? burst : 1 << 24 : frame);
}

static void put_netem(NlMessage *m, int index, const Quality *q, uint32_t burst, uint32_t limit) {
        const Netem netem = {
                .delay_ns = q->delay_ns,
                .jitter_ns = q->jitter_ns,
                .loss = q->loss == LOSS_INDEPENDENT ? q->loss_p : 0,
                .duplicate = q->duplicate,
                .reorder = q->reorder,
                .bursts = q->loss == LOSS_GILBERT_ELLIOTT,
                .to_bad = q->loss_p,
                .to_good = q->loss_r,
                .loss_bad = q->loss_bad,
                .loss_good = q->loss_good,
        };

        qdisc_next_netem(m, index, &netem, q->rate_bps, burst, limit);
}

void link_put_rate(NlMessage *m, int index, const TopologyLink *l, int end) {
        const Quality *q = &l->quality[end];
        uint64_t limit = q->queue_unit == QUEUE_BYTES  ? q->queue
                         : q->queue_unit == QUEUE_TIME ? q->rate_bps / 8 * q->queue / 1000000000
                                                       : 1000 * ((l->mtu ? l->mtu : 1500) + 14);

        limit = limit < UINT32_MAX ? limit : UINT32_MAX;
        if (link_engine(l, NULL) == ENGINE_NETEM && !quality_is_plain(q))
                put_netem(m, index, q, burst_of(l, q), (uint32_t) limit);
        else if (q->rate_bps > 0)
                qdisc_next_tbf(m, index, q->rate_bps, burst_of(l, q), (uint32_t) limit);
}

static void put_rates(NlMessage *m, const Topology *t, const Node *n, const int *index) {
        for (size_t i = 0; i < n->n_interfaces; i++) {
                const TopologyLink *l = &t->links[n->interfaces[i].link];

                if (link_engine_is_kernels(link_engine(l, NULL)))
                        link_put_rate(m, index[i], l, n->interfaces[i].end);
        }
}

/* The interface whose network has the gateway, or the one of that name; 0: none. */
static int find_way(const Node *n, const int *index, const Address *gateway, const char *name) {
        for (size_t i = 0; i < n->n_interfaces; i++) {
                const Interface *in = &n->interfaces[i];

                if (name && str_equal(in->name, name))
                        return index[i];
                for (size_t k = 0; !name && k < in->n_addresses; k++)
                        if (in->addresses[k].family == gateway->family &&
                            addr_within(&in->addresses[k], gateway))
                                return index[i];
        }
        return 0;
}

/* "default via 10.0.0.1", "10.1.0.0/16 via 10.0.0.2 dev eth1" */
int node_route_read(const Node *n, const int *index, const char *text, NodeRoute *ret, Err *err) {
        autostrv words = NULL;
        NodeRoute route = {};
        size_t count;

        if (strv_split(text, " ", true, &words) < 0)
                return fail(err, ENOMEM, "cannot add a route");
        count = strv_length(words);
        if ((count != 3 && count != 5) || !str_equal(words[1], "via") ||
            (count == 5 && !str_equal(words[3], "dev")) ||
            addr_parse(words[2], &route.gateway) < 0 ||
            (!str_equal(words[0], "default") && addr_parse(words[0], &route.to) < 0) ||
            (route.to.family && route.to.family != route.gateway.family))
                return refuse(err, EINVAL,
                              "'%s' is no route: NETWORK|default via ADDRESS [dev INTERFACE]",
                              text);
        route.index = find_way(n, index, &route.gateway, count == 5 ? words[4] : NULL);
        if (route.index == 0)
                return refuse(err, EINVAL,
                              "route '%s' leads nowhere: no interface has a network "
                              "with that address",
                              text);
        addr_mask(&route.to);
        *ret = route;
        return 0;
}

static int put_route(NlMessage *m, const Node *n, const int *index, const char *text, Err *err) {
        NodeRoute route;
        int r = node_route_read(n, index, text, &route, err);

        if (r >= 0)
                route_next_add(m, route.index, route.to.family ? &route.to : NULL, &route.gateway);
        return r;
}

static int put_management(NlMessage *m, int nl, const Topology *t, const Node *n, Err *err) {
        Link link;
        int r = link_get(nl, management_interface(t), &link, err);

        if (r < 0)
                return r;
        link_next_up(m, link.index);
        addr_next_add(m, link.index, &n->management);
        addr_next_add(m, link.index, &n->management6);
        if (t->external_access) {
                const Address v4 = management_gateway(&t->management_net),
                              v6 = management_gateway(&t->management_net6);

                route_next_add_after(m, link.index, NULL, &v4, MANAGEMENT_METRIC);
                route_next_add_after(m, link.index, NULL, &v6, MANAGEMENT_METRIC);
        }
        return 0;
}

/* Emulated links' ends are numbered by the kernel. */
static bool has_known_indices(const Topology *t, const Node *n) {
        for (size_t i = 0; i < n->n_interfaces; i++)
                if (link_engine(&t->links[n->interfaces[i].link], NULL) == ENGINE_WIRE)
                        return false;
        return true;
}

static int find_indices(int nl, const Topology *t, const Node *n, int *index, Err *err) {
        Indices indices = { n, index };
        int r;

        if (has_known_indices(t, n)) {
                for (size_t i = 0; i < n->n_interfaces; i++)
                        index[i] = interface_index(i);
                return 0;
        }
        r = link_each(nl, note_index, &indices, err);

        for (size_t i = 0; r >= 0 && i < n->n_interfaces; i++)
                if (index[i] == 0)
                        r = refuse(err, ENODEV, "interface '%s' is missing", n->interfaces[i].name);
        return r;
}

/* A router asks for the neighbours of packets that it forwards from its link-local address, and
 * not before duplicates of that have been looked for, a second or two (ndisc_solicit(),
 * net/ipv6/ndisc.c).  In a lab all hardware addresses are different. */
int node_skip_duplicate_detection(const Node *n, Err *err) {
        for (size_t i = 0; i < n->n_interfaces; i++) {
                const char *name = n->interfaces[i].name;
                autofree char *path = str_format("/proc/sys/net/ipv6/conf/%s/accept_dad", name);
                int r = path ? file_write(AT_FDCWD, path, "0") : -ENOMEM;

                if (r < 0 && r != -ENOENT) /* a kernel without IPv6 */
                        return fail(err, r, "cannot set '%s'", path ? path : name);
        }
        return 0;
}

int node_network_set_up(const Topology *t, size_t node, Err *err) {
        const Node *n = &t->nodes[node];
        autofree int *index = calloc(n->n_interfaces + 1, sizeof *index);
        autoclose int nl = nl_open();
        autonl NlMessage m;
        int r;

        nl_begin_empty(&m);
        if (nl < 0 || !index)
                return fail(err, nl < 0 ? nl : -ENOMEM, "cannot set up its network");
        r = find_indices(nl, t, n, index, err);
        if (r >= 0 && n->kind == NODE_ROUTER)
                r = node_skip_duplicate_detection(n, err);
        link_next_up(&m, 1);
        if (n->kind == NODE_BRIDGE)
                put_bridge(&m, n, index);
        else
                put_addresses(&m, n, index);
        put_rates(&m, t, n, index);
        if (r >= 0 && node_is_managed(t, n))
                r = put_management(&m, nl, t, n, err);
        strv_foreach(route, n->routes)
                if (r >= 0)
                        r = put_route(&m, n, index, *route, err);
        if (r < 0)
                return r;
        r = nl_call(nl, &m, err);
        return r < 0 ? err_prefix(err, r, "cannot set up its network") : 0;
}

int node_network_settle(const Node *n, Err *err) {
        autoclose int nl = nl_open();
        int r = nl < 0 ? fail(err, nl, "cannot open a netlink socket") : 0;

        for (size_t i = 0; r >= 0 && i < n->n_interfaces; i++) {
                Link link;

                r = link_get(nl, n->interfaces[i].name, &link, err);
        }
        return r;
}

int node_sysctl(const char *setting, Err *err) {
        autofree char *path = NULL, *file = NULL;
        const char *value, *type;
        int r = oci_sysctl_parse(setting, &path, &value, &type, err);

        if (r < 0)
                return r;
        file = str_format("/proc/sys/%s", path);
        r = file ? file_write(AT_FDCWD, file, value) : -ENOMEM;
        return r < 0 ? fail(err, r, "cannot set '%s'", setting) : 0;
}

static int forward(void *context) {
        Err *err = context;
        int r = node_sysctl("net.ipv4.ip_forward=1", err);

        if (r >= 0 && file_access(AT_FDCWD, "/proc/sys/net/ipv6", F_OK) == 0)
                r = node_sysctl("net.ipv6.conf.all.forwarding=1", err);
        return r;
}

int node_forward(pid_t pid, Err *err) {
        autofree char *path = str_format("/proc/%d/ns/net", pid);
        autoclose int netns = path ? ns_open(ns_kind("network"), path, err) : -ENOMEM;
        autoerr why = {};
        int r;

        if (netns < 0)
                return netns;
        r = netns_run(netns, forward, &why);
        return r < 0 ? refuse(err, r, "cannot let a router forward: %s",
                              why.message ? why.message : strerror(-r))
                     : 0;
}
