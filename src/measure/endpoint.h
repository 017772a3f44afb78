/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where packets of a measurement come from and go to, as people say it. */

#include "topology/topology.h"

typedef struct Endpoint {
        ssize_t node;      /* negative: only an address */
        ssize_t interface; /* negative: any */
        Address address;   /* family 0: the node's */
} Endpoint;

/* "h1".  -ENOENT with a sentence and the nearest name. */
int endpoint_parse_node(const Topology *t, const char *word, Endpoint *ret, Err *err);
/* "h2", "h2:eth1", or an address, be it a node's or not.  The same. */
int endpoint_parse(const Topology *t, const char *word, Endpoint *ret, Err *err);
/* The first address of a family that it has; false if none. */
bool endpoint_address(const Topology *t, const Endpoint *p, int family, Address *ret);
/* How people call it: "h1", "h1:eth1", "10.0.0.1"; the caller's; NULL without memory. */
char *endpoint_name(const Topology *t, const Endpoint *p);
