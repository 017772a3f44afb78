/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Published ports that the monitor serves
 *
 * For root these are those at [::1].  The firewall cannot lead them to a container: IPv6 has no
 * route_localnet, so an answer that comes in by a bridge for ::1 is dropped (ip6_rcv_core() in
 * net/ipv6/ip6_input.c), and where br_netfilter translates addresses on the
 * bridge already, even a route of our own does not help.  So the monitor, which
 * holds a socket bound to the port anyway, listens on it and relays, for this
 * host's own connections to ::1 and for nothing else.
 *
 * For an ordinary user these are all: the machine's firewall is not his.  The monitor speaks to the
 * container from where the bridges are (uplink.h), with the client's own address, unless that is
 * a loopback address or of a family that the container has not got (uplink_return.h). A node of a
 * lab, whose endpoint is of no network, may have other ways to that address: it sees the gateway's.
 *
 * What a slow reader does not take stays in the sender's socket: nothing is
 * buffered here, and a connection costs two descriptors and some bytes.
 * Connections beyond PORT_RELAY_CONNECTIONS wait in the port's backlog; beyond
 * PORT_RELAY_PEERS the UDP peer that was silent for longest is forgotten.
 */

#include "engine/network.h"

#define PORT_RELAY_CONNECTIONS 128
#define PORT_RELAY_PEERS       64

typedef struct PortRelay PortRelay;

/**
 * port_relay_open() - begin to serve the ports that are held on :: or ::1, or all
 * @home:	tells where the container is
 * @endpoint:	where they lead: IPv4 is tried first, then IPv6
 * @ports:	with the sockets of network_publish() or network_hold(), which stay the caller's
 *		and outlive the result
 * @ret:	NULL if none of them is to be served
 *
 * Return: 0; negative errno.
 */
int port_relay_open(const Home *home, const Endpoint *endpoint, const PublishedPort *ports,
                    size_t n, PortRelay **ret);
/* Readable when port_relay_run() has something to do; -EBADF for NULL. */
int port_relay_fd(const PortRelay *l);
/* Does what can be done without waiting, a bounded amount of it. */
void port_relay_run(PortRelay *l);
/* Resets what is under way. */
PortRelay *port_relay_free(PortRelay *l);
DEFINE_AUTOPTR(PortRelay, port_relay_free)
