/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Sockets, as the kernel lists them (sock_diag(7), NETLINK_SOCK_DIAG)
 *
 * Which process a socket belongs to is not in the list: its inode is what
 * /proc/PID/fd shows.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

typedef struct DiagSocket {
        int family;   /* AF_INET, AF_INET6 */
        int protocol; /* IPPROTO_TCP, IPPROTO_UDP */
        int state; /* TCP_LISTEN, TCP_ESTABLISHED …; a UDP socket without a peer is TCP_CLOSE */
        uint8_t address[16], peer[16];
        uint16_t port, peer_port;
        uint32_t interface; /* bound to it; 0: any */
        uint32_t inode, uid;
} DiagSocket;

typedef int (*DiagReceive)(const DiagSocket *socket, void *context);

/* True if anybody may send to it: a TCP listener, a UDP socket that is not connected. */
bool diag_is_listening(const DiagSocket *socket);

/**
 * diag_dump() - list the TCP and UDP sockets, IPv4 and IPv6, of a network namespace
 * @nl:		from nl_open_protocol(NETLINK_SOCK_DIAG) in that namespace
 * @all:	false: only those that listen
 * @receive:	called for each; a negative value ends the list with it
 *
 * Return: 0; negative errno.
 */
int diag_dump(int nl, bool all, DiagReceive receive, void *context, Err *err);
