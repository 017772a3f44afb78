/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/network_guest.h"
#include "kernel/ns.h"
#include "lab/lab_internal.h"
#include "lab/management.h"
#include "lab/nat.h"
#include "lab/outside.h"
#include "lab/uplink_internal.h"
#include "netlink/nft.h"
#include "topology/management.h"

#define SNAT_PRIORITY    100
#define MANAGEMENT_SMALL 253 /* nodes in a /24 */

/* ---- what the host does ---- */

static int avoid(Address **list, size_t *n, const Address *net) {
        Address *place = net->family ? json_grow(list, n, sizeof *place) : NULL;

        if (place) {
                *place = *net;
                addr_mask(place);
        }
        return place || !net->family ? 0 : -ENOMEM;
}

/* Networks of the lab, which its nodes would not tell from the host's. */
static int list_networks(const Topology *t, Address **list, size_t *n) {
        int r = avoid(list, n, &t->management_net);

        if (r >= 0)
                r = avoid(list, n, &t->management_net6);
        for (size_t i = 0; r >= 0 && i < t->n_nodes; i++)
                for (size_t k = 0; k < t->nodes[i].n_interfaces; k++)
                        for (size_t a = 0; r >= 0 && a < t->nodes[i].interfaces[k].n_addresses; a++)
                                r = avoid(list, n, &t->nodes[i].interfaces[k].addresses[a]);
        return r;
}

static int add_guest(const Lab *lab, const char *interface, Network *n, const Address *nets,
                     size_t n_nets, Err *err) {
        autofree char *words = str_format("lab '%s'", lab->name);

        if (!words || str_set(&n->bridge, interface) < 0)
                return fail(err, ENOMEM, "cannot describe a network");
        return guest_add(lab->home, lab->state.id, words, n, nets, n_nets, err);
}

static int connect_guest(Lab *lab, const Network *n, Err *err) {
        int r = guest_connect(lab->home, n, err);

        if (r > 0 && !lab->home->network &&
            strv_addf(
                    &lab->topology->notes,
                    "forwarding was switched on for the lab on this host (net.ipv4.ip_forward%s), "
                    "and is switched back with it",
                    n->subnet6 ? ", net.ipv6.conf.all.forwarding" : "") < 0)
                return fail(err, ENOMEM, "cannot make a way out of the lab");
        return r;
}

static int set_net(char **subnet, char **gateway, const Address *a) {
        Address net = *a;
        char text[INET6_ADDRSTRLEN];

        addr_mask(&net);
        addr_text(&net, text);
        *subnet = str_format("%s/%u", text, net.prefix);
        addr_text(a, text);
        *gateway = strdup(text);
        return *subnet && *gateway ? 0 : -ENOMEM;
}

/* ---- uplinks ---- */

/* A switch: the host is a member of the network that is there. */
static int describe_switch(const Attach *a, Network *n) {
        for (size_t i = 0; i < a->spec.n_host_addresses; i++) {
                const Address *h = &a->spec.host_addresses[i];
                bool is6 = h->family == AF_INET6;

                if (is6 ? n->subnet6 != NULL : n->subnet != NULL)
                        continue;
                if (set_net(is6 ? &n->subnet6 : &n->subnet, is6 ? &n->gateway6 : &n->gateway, h) <
                    0)
                        return fail(a->err, ENOMEM, "cannot describe a network");
        }
        return n->subnet ? 0
                         : err_hint(a->err,
                                    topology_refuse(a->t, a->uplink->line, a->err,
                                                    "the host has no address at the switch"),
                                    "say it with 'host-ipv4'");
}

/* The second address of the network whose first the gateway has. */
static int take_address(Attach *a, const char *subnet, const char *gateway) {
        Address net, *own = &a->spec.addresses[a->spec.n_addresses], *via;

        if (!subnet)
                return 0;
        if (addr_parse(subnet, &net) < 0 || addr_parse(gateway, own) < 0)
                return -EINVAL;
        via = &a->spec.gateways[own->family == AF_INET6];
        *via = *own;
        own->bytes[addr_size(own) - 1] ^= 3;
        own->prefix = net.prefix;
        a->spec.n_addresses++;
        return 0;
}

static int lay_cable(Attach *a, const Network *n) {
        const LinkEnd host = { .name = n->bridge, .netns = -EBADF, .mtu = a->spec.mtu, .up = true },
                      node = uplink_node_end(a);
        int r = link_add_veth(a->nl, &host, &node, a->err);

        if (r < 0 || node_is_switch(a->node))
                return r;
        r = take_address(a, n->subnet, n->gateway);
        if (r >= 0)
                r = take_address(a, n->subnet6, n->gateway6);
        return r < 0 ? fail(a->err, r, "cannot give addresses") : 0;
}

int nat_add(Attach *a) {
        autofree Address *nets = NULL;
        autoptr(Network) n = calloc(1, sizeof *n);
        size_t n_nets = 0;
        int r = n ? 0 : fail(a->err, ENOMEM, "cannot describe a network");

        if (r >= 0 && node_is_switch(a->node))
                r = describe_switch(a, n);
        else if (r >= 0 && (r = list_networks(a->t, &nets, &n_nets)) < 0)
                r = fail(a->err, r, "cannot list the lab's networks");
        if (r >= 0)
                r = add_guest(a->lab, a->host_name, n, nets, n_nets, a->err);
        fault_point("nat.noted");
        if (r >= 0)
                r = lay_cable(a, n);
        fault_point("nat.laid");
        return r < 0 ? r : connect_guest(a->lab, n, a->err);
}

