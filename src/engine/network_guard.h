/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Containers that could forge packets send only their own
 *
 * A container with NET_RAW or NET_ADMIN over its network may write any frame.
 * Its cable is guarded: the bridge takes from it only frames with its MAC and
 * IP addresses, ARP and neighbour advertisements included, and no router
 * advertisements or redirects.  Others have no means to forge, and cost nothing.
 *
 * One table, `bridge isola`, whose rules never change; cables and addresses are
 * elements of its sets.  It is there while a guarded container is.
 */

#include "engine/network.h"
#include "netlink/addr.h"

/*
 * Guards a cable that is about to be plugged in.  The table is made if it is not there, with the
 * other guarded cables of this home.  Where the kernel has no nf_tables for bridges a warning says
 * so.
 */
void guard_add(const Home *home, int nft, const Endpoint *e);
void guard_remove(const Endpoint *e);
/* Adds to a transaction: the table's removal, if there is one. */
void guard_put_removal(int nft, NlMessage *m);
/* Guards the cables of running containers again, if the table was flushed. */
void guard_restore(const Home *home, int nft);
