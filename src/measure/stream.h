/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Streams of UDP datagrams in one direction
 *
 * A constant rate of datagrams, each with its number and the time it was sent.
 * Both ends have one clock, so one-way delay is exact; arrivals are stamped by the
 * kernel where the packet enters the receiver's interface.  The stream is open loop:
 * what is due is sent whether or not the network keeps up.
 */

#include "measure/cpu.h"
#include "measure/probe.h"
#include "measure/sample.h"

#define STREAM_MIN       16 /* bytes of data that a datagram needs for itself */
#define STREAM_MAX       65000
#define STREAM_COUNT_MAX 50000000

typedef struct StreamOptions {
        Station from, to;
        double rate_bps; /* of IP packets, headers included; above 0 */
        size_t size;     /* bytes of data in each */
        int64_t duration_ns;
        uint64_t count;   /* at most so many datagrams; 0: as many as the duration takes */
        int64_t grace_ns; /* how long to wait for the last ones */
        int stop;
} StreamOptions;

typedef struct StreamResult {
        uint64_t sent, received; /* received: each number once */
        uint64_t duplicates, reordered;
        uint64_t refused; /* of sent: our own system had no room for them (ENOBUFS, EAGAIN) */
        uint64_t overrun; /* of those lost: arrived, but the receiving socket was full */
        uint64_t extent;  /* of reordering: by how many later ones one was overtaken at most */
        double asked_bps; /* as in the options */
        double offered_bps,
                received_bps; /* of IP packets, over the time of sending and receiving */
        double seconds;       /* that it sent for */
        int error;            /* the last reason why a datagram was refused, or 0 */
        bool stopped;
        CpuUse cpu;
        Series delay;      /* one way, ms, by time of sending */
        Series throughput; /* Mbit/s of IP packets in each 100 ms of arrival */
} StreamResult;

void stream_clear(StreamResult *r);
#define autostream __attribute__((__cleanup__(stream_clear))) StreamResult

/* 100 datagrams of 64 bytes a second for 5 s: little enough to be felt nowhere. */
StreamOptions stream_defaults(const Station *from, const Station *to);
/* The rate at which datagrams of a size are so many a second. */
double stream_rate(const Station *to, size_t size, double datagrams);
/* Bytes that IP and UDP put in front of a datagram's data. */
size_t stream_overhead(const Station *to);

int stream(const StreamOptions *o, StreamResult *ret, Err *err);
static inline double stream_loss(const StreamResult *r) {
        return r->sent ? 1 - (double) r->received / (double) r->sent : 0;
}
