/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A node's interfaces, from inside its network namespace. */

#include <sys/types.h>

#include "netlink/nl.h"
#include "topology/topology.h"

/* The bridge of a switch, after its ports. */
#define BRIDGE_NAME "br0"

/* The number that an interface gets in the kernel, by its place; behind those that some kernels
 * give tunnels in every namespace (net.core.fb_tunnels_only_for_init_net). */
static inline int interface_index(size_t place) {
        return 100 + (int) place;
}

/* Sets all up: loopback, the bridge of a switch and its ports, addresses, routes, and the rates of
 * links that the kernel gives their quality. */
int node_network_set_up(const Topology *t, size_t node, Err *err);

/**
 * node_network_adjust() - the same for a node that runs, from outside
 * @netns:	its network
 * @before:	the topology that it was set up for; NULL: none
 * @was:	its place in that
 * @cut:	by interface: it is down, and stays so; or NULL
 *
 * What that says and @t does not is taken away; anything else that is there stays.  Does no harm
 * when it is done again.
 */
int node_network_adjust(int netns, const Topology *before, size_t was, const Topology *t,
                        size_t node, const bool *cut, Err *err);

/**
 * node_network_settle() - wait until its interfaces carry packets
 *
 * The kernel notices that both ends of a cable are up in a worker of its own, up to a second later;
 * until then packets are lost and IPv6 addresses are not used.  Asked for an interface it notices
 * at once (since Linux 6.9).  All of its neighbours have to be set up.
 */
int node_network_settle(const Node *n, Err *err);

/* A route of a node's, and the interface that it goes by. */
typedef struct NodeRoute {
        Address to, gateway; /* to.family 0: the default route */
        int index;
} NodeRoute;

/* Reads one, "default via 10.0.0.1"; @index: of the node's interfaces, by place. */
int node_route_read(const Node *n, const int *index, const char *text, NodeRoute *ret, Err *err);
/* A router asks for the neighbours of packets that it forwards from its link-local address, and
 * not before duplicates of that have been looked for: not here. */
int node_skip_duplicate_detection(const Node *n, Err *err);

/* Adds to a batch: the rate of the direction that begins at an end of a link, if it has one; of one
 * of netem's, all of its quality. */
void link_put_rate(NlMessage *m, int index, const TopologyLink *l, int end);

/* Sets a kernel parameter, "net.ipv4.ip_forward=1", of the calling process's namespaces. */
int node_sysctl(const char *setting, Err *err);

/**
 * node_forward() - let a router forward
 * @pid:	of the node
 *
 * The kernel spins where it cannot have its lock of all networks at once (rtnl_trylock() and
 * restart_syscall()), so this is done for one router after the other, once the nodes are ready.
 */
int node_forward(pid_t pid, Err *err);
