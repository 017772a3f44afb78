/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Names of interfaces in the kernel
 *
 * A node's interface has the name that the topology says, in the node's namespace.  The
 * switches of Open vSwitch are one process in the lab's fabric: their ports are there, called
 * after node and interface.
 */

#include "topology/topology.h"

typedef struct DeviceName {
        char text[INTERFACE_NAME_MAX + 1];
} DeviceName;

DeviceName device_name(const Topology *t, LinkSide side);
/* Of an uplink, in its node's namespace. */
DeviceName device_of_uplink(const Topology *t, size_t uplink);
/* Of a switch of Open vSwitch itself. */
DeviceName device_of_switch(const Topology *t, size_t node);
/* Of a node's cable in the management network, at the bridge. */
DeviceName device_of_management(const Topology *t, size_t node);