/* A router's uplink is one address for all that is behind it, as the host's is for the lab. */
int nat_settle(const Attach *a) {
        static const NftTable table = { NFPROTO_INET, "isola" };
        autoclose int nft = nl_open_protocol(NETLINK_NETFILTER);
        char name[NFT_IFNAME_SIZE] = "";
        autonl NlMessage m;
        int r;

        if (nft < 0)
                return fail(a->err, nft, "cannot open a netfilter socket");
        (void) snprintf(name, sizeof name, "%s", a->name.text);
        nft_begin(&m);
        nft_table(&m, &table);
        nft_chain(&m, &table, "postrouting",
                  &(NftHook){ "nat", NF_INET_POST_ROUTING, SNAT_PRIORITY });
        nft_rule(&m, &table, "postrouting");
        nft_expr_meta(&m, NFT_META_OIFNAME, 0);
        nft_expr_cmp(&m, NFT_CMP_EQ, 0, name, sizeof name);
        nft_expr_masquerade(&m);
        nft_rule_end(&m);
        r = nft_commit(nft, &m, a->err);
        return r < 0 ? err_prefix(a->err, r, "cannot translate addresses in the node") : 0;
}

/* ---- the management network ---- */

int lab_choose_management(const Home *home, Topology *t, Err *err) {
        topology_imply_management(t);
        if (t->management_net.family || t->management_net6.family || !management_reaches_host(t) ||
            t->n_nodes > MANAGEMENT_SMALL)
                return 0;
        for (unsigned i = 20; i < 256; i++) {
                autofree char *v4 = str_format("172.20.%u.0/24", i),
                              *v6 = str_format("3fff:172:20:%u::/64", i);
                Address net, net6;
                int r;

                if (!v4 || !v6 || addr_parse(v4, &net) < 0 || addr_parse(v6, &net6) < 0)
                        return fail(err, ENOMEM, "cannot choose a management network");
                r = guest_is_free(home, &net, err);
                if (r > 0)
                        r = guest_is_free(home, &net6, err);
                if (r < 0)
                        return r;
                if (r > 0) {
                        t->management_net = net;
                        t->management_net6 = net6;
                        return 0;
                }
        }
        return 0; /* the usual one will be refused, with the reason */
}

typedef struct Cable {
        const char *host_name;
        int host; /* network namespace */
        Err *err;
} Cable;

/* In the fabric: the bridge's end first, which a message can make a port at once. */
static int lay_management(void *context) {
        const Cable *c = context;
        autoclose int nl = nl_open();
        Link bridge = {};
        int r = nl < 0 ? fail(c->err, nl, "cannot open a netlink socket")
                       : link_get(nl, MANAGEMENT_BRIDGE, &bridge, c->err);
        const LinkEnd inside = { .name = "host",
                                 .netns = -EBADF,
                                 .master = bridge.index,
                                 .up = true },
                      outside = { .name = c->host_name, .netns = c->host };

        return r < 0 ? r : link_add_veth(nl, &inside, &outside, c->err);
}

static void name_management(const Lab *lab, char name[INTERFACE_NAME_MAX + 1]) {
        (void) snprintf(name, INTERFACE_NAME_MAX + 1, "isola-%.6sm", lab->state.id);
}

static int attach_management(Lab *lab, Network *n, Err *err) {
        const Address v4 = management_gateway(&lab->topology->management_net),
                      v6 = management_gateway(&lab->topology->management_net6);
        autoclose int host = lab_outside_netns(lab->home, err), fabric = lab_fabric_netns(lab, err);
        char name[INTERFACE_NAME_MAX + 1];
        Cable cable = { name, host, err };
        int r;

        if (fabric < 0 || host < 0)
                return fabric < 0 ? fabric : host;
        name_management(lab, name);
        if (set_net(&n->subnet, &n->gateway, &v4) < 0 ||
            set_net(&n->subnet6, &n->gateway6, &v6) < 0)
                return fail(err, ENOMEM, "cannot describe a network");
        r = add_guest(lab, name, n, NULL, 0, err);
        if (r >= 0)
                r = netns_run(fabric, lay_management, &cable);
        fault_point("nat.management");
        return r < 0 ? r : connect_guest(lab, n, err);
}

int lab_attach_management(Lab *lab, Err *err) {
        autoptr(Network) n = NULL;
        int r;

        if (!management_reaches_host(lab->topology))
                return 0;
        n = calloc(1, sizeof *n);
        r = n ? attach_management(lab, n, err) : fail(err, ENOMEM, "cannot describe a network");
        return r < 0 ? err_hint(err,
                                err_prefix(err, r,
                                           "cannot connect the management network to the host"),
                                "'mgmt' in the lab's file has 'ipv4-subnet' and 'ipv6-subnet'")
                     : 0;
}

int lab_revive_management(Lab *lab, Err *err) {
        char name[INTERFACE_NAME_MAX + 1];
        autoclose int nl = -EBADF;
        Link link;
        int r;

        if (!management_reaches_host(lab->topology))
                return 0;
        nl = lab_open_outside(lab->home, err);
        if (nl < 0)
                return nl;
        name_management(lab, name);
        if (link_glance(nl, name, &link) != -ENODEV)
                return 0;
        r = guest_remove_one(lab->home, lab->state.id, name, err);
        return r < 0 ? r : lab_attach_management(lab, err);
}
