/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The nf_tables rules of all networks
 *
 * One table, `inet isola`, whose rules never change: bridges and published
 * ports are elements of its sets and maps, so neither the number of rules nor
 * what a packet costs grows with containers.  No other table is touched.
 */

#include "engine/network.h"
#include "netlink/addr.h"

/* One way in: what arrives for host:port goes to container:port. */
typedef struct FirewallPort {
        uint8_t protocol;
        Address host; /* family of @to; prefix 0: any address of this host */
        uint16_t host_port;
        Address to;
        uint16_t port;
} FirewallPort;

/*
 * Looks whether the table knows the network's bridge, which takes one message; if not, somebody
 * flushed it or it was never made: it is built anew with everything that this home has.
 * @nft: a NETLINK_NETFILTER socket.
 */
int firewall_prepare(const Home *home, const Network *network, int nft, Err *err);
/* Leads ports to containers, in one transaction; an element that is left of a dead owner gives way.
 */
int firewall_publish(int nft, const FirewallPort *ports, size_t n, Err *err);
/* Takes back what is still there. */
void firewall_withdraw(int nft, const FirewallPort *ports, size_t n);
/* Whether the table knows any network, of this home or another. */
bool firewall_has_networks(int nft);
/* Forgets a network. */
void firewall_forget(const Network *n);
/* Removes the table if it knows no network any more, of this home or another; none can be added
 * between the look and the removal. */
void firewall_sweep(void);
