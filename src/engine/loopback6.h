/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Published ports at [::1]
 *
 * The firewall cannot lead them to a container: IPv6 has no route_localnet, so
 * an answer that comes in by a bridge for ::1 is dropped (ip6_rcv_core() in
 * net/ipv6/ip6_input.c), and where br_netfilter translates addresses on the
 * bridge already, even a route of our own does not help.  So the monitor, which
 * holds a socket bound to the port anyway, listens on it and relays, for this
 * host's own connections to ::1 and for nothing else.
 *
 * What a slow reader does not take stays in the sender's socket: nothing is
 * buffered here, and a connection costs two descriptors and some bytes.
 * Connections beyond LOOPBACK6_CONNECTIONS wait in the port's backlog; beyond
 * LOOPBACK6_PEERS the UDP peer that was silent for longest is forgotten.
 */

#include "engine/network.h"

#define LOOPBACK6_CONNECTIONS 128
#define LOOPBACK6_PEERS       64

typedef struct Loopback6 Loopback6;

/**
 * loopback6_open() - begin to serve the ports that are held on :: or ::1
 * @endpoint:	where they lead: IPv4 is tried first, then IPv6
 * @ports:	with the sockets of network_publish() or network_hold(), which stay the caller's
 *		and outlive the result
 * @ret:	NULL if none of them is for ::1
 *
 * Return: 0; negative errno.
 */
int loopback6_open(const Endpoint *endpoint, const PublishedPort *ports, size_t n, Loopback6 **ret);
/* Readable when loopback6_run() has something to do; -EBADF for NULL. */
int loopback6_fd(const Loopback6 *l);
/* Does what can be done without waiting, a bounded amount of it. */
void loopback6_run(Loopback6 *l);
/* Resets what is under way. */
Loopback6 *loopback6_free(Loopback6 *l);
DEFINE_AUTOPTR(Loopback6, loopback6_free)
