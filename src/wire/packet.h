/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Packets as the model of a link sees them: sizes and times, no content
 *
 * A Packet stands for one or for several that share one fate and follow each other closely, as
 * the pieces of a GSO frame.  It is part of whatever holds the content, and is linked into at most
 * one queue or heap at a time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum PacketVerdict {
        PACKET_ARRIVES,
        PACKET_LOST,  /* by the link, after it was sent */
        PACKET_CODEL, /* dropped out of the queue */
} PacketVerdict;

typedef struct Packet {
        struct Packet *next, *child; /* of the queue or heap that it is in */
        int64_t arrival_ns;          /* at the near end */
        int64_t delay_ns;            /* from its departure to the far end, jitter included */
        int64_t due_ns;              /* at the far end, once the transmitter has taken it */
        uint64_t order;              /* of its arrival among all */
        uint32_t bytes;              /* all, with headers each */
        uint32_t size;               /* bytes of each but the last */
        uint16_t n;                  /* packets */
        uint8_t verdict;             /* PacketVerdict */
        bool overtakes;              /* has no delay, whatever the order */
        bool corrupt, duplicate;
        bool is_overrun; /* counted as one already */
        uint64_t choice; /* which bit, if it is corrupt */
} Packet;

typedef struct PacketQueue {
        Packet *head, *tail;
        uint64_t packets, bytes; /* in it */
        uint32_t size_max;       /* largest packet there ever was */
} PacketQueue;

static inline void packet_queue_push(PacketQueue *q, Packet *p) {
        p->next = NULL;
        if (q->tail)
                q->tail->next = p;
        else
                q->head = p;
        q->tail = p;
        q->packets += p->n;
        q->bytes += p->bytes;
        if (p->size > q->size_max)
                q->size_max = p->size;
}

static inline Packet *packet_queue_pop(PacketQueue *q) {
        Packet *p = q->head;

        if (!p)
                return NULL;
        q->head = p->next;
        if (!q->head)
                q->tail = NULL;
        q->packets -= p->n;
        q->bytes -= p->bytes;
        return p;
}

/* A pairing heap: the packet that is due first, of those due together the one that came first. */
static inline bool packet_is_before(const Packet *a, const Packet *b) {
        return a->due_ns < b->due_ns || (a->due_ns == b->due_ns && a->order < b->order);
}
Packet *packet_heap_add(Packet *heap, Packet *p);
/* Takes out the first; returns the heap that remains. */
Packet *packet_heap_pop(Packet *heap);
