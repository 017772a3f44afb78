/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * GSO frames: TCP segments that the kernel left in one piece
 *
 * With its offloads on, a TAP device gives frames of up to 64 KiB that stand for many packets on a
 * cable, each with headers of its own.  They are counted as these, and taken apart where packets
 * fare differently; a piece of several is a GSO frame again.
 */

#include <stdint.h>

#include "wire/frame.h"

typedef struct Gso {
        uint32_t n;         /* packets on a cable; 1: it is none, or none that we know */
        uint32_t size;      /* bytes of each, headers included, */
        uint32_t last_size; /* and of the last */
        uint32_t header;    /* bytes of headers */
        uint32_t payload;   /* bytes of payload in each but the last */
        uint32_t network;   /* where the IP header begins */
        bool ip6;
} Gso;

/* What the frame is made of. */
Gso gso_look(Frame *f);

/* Bytes of @count packets from the @first on, as on a cable. */
static inline uint32_t gso_bytes(const Gso *g, uint32_t first, uint32_t count) {
        return count * g->size - (first + count == g->n ? g->size - g->last_size : 0);
}

/**
 * gso_piece() - take packets out of a frame
 * @f:		the frame, or a piece of several; the frame gets one more reference
 * @g:		from gso_look(), n > 1
 * @first:	first packet, from 0
 * @count:	how many, at least 1
 *
 * Lengths, sequence number, IP identification, flags and checksums are those that the kernel would
 * give these packets.
 *
 * Return: the piece; NULL without memory.
 */
Frame *gso_piece(Pool *pool, Frame *f, const Gso *g, uint32_t first, uint32_t count);
