/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>

#include "lab/device.h"

/* By names, not by places: those change while the lab is up. */
static uintmax_t short_hash(const char *a, const char *b) {
        return topology_hash(a, b) >> 16;
}

DeviceName device_name(const Topology *t, LinkSide side) {
        const Node *n = &t->nodes[side.node];
        const char *name = n->interfaces[side.interface].name;
        DeviceName d;

        if (n->kind != NODE_OVS_BRIDGE)
                (void) snprintf(d.text, sizeof d.text, "%s", name);
        else if (snprintf(d.text, sizeof d.text, "%s-%s", n->name, name) > INTERFACE_NAME_MAX)
                /* no node's name begins with a dot */
                (void) snprintf(d.text, sizeof d.text, ".%012jx", short_hash(n->name, name));
        return d;
}

DeviceName device_of_uplink(const Topology *t, size_t uplink) {
        const Uplink *u = &t->uplinks[uplink];
        const Node *n = &t->nodes[u->node];
        DeviceName d;

        if (n->kind != NODE_OVS_BRIDGE)
                (void) snprintf(d.text, sizeof d.text, "%s", u->interface);
        else if (snprintf(d.text, sizeof d.text, "%s-%s", n->name, u->interface) >
                 INTERFACE_NAME_MAX)
                (void) snprintf(d.text, sizeof d.text, ".u%zu", uplink);
        return d;
}

DeviceName device_of_switch(const Topology *t, size_t node) {
        DeviceName d;

        if (snprintf(d.text, sizeof d.text, "%s", t->nodes[node].name) > INTERFACE_NAME_MAX)
                (void) snprintf(d.text, sizeof d.text, ".%012jx",
                                short_hash(t->nodes[node].name, ""));
        return d;
}

DeviceName device_of_management(const Topology *t, size_t node) {
        DeviceName d;

        (void) snprintf(d.text, sizeof d.text, "m%012jx", short_hash(t->nodes[node].name, ""));
        return d;
}
