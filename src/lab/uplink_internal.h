/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the kinds of uplinks share. */

#include "lab/device.h"
#include "lab/lab.h"
#include "netlink/link_keep.h"
#include "topology/uplink.h"

/* One that is being attached. */
typedef struct Attach {
        Lab *lab;
        const Topology *t;
        const Uplink *uplink;
        const Node *node;
        UplinkSpec spec;
        DeviceName name;
        char host_name[INTERFACE_NAME_MAX + 1]; /* of the end on the host, where it has one */
        int nl;                                 /* here */
        int netns;                              /* the node's */
        LinkKept kept;
        Err *err;
} Attach;

/* The end in the node, down. */
LinkEnd uplink_node_end(const Attach *a);

/* Of kind udp: the lab's keeper carries it. */
int udp_add(Attach *a);
/* @node, @interface: names. */
void udp_remove(const Lab *lab, const char *node, const char *interface);

/* Of kind nat: the cable, and what the host is to do with it. */
int nat_add(Attach *a);
/* In the node's network namespace: packets of others leave with its own address. */
int nat_settle(const Attach *a);
