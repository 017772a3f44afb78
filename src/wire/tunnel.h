/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * An end of a wire on another machine: frames in UDP, framed as VXLAN (RFC 7348)
 *
 * The other end may be another wire or the kernel's own vxlan device.  A GSO frame becomes the
 * packets that it stands for, which leave together (UDP_SEGMENT, udp(7)) where the kernel can.
 */

#include <netinet/in.h>

#include "netlink/addr.h"
#include "wire/frame.h"

#define TUNNEL_HEADER 8 /* bytes: RFC 7348 §5 */

typedef struct Tunnel {
        uint32_t vni;
        struct sockaddr_storage remote;
        socklen_t size; /* of remote */
} Tunnel;

/* -EINVAL for a number that is none. */
int tunnel_init(Tunnel *t, const Address *remote, uint16_t port, uint32_t vni);

/**
 * tunnel_open() - open a socket for a tunnel, in the calling thread's network namespace
 * @local:	address to send from and receive at; family 0: any, of the remote's family
 *
 * Return: non-blocking descriptor; -EADDRINUSE if somebody else has the port; negative errno.
 */
int tunnel_open(const Address *remote, const Address *local, uint16_t port, Err *err);

/* As readv(2) into a frame and 64 KiB behind it, with a virtio_net_hdr that says nothing in front;
 * -EBADMSG for a packet that is not of this tunnel. */
ssize_t tunnel_read(const Tunnel *t, int fd, Frame *f, uint8_t *rest);
/* Sends a frame, its checksums finished; 0; negative errno if not all of it was sent. */
int tunnel_write(const Tunnel *t, int fd, Pool *pool, Frame *f);
