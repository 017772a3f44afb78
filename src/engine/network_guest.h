/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Networks whose other end is not ours
 *
 * A lab reaches the world by a cable.  Its end on this host takes the place of a network's bridge:
 * it has the gateway's addresses, and the firewall treats it as a bridge, with one rule more:
 * published ports are led there with the gateway's address as the source, so that answers come
 * back whatever other routes there are at the far end.
 *
 * $RUN/guests/<owner>/<interface>.json is a Network, written before the cable is made.  While the
 * directory is there its owner counts as alive: what it has claimed of ports is its own.  Who owns
 * it removes it, with guest_remove().
 *
 * Forwarding that is switched on for a guest is noted in $RUN/guests/forwarding, and switched back
 * with the last guest, unless a network of containers relies on it by then.
 */

#include "engine/network.h"
#include "netlink/addr.h"

#define GUEST_DRIVER "guest"

/**
 * guest_add() - choose the subnets of a guest and note it
 * @owner:	an id
 * @words:	who that is, in words: "lab 'x'"
 * @n:		zeroed but for bridge, the interface's name; subnet and gateway, subnet6 and
 *gateway6 where they are not to be chosen; mtu among the options.  Filled in.
 * @avoid:	networks that are not to be chosen
 */
int guest_add(const Home *home, const char *owner, const char *words, Network *n,
              const Address *avoid, size_t n_avoid, Err *err);

/* 1 if nobody on this host has a part of a network, 0 if somebody does; negative errno. */
int guest_is_free(const Home *home, const Address *net, Err *err);

/**
 * guest_connect() - address the interface, which is there now, forward, tell the firewall
 *
 * Return: 1 if forwarding was switched on for it, 0 if it was on; negative errno.
 */
int guest_connect(const Home *home, const Network *n, Err *err);

/* Takes back one, by its interface; with the last all that its owner has. */
int guest_remove_one(const Home *home, const char *owner, const char *interface, Err *err);
/* Takes back all that an owner has, ports and interfaces included; fine if there is nothing. */
int guest_remove(const Home *home, const char *owner, Err *err);

/* Whether there is any. */
bool guest_any(const Home *home);
/* Whether it owns a guest; in words, NULL if not. */
bool guest_owns(const Home *home, const char *owner);
char *guest_owner_words(const Home *home, const char *owner);

/* Calls @each for all guests of this home. */
int guest_each(const Home *home, int (*each)(const Network *n, void *context), void *context,
               Err *err);
