/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The management network: one interface more for each node, all on one bridge. */

#include "topology/topology.h"

/* A bridge of Linux has 1024 ports (BR_MAX_PORTS). */
#define MANAGEMENT_NODES_MAX 1023

/* Whether a node is in it: not switches, and not those that were told not to be. */
bool node_is_managed(const Topology *t, const Node *n);
/* What a node's interface in it is called. */
const char *management_interface(const Topology *t);
/* The address of the bridge itself, the first of the network. */
Address management_gateway(const Address *net);

/* Lets there be one where ports of nodes are to be published, which they are at its addresses. */
void topology_imply_management(Topology *t);

/* Gives every node in it the addresses that its file does not; nothing without such a network.
 * @before: the lab as it is, whose addresses are kept where they can be; or NULL. */
int topology_assign_management(Topology *t, const Topology *before, Err *err);
