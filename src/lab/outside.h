/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The host, as a lab sees it
 *
 * Cables out of a lab end in the network namespace of the command that makes it.  An ordinary user
 * has no rights over that: his end in the namespace of his containers' networks, in which he can
 * meet them, and out of which pasta(1) leads (engine/uplink.h).  What of his labs has a cable there
 * keeps that namespace: their porter holds it open (porter.h).
 */

#include "lab/lab.h"

/* A netlink socket there, the caller's. */
int lab_open_outside(const Home *home, Err *err);
/* The namespace, the caller's. */
int lab_outside_netns(const Home *home, Err *err);
/* Whether it has a cable that ends in a namespace which the lab has to keep. */
bool lab_keeps_outside(const Lab *lab);
/* Connects that namespace to the world, where it is not, as far as the lab wants it to be: for an
 * uplink of kind nat, or the management network. A warning tells why it could not be. */
int lab_connect_outside(const Lab *lab, Err *err);
/* Lays again what went with that namespace, which had nobody left to keep it. */
int lab_revive_outside(Lab *lab, Err *err);
