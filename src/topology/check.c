/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "topology/domain.h"
#include "topology/topology.h"
#include "topology/uplink.h"
#include "topology/waits.h"

static int check_lab_name(const Topology *t, Err *err) {
        size_t n = t->name ? strspn(t->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                             "0123456789_.-")
                           : 0;

        if (!t->name || !isalnum((unsigned char) *t->name) || t->name[n] || n > NODE_NAME_MAX)
                return topology_refuse(t, 0, err,
                                       "'%s' is no name of a lab: letters, digits, and _ . - after "
                                       "the first, at most %d",
                                       t->name ? t->name : "", NODE_NAME_MAX);
        return 0;
}

static int check_node_name(const Topology *t, const Node *n, Err *err) {
        const char *c = n->name;

        while (isalnum((unsigned char) *c) || (c > n->name && *c && strchr("_.-", *c)))
                c++;
        if (c == n->name || *c || c - n->name > NODE_NAME_MAX)
                return topology_refuse(t, n->line, err,
                                       "'%s' is no name of a node: letters, digits, and _ . - "
                                       "after the first, at most %d",
                                       n->name, NODE_NAME_MAX);
        return 0;
}

static int check_interface(const Topology *t, const Node *n, size_t i, Err *err) {
        const char *name = n->interfaces[i].name;
        int line = t->links[n->interfaces[i].link].line;

        if (!interface_is_name(name))
                return topology_refuse(t, line, err,
                                       "'%s' is no name of an interface: at most %d bytes, without "
                                       "'/', ':' and spaces, and not 'lo'",
                                       name, INTERFACE_NAME_MAX);
        for (size_t k = 0; k < i; k++)
                if (str_equal(n->interfaces[k].name, name))
                        return topology_refuse(t, line, err, "'%s:%s' is an endpoint of two links",
                                               n->name, name);
        if (node_is_switch(n) && n->interfaces[i].n_addresses > 0)
                return topology_refuse(t, line, err,
                                       "'%s:%s' is a port of a switch and cannot have an address",
                                       n->name, name);
        return 0;
}

static int check_node(const Topology *t, size_t index, Err *err) {
        const Node *n = &t->nodes[index];
        int r = check_node_name(t, n, err);

        if (r >= 0 && topology_find_node(t, n->name) != (ssize_t) index)
                r = topology_refuse(t, n->line, err, "there are two nodes '%s'", n->name);
        for (size_t i = 0; r >= 0 && i < n->n_interfaces; i++)
                r = check_interface(t, n, i, err);
        return r;
}

static int check_link(const Topology *t, const TopologyLink *l, Err *err) {
        for (int i = 0; i < 2; i++) {
                autoerr why = {};

                if (quality_check(&l->quality[i], &why) < 0)
                        return topology_refuse(t, l->line, err, "link '%s': %s", l->name,
                                               why.message ? why.message : "it cannot be");
        }
        if (l->sides[0].node == l->sides[1].node && node_is_switch(&t->nodes[l->sides[0].node]))
                return topology_refuse(t, l->line, err, "link '%s' joins a switch to itself",
                                       l->name);
        return 0;
}

/* An address of an interface, for sorting. */
typedef struct Place {
        const Address *address;
        const Node *node;
        const Interface *interface;
        size_t domain;
        uint8_t net[16]; /* its network's first address */
} Place;

static int compare_places(const void *a, const void *b) {
        const Place *x = a, *y = b;
        int r = x->address->family - y->address->family;

        if (r == 0)
                r = memcmp(x->net, y->net, sizeof x->net);
        if (r == 0)
                r = x->address->prefix - y->address->prefix;
        return r ? r : memcmp(x->address->bytes, y->address->bytes, sizeof x->address->bytes);
}

static int compare_addresses(const void *a, const void *b) {
        const Place *x = a, *y = b;
        int r = x->address->family - y->address->family;

        return r ? r : memcmp(x->address->bytes, y->address->bytes, addr_size(x->address));
}

static int refuse_twice(const Topology *t, const Place *a, const Place *b, Err *err) {
        char text[INET6_ADDRSTRLEN];

        addr_text(b->address, text);
        return topology_refuse(t, t->links[b->interface->link].line, err,
                               "'%s:%s' and '%s:%s' both have the address %s", a->node->name,
                               a->interface->name, b->node->name, b->interface->name, text);
}

static int refuse_overlap(const Topology *t, const Place *a, const Place *b, Err *err) {
        char one[INET6_ADDRSTRLEN], other[INET6_ADDRSTRLEN];

        addr_text(a->address, one);
        addr_text(b->address, other);
        return topology_refuse(t, t->links[b->interface->link].line, err,
                               "the network of '%s:%s' (%s/%u) overlaps that of '%s:%s' (%s/%u), "
                               "and no switch joins them",
                               b->node->name, b->interface->name, other, b->address->prefix,
                               a->node->name, a->interface->name, one, a->address->prefix);
}

static size_t list_places(const Topology *t, const size_t *domains, Place *places) {
        size_t n = 0;

        for (size_t i = 0; i < t->n_nodes; i++)
                for (size_t k = 0; k < t->nodes[i].n_interfaces; k++) {
                        const Interface *in = &t->nodes[i].interfaces[k];

                        for (size_t a = 0; a < in->n_addresses; a++) {
                                Address net = in->addresses[a];
                                Place *p = places ? &places[n] : NULL;

                                n++;
                                if (!p)
                                        continue;
                                addr_mask(&net);
                                *p = (Place){
                                        &in->addresses[a], &t->nodes[i], in, domains[in->link], {}
                                };
                                memcpy(p->net, net.bytes, sizeof p->net);
                        }
                }
        return n;
}

/* Sorted by network, one that overlaps another stands behind it, and all between are inside. */
static int check_overlaps(const Topology *t, const Place *places, size_t n, Err *err) {
        for (size_t i = 1, wide = 0; i < n; i++) {
                const Place *a = &places[wide], *b = &places[i];

                if (!addr_overlap(a->address, b->address)) {
                        wide = i;
                        continue;
                }
                if (a->domain != b->domain)
                        return refuse_overlap(t, a, b, err);
        }
        return 0;
}

static int check_addresses(const Topology *t, Err *err) {
        autofree size_t *domains = NULL;
        autofree Place *places = NULL;
        size_t n = list_places(t, NULL, NULL);

        if (topology_domains(t, &domains) < 0 || !(places = calloc(n + 1, sizeof *places)))
                return fail(err, ENOMEM, "cannot check the addresses");
        (void) list_places(t, domains, places);
        qsort(places, n, sizeof *places, compare_addresses);
        for (size_t i = 1; i < n; i++)
                if (compare_addresses(&places[i - 1], &places[i]) == 0)
                        return refuse_twice(t, &places[i - 1], &places[i], err);
        qsort(places, n, sizeof *places, compare_places);
        return check_overlaps(t, places, n, err);
}

int topology_check(const Topology *t, Err *err) {
        int r = check_lab_name(t, err);

        for (size_t i = 0; r >= 0 && i < t->n_nodes; i++)
                r = check_node(t, i, err);
        for (size_t i = 0; r >= 0 && i < t->n_links; i++)
                r = check_link(t, &t->links[i], err);
        if (r >= 0 && t->n_nodes == 0)
                r = topology_refuse(t, 0, err, "there are no nodes");
        if (r >= 0)
                r = topology_check_waits(t, err);
        if (r >= 0)
                r = topology_check_uplinks(t, err);
        return r < 0 ? r : check_addresses(t, err);
}
