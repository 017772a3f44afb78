/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * One direction of a link in virtual time: queue, transmitter, flight
 *
 * Packets enter in the order of their arrival and come out when they have reached the far end, or
 * their end.  Nothing here waits or looks at a clock: every call says what time it is, never less
 * than the one before, and the times of departure and arrival are computed from each other.  So it
 * does not matter how often or how late it is called, only that path_leave() is by path_next() if
 * packets are to be there in time.
 *
 * A packet belongs to the path from path_enter() to path_leave() and is linked, not copied:
 * nothing is allocated.
 */

#include <stdbool.h>
#include <stdint.h>

#include "topology/quality.h"
#include "wire/codel.h"
#include "wire/packet.h"
#include "wire/trace.h"

/* How one quality sends; see path_rules(). */
typedef struct PathRules {
        uint64_t rate_bps;    /* 0: at once */
        const Trace *trace;   /* instead of a rate; or NULL */
        uint64_t max_packets; /* of the queue */
        uint64_t max_bytes;
        bool codel;
        bool keeps_order;
        int64_t least_delay_ns; /* no packet has less */
} PathRules;

typedef struct Path {
        PathRules rules;
        /* the queue */
        PacketQueue queue;
        Codel codel;
        /* the transmitter */
        int64_t free_ns;    /* when it has sent what it took */
        uint64_t remainder; /* of the division that this came from */
        TraceCursor cursor;
        struct {
                int64_t start_ns;
                uint32_t bytes, size;
                uint16_t n;
                bool arrives;
        } sending; /* until free_ns */
        /* the flight */
        PacketQueue flight; /* in the order of their arrival at the far end, */
        Packet *overtaking; /* and a heap of those that come before the last of them */
        int64_t latest_ns;  /* that anything so far arrives */
        PacketQueue ended;  /* lost, or dropped by CoDel */
        uint64_t in_flight; /* packets */
        uint64_t n_entered;
} Path;

/* What @q says; @trace is that of q->trace. */
PathRules path_rules(const Quality *q, const Trace *trace);
/* From @now on packets are sent by other rules; traces begin at @origin_ns if it is another one. */
void path_set_rules(Path *p, const PathRules *rules, int64_t now, int64_t origin_ns);

/**
 * path_room() - how many packets the queue takes
 * @size:	bytes of each
 * @n:		packets that would like to enter together
 *
 * A queue that is empty takes one of any size.
 *
 * Return: 0 to n.
 */
uint32_t path_room(Path *p, int64_t now, uint32_t size, uint32_t n);

/* Packets of so many bytes are sent in at most 50 microseconds: more of a frame should not enter in
 * one piece, for it would arrive in one, too.  At least 1. */
uint32_t path_batch(const Path *p, uint32_t size);

/* A packet arrives now, for which there is room: n, bytes, size, delay_ns, verdict and flags are
 * its maker's. */
void path_enter(Path *p, Packet *packet, int64_t now);

/* A packet that has reached its end by now: arrived at due_ns, lost, or dropped, as its verdict
 * says; NULL if there is none.  *ret_reordered: it came before one that was ahead of it. */
Packet *path_leave(Path *p, int64_t now, bool *ret_reordered);
/* By when path_leave() is to be called, INT64_MAX: not until something enters. */
int64_t path_next(const Path *p);

/* Any packet that is in it, whatever its time; NULL once it is empty, and the transmitter then is
 * free again. */
Packet *path_empty(Path *p);

/* Packets and bytes that wait or are being sent. */
uint64_t path_queued(Path *p, int64_t now, uint64_t *ret_bytes);

/* Where the packets are that path_leave() has not given back by now: each is counted once. */
typedef struct PathGauges {
        uint64_t queued, queued_bytes; /* wait or are being sent */
        uint64_t in_flight;
} PathGauges;
PathGauges path_gauges(Path *p, int64_t now);
