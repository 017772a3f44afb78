/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "topology/management.h"

/* Containerlab's, where the file says none. */
#define NET4 "172.20.20.0/24"
#define NET6 "3fff:172:20:20::/64"
/* Wider than this it is only if the file says so. */
#define WIDEST4 16

bool node_is_managed(const Topology *t, const Node *n) {
        return t->management && !n->no_management && !node_is_switch(n);
}

const char *management_interface(const Topology *t) {
        return t->management_interface ? t->management_interface : "mgmt0";
}

/* @n: less than 2^32 */
static Address nth(const Address *net, uint64_t n) {
        Address a = *net;

        addr_mask(&a);
        for (size_t i = addr_size(&a); i-- > 0 && n > 0; n >>= 8) {
                n += a.bytes[i];
                a.bytes[i] = (uint8_t) n;
        }
        return a;
}

Address management_gateway(const Address *net) {
        return nth(net, 1);
}

static Address *address_of(Node *n, int family) {
        return family == AF_INET ? &n->management : &n->management6;
}

/* Addresses that a node can have: all but the network's, the bridge's and, of IPv4, the last. */
static uint64_t room(const Address *net) {
        unsigned bits = (unsigned) addr_size(net) * 8 - net->prefix;

        return bits >= 32 ? UINT32_MAX : bits < 2 ? 0 : ((uint64_t) 1 << bits) - 3;
}

static int choose_net(Address *net, int family, size_t members) {
        if (net->family)
                return 0;
        if (addr_parse(family == AF_INET ? NET4 : NET6, net) < 0)
                return -EINVAL;
        while (family == AF_INET && net->prefix > WIDEST4 && room(net) < members)
                net->prefix--;
        addr_mask(net);
        return 0;
}

static bool is_given(Topology *t, int family, const Address *a) {
        for (size_t i = 0; i < t->n_nodes; i++)
                if (node_is_managed(t, &t->nodes[i]) &&
                    addr_equal(address_of(&t->nodes[i], family), a))
                        return true;
        return false;
}

static int check_given(Topology *t, int family, const Address *net, Err *err) {
        const Address gateway = management_gateway(net);

        for (size_t i = 0; i < t->n_nodes; i++) {
                Node *n = &t->nodes[i];
                Address *a = address_of(n, family);
                char text[INET6_ADDRSTRLEN];

                if (!node_is_managed(t, n) || !a->family)
                        continue;
                addr_text(a, text);
                if (!addr_within(net, a) || addr_equal(a, &gateway))
                        return topology_refuse(t, n->line, err,
                                               "'%s' cannot have the management address %s: it is "
                                               "%s",
                                               n->name, text,
                                               addr_within(net, a) ? "the network's own"
                                                                   : "not in the network");
                for (size_t k = 0; k < i; k++)
                        if (node_is_managed(t, &t->nodes[k]) &&
                            addr_equal(address_of(&t->nodes[k], family), a))
                                return topology_refuse(
                                        t, n->line, err,
                                        "'%s' and '%s' both have the management address %s",
                                        t->nodes[k].name, n->name, text);
                a->prefix = net->prefix;
        }
        return 0;
}

static int check_overlap(const Topology *t, const Address *net, Err *err) {
        for (size_t i = 0; i < t->n_nodes; i++)
                for (size_t k = 0; k < t->nodes[i].n_interfaces; k++)
                        for (size_t a = 0; a < t->nodes[i].interfaces[k].n_addresses; a++) {
                                const Interface *in = &t->nodes[i].interfaces[k];

                                if (in->addresses[a].family == net->family &&
                                    addr_overlap(&in->addresses[a], net))
                                        return topology_refuse(
                                                t, t->links[in->link].line, err,
                                                "the network of '%s:%s' overlaps the management "
                                                "network",
                                                t->nodes[i].name, in->name);
                        }
        return 0;
}

static int assign(Topology *t, int family, const Address *net, size_t members, Err *err) {
        bool any = false;
        uint64_t next = 2;

        if (room(net) < members)
                return topology_refuse(t, 0, err,
                                       "there are not enough IPv%d addresses in the management "
                                       "network for %zu nodes",
                                       family == AF_INET ? 4 : 6, members);
        for (size_t i = 0; i < t->n_nodes; i++)
                any = any || address_of(&t->nodes[i], family)->family;
        for (size_t i = 0; i < t->n_nodes; i++) {
                Address *a = address_of(&t->nodes[i], family), free_one;

                if (!node_is_managed(t, &t->nodes[i]) || a->family)
                        continue;
                do
                        free_one = nth(net, next++);
                while (any && is_given(t, family, &free_one));
                *a = free_one;
        }
        return 0;
}

static int check_names(const Topology *t, Err *err) {
        const char *name = management_interface(t);

        for (size_t i = 0; i < t->n_nodes; i++) {
                const Node *n = &t->nodes[i];
                ssize_t k = node_is_managed(t, n) ? topology_find_interface(n, name) : -ENOENT;

                if (k >= 0)
                        return topology_refuse(t, t->links[n->interfaces[k].link].line, err,
                                               "'%s:%s' cannot be an end of a link: it is in the "
                                               "management network",
                                               n->name, name);
        }
        return 0;
}

void topology_imply_management(Topology *t) {
        for (size_t i = 0; i < t->n_nodes; i++)
                t->management = t->management || (t->nodes[i].ports && !t->nodes[i].no_management &&
                                                  !node_is_switch(&t->nodes[i]));
}

/* Where the file leaves it to us and it has room. */
static void keep(Topology *t, int family, const Topology *before, size_t members) {
        Address *net = family == AF_INET ? &t->management_net : &t->management_net6;
        const Address *old = family == AF_INET ? &before->management_net : &before->management_net6;

        if (!net->family && old->family && room(old) >= members)
                *net = *old;
        for (size_t i = 0; i < t->n_nodes; i++) {
                Node *n = &t->nodes[i];
                ssize_t same = topology_find_node(before, n->name);
                Address *a = address_of(n, family), was;

                if (same < 0 || a->family || !node_is_managed(t, n))
                        continue;
                was = *address_of(&before->nodes[same], family);
                if (was.family && addr_within(net, &was) && was.prefix == net->prefix &&
                    !is_given(t, family, &was))
                        *a = was;
        }
}

int topology_assign_management(Topology *t, const Topology *before, Err *err) {
        Address *nets[] = { &t->management_net, &t->management_net6 };
        const int families[] = { AF_INET, AF_INET6 };
        size_t members = 0;
        int r;

        topology_imply_management(t);
        r = t->management ? check_names(t, err) : 0;

        for (size_t i = 0; i < t->n_nodes; i++)
                members += node_is_managed(t, &t->nodes[i]);
        if (members == 0)
                return r;
        if (r >= 0 && members > MANAGEMENT_NODES_MAX)
                return topology_refuse(t, 0, err,
                                       "a management network has room for %d nodes, not %zu",
                                       MANAGEMENT_NODES_MAX, members);
        for (int i = 0; r >= 0 && i < 2; i++) {
                if (before && before->management)
                        keep(t, families[i], before, members);
                r = choose_net(nets[i], families[i], members);
                if (r >= 0)
                        r = check_overlap(t, nets[i], err);
                if (r >= 0)
                        r = check_given(t, families[i], nets[i], err);
                if (r >= 0)
                        r = assign(t, families[i], nets[i], members, err);
        }
        return r;
}
