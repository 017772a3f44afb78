/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Captures in the pcapng format (draft-ietf-opsawg-pcapng): packets with times in nanoseconds, the
 * direction of each, and what could not be written
 *
 * Blocks are collected in a buffer and written when it is full or flushed.  A descriptor that is
 * non-blocking never holds up its writer: packets for which there is no room are left out and
 * counted.
 */

#include <stdint.h>
#include <sys/uio.h>

#include "base/auto.h"
#include "base/err.h"

typedef struct Pcapng Pcapng;

typedef enum PcapngDirection {
        PCAPNG_UNKNOWN,
        PCAPNG_INBOUND,
        PCAPNG_OUTBOUND,
} PcapngDirection;

/* What packets of an interface begin with (https://www.tcpdump.org/linktypes.html). */
typedef enum PcapngLink {
        PCAPNG_ETHERNET = 1,
        PCAPNG_RAW_IP = 101,
} PcapngLink;

/**
 * pcapng_new() - begin a capture
 * @fd:		where to; the capture's from now on, closed if this fails
 *
 * The section header names isola as the application.
 */
int pcapng_new(int fd, Pcapng **ret, Err *err);

/**
 * pcapng_add_interface() - describe an interface, before any of its packets
 * @name:	any text
 * @snaplen:	bytes kept of each packet; 0: all
 *
 * Return: its number, from 0; -ENOBUFS; -ENOMEM; what write(2) said.
 */
int pcapng_add_interface(Pcapng *p, const char *name, PcapngLink link, uint32_t snaplen);

/**
 * pcapng_packet() - write a packet
 * @time_ns:	since 1970
 * @parts:	its bytes, in @n parts
 *
 * Return: 0; -EAGAIN if it was left out because the reader is slow; what write(2) says, as -EPIPE,
 * after which nothing more is written.
 */
int pcapng_packet(Pcapng *p, int interface, int64_t time_ns, PcapngDirection direction,
                  const struct iovec *parts, int n);

/* Writes what is in the buffer, as far as the descriptor takes it; 0, or what write(2) said. */
int pcapng_flush(Pcapng *p);
/* Bytes that are still to be written. */
size_t pcapng_waiting(const Pcapng *p);
/* Packets that were left out so far. */
uint64_t pcapng_lost(const Pcapng *p);

/* Writes the interfaces' statistics at @time_ns and all that is left, waiting for at most a second
 * for a reader, closes the descriptor and frees p; 0 or what write(2) said. */
int pcapng_finish(Pcapng *p, int64_t time_ns);
/* Closes it as it is; returns NULL. */
Pcapng *pcapng_free(Pcapng *p);
DEFINE_AUTOPTR(Pcapng, pcapng_free)
