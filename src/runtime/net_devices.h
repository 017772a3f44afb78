/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Interfaces of the host's that a container gets (linux.netDevices)
 *
 * They are moved, not lent: once the container is complete they stay, and what
 * becomes of them at its end is the kernel's matter.  Only if it does not come to
 * that are they brought back.
 */

#include <net/if.h>
#include <stddef.h>

#include "base/err.h"
#include "oci/spec.h"

typedef struct NetDevice {
        char *home_name;          /* what it was called outside */
        char inside[IF_NAMESIZE]; /* and is inside */
} NetDevice;

typedef struct NetDevices {
        int home; /* the caller's network namespace, or -EBADF */
        NetDevice *list;
        size_t n;
} NetDevices;

/* Moves those of the specification to @netns; those that it has moved are in @devices also if it
 * fails. */
int net_devices_move(const OciLinux *spec, int netns, NetDevices *devices, Err *err);
/* Brings them back; what cannot be is a warning. */
void net_devices_return(NetDevices *devices, int netns);
void net_devices_clear(NetDevices *devices);

/* Brings up "lo" in the network namespace that the process is in; negative errno. */
int net_devices_loopback(void);
