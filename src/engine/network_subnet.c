/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Which subnet a new network gets
 *
 * The default network prefers 10.88.0.0/16, the others get the first free /24
 * from 10.89.0.0 up.  Free means: no other network has it, and this host has no
 * route to any part of it but the default one.  IPv6 networks are unique local
 * ones (RFC 4193), /64, taken from the network's random id.
 */

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "engine/network_guest.h"
#include "engine/network_internal.h"

/* 10.89.0.0/24 to 10.255.255.0/24. */
#define CANDIDATES ((256 - 89) * 256)

typedef struct Taken {
        Address net;
        char what[80]; /* who has it, in words */
} Taken;

typedef struct TakenList {
        Taken *items;
        size_t n;
} TakenList;

static void taken_clear(TakenList *list) {
        free(list->items);
}
#define autotaken __attribute__((__cleanup__(taken_clear))) TakenList

static int add_taken(TakenList *list, const Address *net, const char *what, const char *name) {
        Taken *more = reallocarray(list->items, list->n + 1, sizeof *more);

        if (!more)
                return -ENOMEM;
        list->items = more;
        more[list->n].net = *net;
        snprintf(more[list->n].what, sizeof more->what, "%s '%.40s'", what, name);
        list->n++;
        return 0;
}

static int take_route(const Route *route, void *context) {
        char name[IF_NAMESIZE];

        if (route->to.prefix == 0 || route->table == RT_TABLE_LOCAL || route->type != RTN_UNICAST)
                return 0;
        if (!if_indextoname((unsigned) route->index, name))
                snprintf(name, sizeof name, "%d", route->index);
        return add_taken(context, &route->to, "this host's route through interface", name);
}

static int take_networks(const Home *home, const char *but, TakenList *list, Err *err) {
        autostrv names = NULL;
        int r;

        r = network_names(home, &names, err);
        if (r < 0)
                return r;
        strv_foreach(name, names) {
                autoptr(Network) n = NULL;
                Address net;

                if (str_equal(*name, but) || network_load(home, *name, &n, NULL) < 0)
                        continue;
                r = 0;
                if (n->subnet && addr_parse(n->subnet, &net) >= 0)
                        r = add_taken(list, &net, "network", n->name);
                if (r >= 0 && n->subnet6 && addr_parse(n->subnet6, &net) >= 0)
                        r = add_taken(list, &net, "network", n->name);
                if (r < 0)
                        return fail(err, r, "cannot list the networks");
        }
        return 0;
}

static int take_guest(const Network *n, void *context) {
        const char *const subnets[] = { n->subnet, n->subnet6 };
        TakenList *list = context;
        Address net;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < 2; i++)
                if (subnets[i] && addr_parse(subnets[i], &net) >= 0)
                        r = add_taken(list, &net, "the network of interface", n->bridge);
        return r;
}

static int take_routes(TakenList *list, Err *err) {
        autoclose int nl = nl_open();
        int r;

        if (nl < 0)
                return fail(err, nl, "cannot open a netlink socket");
        r = route_each(nl, AF_INET, take_route, list, err);
        if (r >= 0 && network_has_ipv6())
                r = route_each(nl, AF_INET6, take_route, list, err);
        return r;
}

/* Finds what others than the network @but have. */
static int find_taken(const Home *home, const char *but, TakenList *list, Err *err) {
        int r = take_networks(home, but, list, err);

        if (r >= 0)
                r = guest_each(home, take_guest, list, err);
        return r < 0 ? r : take_routes(list, err);
}

static const Taken *overlapping(const TakenList *list, const Address *net) {
        for (size_t i = 0; i < list->n; i++)
                if (addr_overlap(&list->items[i].net, net))
                        return &list->items[i];
        return NULL;
}

static char *net_words(const Address *net) {
        char text[INET6_ADDRSTRLEN];

        addr_text(net, text);
        return str_format("%s/%u", text, net->prefix);
}

/* Finds a free IPv4 subnet. */
static int pick(const TakenList *list, bool is_default, Address *ret, Err *err) {
        Address net = { AF_INET, 16, { 10, 88, 0, 0 } };

        if (is_default && !overlapping(list, &net)) {
                *ret = net;
                return 0;
        }
        net.prefix = 24;
        for (unsigned i = 0; i < CANDIDATES; i++) {
                net.bytes[1] = (uint8_t) (89 + i / 256);
                net.bytes[2] = (uint8_t) i;
                if (!overlapping(list, &net)) {
                        *ret = net;
                        return 0;
                }
        }
        return err_hint(
                err, refuse(err, ENOSPC, "no subnet is free between 10.89.0.0 and 10.255.255.255"),
                "choose one with --subnet");
}

/* "This network", loopback, multicast and what follows; link-local and multicast of IPv6. */
static bool is_special(const Address *net) {
        if (net->family == AF_INET)
                return net->bytes[0] == 0 || net->bytes[0] == 127 || net->bytes[0] >= 224;
        return net->bytes[0] == 0 || net->bytes[0] == 0xff ||
               (net->bytes[0] == 0xfe && net->bytes[1] >= 0x80);
}

