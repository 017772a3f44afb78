/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "kernel/ns.h"
#include "lab/device.h"
#include "lab/lab_internal.h"
#include "lab/management.h"
#include "netlink/addr.h"
#include "netlink/link.h"
#include "topology/management.h"
#include "topology/uplink.h"

/* What is done in the fabric. */
typedef struct Visit {
        const Topology *before, *after;
        const char *cable; /* at the bridge */
        const char *interface;
        int node; /* its network; negative: no cable */
        Err *err;
} Visit;

static bool is_used(const Topology *t) {
        for (size_t i = 0; i < t->n_nodes; i++)
                if (node_is_managed(t, &t->nodes[i]))
                        return true;
        return false;
}

static void put_gateways(NlMessage *m, int index, const Topology *t, bool there) {
        const Address nets[] = { t->management_net, t->management_net6 };

        for (int i = 0; i < 2; i++) {
                Address gateway = management_gateway(&nets[i]);

                if (!nets[i].family || management_reaches_host(t)) /* the host's end has them */
                        continue;
                if (there)
                        addr_next_add(m, index, &gateway);
                else
                        addr_next_remove(m, index, &gateway);
        }
}

static int set_bridge(void *context) {
        const Visit *v = context;
        const BridgeOptions options = { .index = MANAGEMENT_BRIDGE_INDEX };
        autoclose int nl = nl_open();
        NlMessage m;
        Link bridge;
        int r = nl < 0 ? fail(v->err, nl, "cannot open a netlink socket") : 0;

        if (r < 0)
                return r;
        r = link_get(nl, MANAGEMENT_BRIDGE, &bridge, NULL);
        if (!is_used(v->after)) {
                return r < 0 ? 0 : link_remove(nl, MANAGEMENT_BRIDGE, v->err);
        }
        nl_begin_empty(&m);
        if (r < 0)
                link_next_bridge(&m, MANAGEMENT_BRIDGE, &options);
        else if (v->before) {
                /* Those that stay are there again at once; nodes do not send by way of them. */
                put_gateways(&m, bridge.index, v->before, false);
                (void) nl_call(nl, &m, NULL);
                nl_begin_empty(&m);
        }
        put_gateways(&m, r < 0 ? MANAGEMENT_BRIDGE_INDEX : bridge.index, v->after, true);
        return nl_call(nl, &m, v->err);
}

static int remove_interface(void *context) {
        autoclose int nl = nl_open();

        return nl < 0 ? nl : link_remove(nl, context, NULL);
}

/* Whether both of its ends are there. */
static bool is_connected(int nl, const Visit *v) {
        Link link;

        return link_get(nl, v->cable, &link, NULL) >= 0;
}

static int lay_cable(void *context) {
        const Visit *v = context;
        autoclose int nl = nl_open();
        Link bridge;
        int r = nl < 0 ? fail(v->err, nl, "cannot open a netlink socket") : 0;

        if (r >= 0 && v->node < 0) {
                (void) link_remove(nl, v->cable, NULL);
                return 0;
        }
        if (r < 0 || is_connected(nl, v))
                return r;
        r = link_get(nl, MANAGEMENT_BRIDGE, &bridge, v->err);
        if (r >= 0) {
                const LinkEnd a = { .name = v->cable,
                                    .netns = -EBADF,
                                    .master = bridge.index,
                                    .up = true },
                              b = { .name = v->interface, .netns = v->node };

                r = link_add_veth(nl, &a, &b, v->err);
        }
        return r;
}

int lab_management_set(const Lab *lab, const Topology *before, Err *err) {
        Visit v = { .before = before, .after = lab->topology, .node = -EBADF, .err = err };
        autoclose int fabric = lab_fabric_netns(lab, err);
        int r = fabric < 0 ? fabric : netns_run(fabric, set_bridge, &v);

        return r < 0 ? err_prefix(err, r, "cannot set the management network") : 0;
}

static int has_interface(void *context) {
        autoclose int nl = nl_open();
        Link link;

        return nl < 0 ? nl : link_get(nl, context, &link, NULL);
}

int lab_management_connect(const Lab *lab, size_t node, Err *err) {
        const Topology *t = lab->topology;
        const DeviceName cable = device_of_management(t, node);
        bool wanted = node_is_managed(t, &t->nodes[node]);
        autoclose int fabric = lab_fabric_netns(lab, err), netns = -EBADF;
        Visit v = { .after = t, .cable = cable.text, .node = -EBADF, .err = err };
        int r;

        if (fabric < 0)
                return fabric;
        v.interface = management_interface(t);
        netns = wanted ? lab_node_netns(lab, node, err) : -EBADF;
        if (wanted && netns < 0)
                return netns;
        /* It has another name now, or is half of one that went with another node. */
        if (wanted && netns_run(netns, has_interface, (void *) v.interface) < 0)
                (void) netns_run(fabric, remove_interface, (void *) cable.text);
        v.node = netns;
        r = netns_run(fabric, lay_cable, &v);
        return r < 0 ? err_prefix(err, r, "cannot connect '%s' to the management network",
                                  t->nodes[node].name)
                     : 0;
}
