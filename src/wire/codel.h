/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * CoDel (RFC 8289): drops at the head of a queue in which packets have waited for too long
 */

#include <stdbool.h>
#include <stdint.h>

#include "wire/packet.h"

#define CODEL_TARGET_NS   5000000
#define CODEL_INTERVAL_NS 100000000

typedef struct Codel {
        int64_t first_above_ns; /* when packets will have waited for too long for an interval; 0:
                                   they do not */
        int64_t drop_next_ns;
        uint32_t count, last_count; /* drops since dropping began, and what that began with */
        bool dropping;
} Codel;

/**
 * codel_dequeue() - take the packet to be sent next
 * @now:	the time of it
 * @queue:	of packets with their time of arrival
 * @dropped:	gets those that are dropped, verdict PACKET_CODEL
 *
 * Return: the packet, or NULL if none is left.
 */
Packet *codel_dequeue(Codel *c, int64_t now, PacketQueue *queue, PacketQueue *dropped);
