/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Addresses, routes and neighbours over rtnetlink.  An address is family and bytes, as in a packet.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "netlink/nl.h"

typedef struct Address {
        uint8_t family; /* AF_INET or AF_INET6 */
        uint8_t prefix; /* length of the network part */
        uint8_t bytes[16];
} Address;

static inline size_t addr_size(const Address *a) {
        return a->family == AF_INET6 ? 16 : 4;
}
/* Reads "10.88.0.1", "10.88.0.0/16", "fd00::1/64"; without a length it is the whole address.
 * -EINVAL. */
int addr_parse(const char *text, Address *ret);
/* Writes the address without its length. */
void addr_text(const Address *a, char text[INET6_ADDRSTRLEN]);
bool addr_equal(const Address *a, const Address *b);
/* Tells whether the network @net contains address @a. */
bool addr_within(const Address *net, const Address *a);
/* Tells whether two networks have addresses in common. */
bool addr_overlap(const Address *a, const Address *b);
/* Sets the bits after the network part to zero. */
void addr_mask(Address *a);

/*
 * Adds to a batch: gives the interface an address, usable at once (no duplicate detection), with
 * the route to its network.
 */
void addr_next_add(NlMessage *m, int index, const Address *a);
/* Adds to a batch: a route through a gateway that is reached by the interface; @to NULL: default.
 */
void route_next_add(NlMessage *m, int index, const Address *to, const Address *gateway);
/* The same, used where there is none of a lower metric; IPv6's have 1024 otherwise. */
void route_next_add_after(NlMessage *m, int index, const Address *to, const Address *gateway,
                          uint32_t metric);

/* Add to a batch: take it away again; -EADDRNOTAVAIL, -ESRCH where there is none. */
void addr_next_remove(NlMessage *m, int index, const Address *a);
void route_next_remove(NlMessage *m, int index, const Address *to, const Address *gateway);

/* Calls @each for every address of an interface, with the length of its network part; a negative
 * value ends the walk. */
int addr_each(int nl, int index, int (*each)(const Address *address, void *context), void *context,
              Err *err);

typedef struct Route {
        Address to; /* prefix 0: the default route */
        int index;  /* of its interface, 0 where it has none */
        uint32_t table;
        uint8_t type;
} Route;

/* Calls @each for every route of a family; a negative value ends the walk. */
int route_each(int nl, uint8_t family, int (*each)(const Route *route, void *context),
               void *context, Err *err);
