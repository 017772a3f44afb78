/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Echo requests and replies of ICMP and ICMPv6 (RFC 792, RFC 4443) over raw sockets. */

#include "measure/probe.h"

#define ECHO_MIN 24 /* bytes of data that a request needs for itself */
#define ECHO_MAX 65000

typedef struct Echo {
        uint64_t session; /* whose it is */
        uint32_t target;  /* which of several */
        uint32_t sequence;
        int64_t sent_ns;
        int64_t arrived_ns; /* of a reply */
} Echo;

/* A socket that receives echo replies, with stamps; negative errno with a sentence. */
int echo_open(int netns, int family, Err *err);

/* Sends a request with @size bytes of data to @to, or with NULL to where the socket is connected.
 * 0; negative errno. */
int echo_send(int fd, const Address *to, const Echo *echo, size_t size);

/* Reads one reply of @session.  1; 0 for a packet that is none; -EAGAIN if there is nothing more;
 * negative errno, also what a router answered (-EHOSTUNREACH, …). */
int echo_receive(int fd, int family, uint64_t session, Echo *ret);

/* Has neighbours find each other before anything is measured: sends requests until one is answered,
 * for at most the time given.  True if one was. */
bool echo_warm_up(int netns, const Address *to, int64_t patience_ns, int stop);
