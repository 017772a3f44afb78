/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The container's name server
 *
 * Listens on 127.0.0.11:53 inside the container's network namespace, run by its
 * monitor.  Names of containers on the same network are answered from
 * $RUN/networks/<name>/names; everything else is forwarded to the host's
 * resolvers from the host's namespace, unless the network is internal.
 * Never blocks: the monitor polls what dns_poll() tells.
 *
 * It stands in the way of a name server that is the container's own purpose as
 * little as it can: UDP with SO_REUSEADDR, which nearly all of them set too, and
 * TCP only from the first answer on that did not fit into a datagram.
 */

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/home.h"

#define DNS_POLL_MAX 3

typedef struct Dns Dns;

typedef struct DnsOptions {
        const char *network;    /* name */
        bool internal;          /* forward nothing */
        char *const *upstreams; /* resolver addresses; NULL: the host's /etc/resolv.conf */
        char *const *search;    /* not used here: it is in the container's resolv.conf */
} DnsOptions;

/**
 * dns_open() - begin to listen
 * @netns:	the container's network namespace, with lo up; not kept
 * @options:	copied
 *
 * Costs a few system calls: one UDP socket is opened, in the namespace.
 *
 * Return: 0; -EADDRINUSE if the port is taken there; negative errno.
 */
int dns_open(const Home *home, int netns, const DnsOptions *options, Dns **ret, Err *err);
/* Fills in what to poll for; returns how many (at most max, which is DNS_POLL_MAX). */
size_t dns_poll(const Dns *dns, struct pollfd *fds, size_t max);
/* Milliseconds until something times out, -1 for never. */
int dns_timeout_ms(const Dns *dns);
/* Deals with whatever is ready, and with what has timed out. */
void dns_run(Dns *dns, const struct pollfd *fds, size_t n);
Dns *dns_free(Dns *dns);
DEFINE_AUTOPTR(Dns, dns_free)
