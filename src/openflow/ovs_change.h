/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Bridges and ports of a switch
 *
 * A change is any number of bridges and ports to be added, set and removed.  It is carried out in
 * one transaction of the database, and the switch reconfigures itself once: a hundred bridges cost
 * about what one does.  Building is sticky; memory that runs out is told by ovs_change_commit().
 *
 *         autoptr(OvsChange) change = ovs_change_new();
 *         ovs_change_add_bridge(change, &bridge);
 *         ovs_change_add_port(change, &port);
 *         r = ovs_change_commit(change, db, err);
 *
 * All strings are read during the call that gets them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "openflow/ovsdb.h"

typedef struct OvsBridge {
        const char *name;         /* also of its own interface: at most 15 bytes */
        char *const *controllers; /* "tcp:127.0.0.1:6653", "unix:PATH" (see ovs_controller()) */
        char *const *protocols;   /* "OpenFlow10", "OpenFlow13"; NULL for the switch's default */
        uint64_t dpid;            /* or 0 for one made from an address */
        const char *fail_mode;    /* "standalone" (it learns by itself while no controller is
                                     there), "secure" (it does nothing by itself), or NULL */
        bool rstp; /* it breaks loops with others that do (IEEE 802.1D-2004), whoever controls it;
                      not over a port with a peer, which Open vSwitch 3.1 does not survive.  Only
                      when it is added */
        const char *datapath_type; /* "system" for the kernel's; NULL for user space, "netdev" */
} OvsBridge;

typedef struct OvsPort {
        const char *bridge;     /* that is there, or added earlier in the same change */
        const char *name;       /* of an interface in the switch's network namespace */
        const char *peer;       /* or NULL: of another bridge's port, to which this one is connected
                                   within the switch; then there is no interface, and the other one
                                   names this one, at best in the same change */
        bool edge;              /* a host is there: RSTP need not wait whether a bridge is */
        uint16_t number;        /* OpenFlow's, 1 to 65279, or 0 for the next free one */
        uint16_t vlan;          /* access port of that VLAN, 1 to 4094; or 0 */
        const uint16_t *trunks; /* the only VLANs it carries */
        size_t n_trunks;        /* 0: all of them */
} OvsPort;

typedef struct OvsChange OvsChange;

OvsChange *ovs_change_new(void);
OvsChange *ovs_change_free(OvsChange *change);
DEFINE_AUTOPTR(OvsChange, ovs_change_free)

void ovs_change_add_bridge(OvsChange *change, const OvsBridge *bridge);
/* Gives a bridge that is there these controllers, protocols, dpid and fail mode in place of its
 * own. */
void ovs_change_set_bridge(OvsChange *change, const OvsBridge *bridge);
void ovs_change_add_port(OvsChange *change, const OvsPort *port);
/* With its ports. */
void ovs_change_remove_bridge(OvsChange *change, const char *name);
void ovs_change_remove_port(OvsChange *change, const char *bridge, const char *name);

/**
 * ovs_change_commit() - carry it out and wait until the switch has done so
 *
 * If the switch cannot open an interface, what the change added is removed again, and the error
 * says what the switch says.  To be called once.
 *
 * Return: 0; -EEXIST if a bridge or port of that name is there; -ENOENT if one to be set or
 * removed, or a port's bridge, is not; -EINVAL for a name, VLAN or number that cannot be, or a peer
 * with RSTP; -ENODEV for an interface that cannot be opened; -ESRCH if the switch has ended (the
 * database has the change, for the next one), -ETIMEDOUT if it does not answer within
 * ovsdb_open()'s time, which must be more than a second; as ovsdb_transact().
 */
int ovs_change_commit(OvsChange *change, Ovsdb *db, Err *err);

typedef struct OvsInterface {
        char *name;
        int number;  /* OpenFlow's, 65534 for a bridge's own, -1 for one that failed, 0 not yet */
        char *error; /* why it failed, or NULL */
} OvsInterface;

typedef struct OvsInterfaces {
        OvsInterface *list;
        size_t n;
} OvsInterfaces;

#define autointerfaces __attribute__((__cleanup__(ovs_interfaces_clear))) OvsInterfaces

void ovs_interfaces_clear(OvsInterfaces *interfaces);
/* All of the switch's, bridges' own included, in the order of their names. */
int ovs_interfaces(Ovsdb *db, OvsInterfaces *ret, Err *err);
/* Binary search by name; NULL if there is none. */
const OvsInterface *ovs_interface(const OvsInterfaces *interfaces, const char *name);
