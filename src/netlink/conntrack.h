/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Connection tracking over netfilter netlink: forgetting flows whose way has changed. */

#include <stdint.h>

/**
 * conntrack_forget() - let flows to a port be looked at anew
 * @nl:		a NETLINK_NETFILTER socket
 * @family:	AF_INET or AF_INET6
 * @protocol:	IPPROTO_UDP; a TCP connection begins anew by itself
 * @port:	the destination port as the sender wrote it
 *
 * Where a flow goes is decided by its first packet.  A client that keeps sending to a port, as with
 * UDP they do, would for ever miss that it leads somewhere else now.
 *
 * Return: how many were forgotten; negative errno, -EOPNOTSUPP where the kernel cannot tell.
 */
int conntrack_forget(int nl, uint8_t family, uint8_t protocol, uint16_t port);
