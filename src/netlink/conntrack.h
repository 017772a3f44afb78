/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Connection tracking over netfilter netlink: forgetting flows whose way has changed. */

#include <stddef.h>
#include <stdint.h>

/**
 * conntrack_forget() - let flows to some ports be looked at anew
 * @nl:		a NETLINK_NETFILTER socket
 * @protocol:	IPPROTO_UDP; a TCP connection begins anew by itself
 * @ports:	destination ports as the sender wrote them, IPv4 and IPv6
 *
 * Where a flow goes is decided by its first packet.  A client that keeps sending to a port, as with
 * UDP they do, would for ever miss that it leads somewhere else now.
 *
 * The kernel walks its whole table for this, a millisecond for every 80,000 buckets, so one call
 * does for many ports, and a host without any flow is not asked.
 *
 * Return: how many were forgotten; negative errno, -EOPNOTSUPP where the kernel cannot tell.
 */
int conntrack_forget(int nl, uint8_t protocol, const uint16_t *ports, size_t n);
