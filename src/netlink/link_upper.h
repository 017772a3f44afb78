/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Interfaces that send by others: macvlan, macvtap, vxlan
 *
 * Each function adds one message to a batch.  The interface is born in the namespace that its
 * LinkEnd says, and goes on sending by the one where the message was sent from.
 */

#include "netlink/addr.h"
#include "netlink/link.h"

/* @kind: "macvlan" or "macvtap"; @lower: index of the interface below; @mode: MACVLAN_MODE_*. */
void link_next_macvlan(NlMessage *m, const LinkEnd *end, const char *kind, int lower,
                       uint32_t mode);

typedef struct VxlanOptions {
        uint32_t vni;
        Address remote, local; /* @local: family 0: the kernel chooses */
        uint16_t port;
        int lower; /* index of the interface to send by, or 0 */
} VxlanOptions;

/* A tunnel to one other machine. */
void link_next_vxlan(NlMessage *m, const LinkEnd *end, const VxlanOptions *options);
