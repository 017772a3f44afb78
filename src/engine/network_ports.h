/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which container has which port of this host
 *
 * $RUN/ports/<protocol>-<port>[-<address>] is a claim (see network_internal.h)
 * whose target is "<container id> <port in it> <its IPv4 address or -> <its IPv6
 * address or ->": all that the firewall needs to be built anew.
 */

#include "engine/network_firewall.h"

#define PORTS_PER_PUBLISHED 2 /* at most one for each address family */

/*
 * Takes a port whose socket is bound already, for a container whose addresses are @e's: so a claim
 * that is there is its own or a dead one's, unless the owner lost its monitor.  -EADDRINUSE with
 * the owner's name.
 */
int ports_claim(const Home *home, const char *container, const Endpoint *e, const PublishedPort *p,
                Err *err);
/* Refuses a port that a container of this home has, with the owner's name; 0 if none has. */
int ports_refuse_taken(const Home *home, const char *container, const PublishedPort *p, Err *err);
bool ports_has(const Home *home, const char *container, const PublishedPort *p);
void ports_drop(const Home *home, const char *container, const PublishedPort *p);

/* What the firewall has to do for a published port; returns how many entries. */
size_t ports_for_firewall(const Endpoint *e, const PublishedPort *p,
                          FirewallPort ret[PORTS_PER_PUBLISHED]);

/* All that is claimed in this home, for building the firewall anew. */
int network_claimed_ports(const Home *home, FirewallPort **ret, size_t *ret_n, Err *err);
/* Removes the claims of containers that are not alive, and gives what they had in the firewall. */
int ports_sweep(const Home *home, bool (*alive)(const char *container, void *context),
                void *context, FirewallPort **ret, size_t *ret_n, Err *err);

/* "process 'nginx' (pid 4711)" or NULL: who listens on a port of this host. */
char *ports_listener_words(int protocol, int port);
