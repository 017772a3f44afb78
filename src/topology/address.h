/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Automatic addresses
 *
 * A broadcast domain is a link, or all links that meet in switches.  One whose
 * interfaces have no address gets a network of its own from the pool; one that has
 * some keeps to the network of the first.  The same file always gives the same
 * addresses, and one more node at its end changes none of those before.
 */

#include "topology/topology.h"

/* Gives every host's and router's interface that has none an IPv4 and an IPv6 address, a MAC
 * address to all without one (from the seed and their names), and hosts with one router in their
 * domain a default route by it. */
int topology_assign_addresses(Topology *t, Err *err);

/**
 * topology_assign_addresses_after() - the same for a lab that is up already
 * @before:	as it is, all addresses said
 *
 * What the file leaves to us stays what it is, as long as it can: names of interfaces, addresses
 * of links between the same ends, MAC addresses, management addresses, the seed, numbers of
 * switches.  So a node that comes or goes changes nobody else's.
 */
int topology_assign_addresses_after(Topology *t, const Topology *before, Err *err);
