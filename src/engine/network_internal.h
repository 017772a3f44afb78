/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the network*.c files share and nobody else needs. */

#include "engine/network.h"
#include "netlink/addr.h"
#include "netlink/link.h"

/* A name in $RUN, built without allocating: network and container names are short. */
typedef struct NetworkPath {
        char text[512];
} NetworkPath;
NetworkPath network_path(const char *format, ...) printf_like(1, 2);

/*
 * Ownership of addresses and ports is said by a symbolic link whose target is the owner: made in
 * one step, it fails where one is, and there is no moment at which it exists without its content.
 */
int claim_make(int dir, const char *path, const char *owner);
/* Writes the target; -ENOENT if there is none. */
int claim_read(int dir, const char *path, char *owner, size_t size);
bool claim_is_of(int dir, const char *path, const char *container);
/*
 * True if the container that a claim names does not run.  @may_be_starting: its claims come before
 * it runs, so a young one counts as alive.
 */
bool claim_is_stale(const Home *home, int dir, const char *path, bool may_be_starting);
/* Removes a claim if it names this container. */
void claim_drop(int dir, const char *path, const char *container);
/* "container 'web'", or by its id if it has no name any more. */
char *claim_owner_words(const Home *home, int dir, const char *path);

/* In $RUN/networks/<network>: a symbolic link whose target is the name of a bridge that was made.
 */
#define BRIDGE_MARK "bridge"

/* Reads "02:42:0a:58:00:02"; -EINVAL. */
int network_parse_mac(const char *text, uint8_t mac[6]);

/*
 * Locks what exists of a network on this host.  Shared by those who attach containers; exclusively
 * by whoever removes a bridge.  -EAGAIN only without @wait.
 */
int network_lock(const Home *home, const char *name, bool exclusive, bool wait);

/* Locks the records against being made and removed; returns a descriptor to close. */
int network_lock_records(const Home *home, Err *err);

/* Names of the networks that have a record, sorted. */
int network_names(const Home *home, char ***ret, Err *err);

/* Fills in subnet, gateway and their IPv6 counterparts where they are not said, and checks them.
 * @avoid: networks that are not to be chosen. */
int network_choose_subnets(const Home *home, Network *n, const Address *avoid, size_t n_avoid,
                           Err *err);

/* Whether no network and no route of this host has a part of @net: 1, 0; negative errno. */
int network_is_free(const Home *home, const Address *net, Err *err);

/* Refuses a network whose addresses another interface of this host has got since it was made. */
int network_check_free(const Network *n, Err *err);

/* A number in a file that says where to begin a search; only a hint. */
uint32_t network_read_cursor(int fd);
void network_write_cursor(int fd, uint32_t n);

/* Takes back what network_reserve() gave. */
int network_release_address(const Home *home, const char *container, const Endpoint *e);

/* Tells whether this kernel has IPv6. */
bool network_has_ipv6(void);

/*
 * Lets a container reach its own published ports where br_netfilter is at work: there the bridge
 * itself has to send the packets back.
 */
void network_allow_hairpin(const Endpoint *e);

/* Addresses a network's interface on this host, which is there, and sets it up. */
int network_raise(const Network *n, Err *err);
/* Removes it; fine if there is none. */
int network_remove_bridge(const char *bridge, Err *err);

/* Makes the bridge, with addresses and forwarding; fine if somebody else does just now. */
int network_make_bridge(const Network *n, Err *err);
