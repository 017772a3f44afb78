/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Frames on their way, in memory of two sizes
 *
 * A Frame is a slot of 2 KiB: the packet of the model, a virtio_net_hdr and the frame's first
 * bytes, which is all of it at an Ethernet's usual MTU.  The rest of a larger one is in a slot of
 * 64 KiB.  A piece of a GSO frame has headers of its own and the payload of its parent, which stays
 * as long as there are pieces.  Slots are taken from large mappings and reused: nothing is
 * allocated for a packet.
 */

#include <linux/virtio_net.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "wire/packet.h"

#define FRAME_SLOT   2048
#define FRAME_REST   65536
#define FRAME_HEADER 10 /* bytes of the virtio_net_hdr */

typedef struct Frame {
        Packet packet; /* first, so that one can be had from the other */
        struct Frame *parent;
        uint8_t *rest;
        uint32_t rest_length;
        uint32_t payload, payload_length; /* of a piece: where in the parent's frame */
        uint32_t refs;
        uint16_t head_length; /* of the frame, without the virtio_net_hdr */
        uint8_t data[];       /* virtio_net_hdr, then the frame */
} Frame;

#define FRAME_HEAD  (FRAME_SLOT - offsetof(Frame, data) - FRAME_HEADER) /* most of head_length */
#define FRAME_PARTS 3

typedef struct Pool {
        Frame *free_frames; /* linked by parent */
        uint8_t **free_rests;
        size_t n_free_rests, room_rests;
        void **mappings;
        size_t n_mappings;
        uint64_t bytes, limit; /* of all mappings */
} Pool;

/* @limit: bytes that it may take from the system. */
void pool_init(Pool *pool, uint64_t limit);
void pool_clear(Pool *pool);
/* A frame with one reference and nothing in it, NULL where the limit or the memory ends. */
Frame *pool_take(Pool *pool);
/* FRAME_REST bytes, for Frame.rest. */
uint8_t *pool_take_rest(Pool *pool);
/* Puts back a frame whose last reference this is, its rest, and its parent likewise. */
void frame_release(Pool *pool, Frame *f);
void pool_put_rest(Pool *pool, uint8_t *rest);

static inline struct virtio_net_hdr *frame_header(Frame *f) {
        return (struct virtio_net_hdr *) f->data;
}
static inline uint8_t *frame_bytes(Frame *f) {
        return f->data + FRAME_HEADER;
}
/* Bytes of the whole frame, without the virtio_net_hdr. */
static inline uint32_t frame_length(const Frame *f) {
        return f->head_length + (f->parent ? f->payload_length : f->rest_length);
}
/* Where a frame's bytes are, the virtio_net_hdr first (FRAME_HEADER bytes of the first part);
 * returns the number of parts. */
int frame_parts(Frame *f, struct iovec parts[FRAME_PARTS]);

/* Computes a checksum that the header leaves to a network card, and says that it is there. */
void frame_finish_checksum(Frame *f);
/* Turns over one bit behind the Ethernet header, chosen by @choice; nothing if there are none. */
void frame_flip(Frame *f, uint64_t choice);
