/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/ns.h"
#include "lab/node_network.h"
#include "netlink/link.h"
#include "oci/sysctl.h"

static int index_of(size_t interface) {
        return INTERFACE_FIRST + (int) interface;
}

static void put_bridge(NlMessage *m, const Node *n) {
        const BridgeOptions options = {
                .index = index_of(n->n_interfaces),
                .address = n->n_interfaces > 0 ? n->interfaces[0].mac : NULL,
                .stp = n->stp,
                .vlan_filtering = n->vlan_filtering,
        };

        link_next_bridge(m, BRIDGE_NAME, &options);
        for (size_t i = 0; i < n->n_interfaces; i++)
                link_next_port(m, index_of(i), options.index);
}

static void put_addresses(NlMessage *m, const Node *n) {
        for (size_t i = 0; i < n->n_interfaces; i++) {
                link_next_up(m, index_of(i));
                for (size_t k = 0; k < n->interfaces[i].n_addresses; k++)
                        addr_next_add(m, index_of(i), &n->interfaces[i].addresses[k]);
        }
}

/* The interface whose network has the gateway, or the one of that name; 0: none. */
static int find_way(const Node *n, const Address *gateway, const char *name) {
        for (size_t i = 0; i < n->n_interfaces; i++) {
                const Interface *in = &n->interfaces[i];

                if (name && str_equal(in->name, name))
                        return index_of(i);
                for (size_t k = 0; !name && k < in->n_addresses; k++)
                        if (in->addresses[k].family == gateway->family &&
                            addr_within(&in->addresses[k], gateway))
                                return index_of(i);
        }
        return 0;
}

/* "default via 10.0.0.1", "10.1.0.0/16 via 10.0.0.2 dev eth1" */
static int put_route(NlMessage *m, const Node *n, const char *text, Err *err) {
        autostrv words = NULL;
        Address to = {}, gateway;
        size_t count;
        int way;

        if (strv_split(text, " ", true, &words) < 0)
                return fail(err, ENOMEM, "cannot add a route");
        count = strv_length(words);
        if ((count != 3 && count != 5) || !str_equal(words[1], "via") ||
            (count == 5 && !str_equal(words[3], "dev")) || addr_parse(words[2], &gateway) < 0 ||
            (!str_equal(words[0], "default") && addr_parse(words[0], &to) < 0) ||
            (to.family && to.family != gateway.family))
                return refuse(err, EINVAL,
                              "'%s' is no route: NETWORK|default via ADDRESS [dev INTERFACE]",
                              text);
        way = find_way(n, &gateway, count == 5 ? words[4] : NULL);
        if (way == 0)
                return refuse(err, EINVAL,
                              "route '%s' leads nowhere: no interface has a network "
                              "with that address",
                              text);
        addr_mask(&to);
        route_next_add(m, way, to.family ? &to : NULL, &gateway);
        return 0;
}

int node_network_set_up(const Topology *t, size_t node, Err *err) {
        const Node *n = &t->nodes[node];
        autoclose int nl = nl_open();
        autonl NlMessage m;
        int r = 0;

        nl_begin_empty(&m);
        if (nl < 0)
                return fail(err, nl, "cannot open a netlink socket");
        link_next_up(&m, 1);
        if (n->kind == NODE_BRIDGE)
                put_bridge(&m, n);
        else
                put_addresses(&m, n);
        strv_foreach(route, n->routes)
                if (r >= 0)
                        r = put_route(&m, n, *route, err);
        if (r < 0)
                return r;
        r = nl_call(nl, &m, err);
        return r < 0 ? err_prefix(err, r, "cannot set up its network") : 0;
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