/* Reads the user's subnet and makes it canonical. */
static int check_subnet(const TakenList *list, const char *text, uint8_t family, Address *ret,
                        Err *err) {
        unsigned longest = family == AF_INET6 ? 126 : 30, shortest = family == AF_INET6 ? 16 : 8;
        const Taken *taken;

        if (!strchr(text, '/') || addr_parse(text, ret) < 0 || ret->family != family)
                return err_hint(err, refuse(err, EINVAL, "'%s' is not a subnet", text),
                                "a subnet is an address and a length, like 10.99.0.0/24");
        if (ret->prefix > longest || ret->prefix < shortest)
                return refuse(err, EINVAL,
                              "subnet '%s' is too %s: its length must be from /%u to /%u", text,
                              ret->prefix > longest ? "small" : "large", shortest, longest);
        addr_mask(ret);
        if (is_special(ret))
                return refuse(err, EINVAL, "subnet '%s' is not for hosts", text);
        taken = overlapping(list, ret);
        if (taken)
                return err_hint(
                        err, refuse(err, EEXIST, "subnet '%s' overlaps with %s", text, taken->what),
                        "without --subnet a free one is chosen");
        return 0;
}

static Address first_host(const Address *net) {
        Address a = *net;

        a.bytes[addr_size(&a) - 1] |= 1;
        return a;
}

static bool is_last(const Address *net, const Address *a) {
        Address all = *net;

        for (unsigned bit = net->prefix; bit < 32; bit++)
                all.bytes[bit / 8] |= (uint8_t) (0x80 >> (bit % 8));
        return net->family == AF_INET && addr_equal(&all, a);
}

/* Checks or chooses the gateway and writes both in their canonical form. */
static int settle(const Address *net, char **subnet, char **gateway, Err *err) {
        char text[INET6_ADDRSTRLEN];
        Address gate = first_host(net);

        if (*gateway) {
                if (strchr(*gateway, '/') || addr_parse(*gateway, &gate) < 0)
                        return refuse(err, EINVAL, "gateway '%s' is not an address", *gateway);
                if (!addr_within(net, &gate) || addr_equal(net, &gate) || is_last(net, &gate))
                        return refuse(err, EINVAL, "gateway '%s' is not a host of subnet '%s'",
                                      *gateway, *subnet);
        }
        free(*subnet);
        free(*gateway);
        addr_text(&gate, text);
        *subnet = net_words(net);
        *gateway = strdup(text);
        return *subnet && *gateway ? 0 : fail(err, ENOMEM, "cannot describe a subnet");
}

/* fd and the first 14 digits of the random id: RFC 4193 asks for 40 random bits and 16 of ours. */
static Address unique_local(const char *id) {
        Address net = { AF_INET6, 64, { 0xfd } };

        for (unsigned i = 1; i < 8; i++) {
                unsigned byte = 0;

                (void) sscanf(id + 2 * i, "%2x", &byte);
                net.bytes[i] = (uint8_t) byte;
        }
        return net;
}

static int choose6(const TakenList *list, Network *n, Err *err) {
        Address net = unique_local(n->id);
        int r;

        if (n->subnet6) {
                r = check_subnet(list, n->subnet6, AF_INET6, &net, err);
                if (r < 0)
                        return r;
        } else if (!n->ipv6) {
                return n->gateway6
                               ? refuse(err, EINVAL, "gateway '%s' needs an IPv6 subnet or --ipv6",
                                        n->gateway6)
                               : 0;
        }
        n->ipv6 = true;
        return settle(&net, &n->subnet6, &n->gateway6, err);
}

int network_choose_subnets(const Home *home, Network *n, const Address *avoid, size_t n_avoid,
                           Err *err) {
        autotaken list = {};
        Address net;
        int r;

        r = find_taken(home, n->name, &list, err);
        for (size_t i = 0; r >= 0 && i < n_avoid; i++)
                if (add_taken(&list, &avoid[i], "network", "of the lab") < 0)
                        r = fail(err, ENOMEM, "cannot list the networks");
        if (r < 0)
                return r;
        if (n->subnet)
                r = check_subnet(&list, n->subnet, AF_INET, &net, err);
        else if (n->gateway)
                r = refuse(err, EINVAL, "gateway '%s' needs a subnet", n->gateway);
        else
                r = pick(&list, str_equal(n->name, "bridge"), &net, err);
        if (r < 0)
                return r;
        r = settle(&net, &n->subnet, &n->gateway, err);
        if (r < 0)
                return r;
        return choose6(&list, n, err);
}

/* Looks whether somebody else on this host has the network's addresses by now. */
static const Taken *find_rival(const Network *n, const TakenList *list) {
        const Taken *taken = NULL;
        Address net;

        if (n->subnet && addr_parse(n->subnet, &net) >= 0)
                taken = overlapping(list, &net);
        if (!taken && n->subnet6 && addr_parse(n->subnet6, &net) >= 0)
                taken = overlapping(list, &net);
        return taken;
}

int network_is_free(const Home *home, const Address *net, Err *err) {
        autotaken list = {};
        int r = find_taken(home, "", &list, err);

        return r < 0 ? r : !overlapping(&list, net);
}

int network_check_free(const Network *n, Err *err) {
        autotaken list = {};
        const Taken *taken;
        int r;

        r = take_routes(&list, err);
        if (r < 0)
                return r;
        taken = find_rival(n, &list);
        if (!taken)
                return 0;
        return err_hint(err,
                        refuse(err, EADDRINUSE, "subnet '%s' of network '%s' overlaps with %s",
                               n->subnet, n->name, taken->what),
                        "make a network with another --subnet");
}
