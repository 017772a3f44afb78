/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which way the kernel would send a packet (ip-route(8), "route get"). */

#include "base/err.h"
#include "netlink/addr.h"

typedef struct RouteAnswer {
        Address gateway; /* the next hop; family 0: the destination itself */
        Address source;  /* family 0: not said */
        int index;       /* of the interface it leaves by */
        uint8_t type;    /* RTN_UNICAST, RTN_LOCAL, … */
} RouteAnswer;

/**
 * route_lookup() - ask for the route to an address
 * @nl:		from nl_open() in the namespace whose tables count
 *
 * Return: 0; -ENETUNREACH, -EHOSTUNREACH, -EACCES … as a packet would be told.
 */
int route_lookup(int nl, const Address *to, RouteAnswer *ret, Err *err);
