/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What all probes are made of
 *
 * A probe is one function that measures between network namespaces and returns what
 * it saw.  Its sockets are opened in those namespaces and used from outside: nodes
 * need no programs, and both ends of a measurement are one process with one clock.
 * Every probe is bounded in time and count, and ends early, with what it has, once
 * its stop descriptor is readable (a signalfd, an eventfd; -EBADF: none).
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "netlink/addr.h"

#define NS_PER_S  1000000000LL
#define NS_PER_MS 1000000LL

/* One side of a measurement. */
typedef struct Station {
        int netns;       /* network namespace; borrowed */
        Address address; /* that it is reached by */
} Station;

/* CLOCK_MONOTONIC. */
int64_t monotonic_ns(void);

/* A close-on-exec, non-blocking socket in a network namespace; negative errno with a sentence. */
int probe_socket(int netns, int family, int type, int protocol, Err *err);
/* Returns the length of what it wrote. */
socklen_t probe_sockaddr(const Address *a, uint16_t port, struct sockaddr_storage *ret);
/* Binds a socket to a station's address and a free port, which is returned; negative errno with a
 * sentence. */
int probe_bind(int fd, const Address *a, Err *err);
/* Sends and receives buffers of so many bytes, beyond the system's limit where that is allowed. */
void probe_buffers(int fd, int bytes);

bool probe_is_stopped(int stop);
/* Waits for @events at @fd (-1: for nothing) until a point in time of CLOCK_MONOTONIC.  1: there,
 * 0: the time has come, -ECANCELED: stopped; negative errno. */
int probe_wait(int fd, short events, int stop, int64_t until_ns);

/* Lets the kernel stamp what arrives at a socket: probe_arrival_ns() reads it. */
int probe_stamp_arrivals(int fd);
/* When a datagram arrived, by CLOCK_MONOTONIC: as the kernel stamped it at the interface, which a
 * receiver that wakes late does not falsify; now, where it has no stamp. */
int64_t probe_arrival_ns(struct msghdr *message);

/* Random bits that tell one probe's packets from any other's. */
uint64_t probe_session(void);
/* Lets the calling thread sleep to the microsecond instead of to 50. */
void probe_sleep_exactly(void);
