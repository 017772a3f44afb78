/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Round trips by echo requests, from one station to another. */

#include "measure/probe.h"
#include "measure/sample.h"

#define PING_COUNT_MAX 1000000

typedef struct PingOptions {
        int from; /* network namespace */
        Address to;
        int64_t count;       /* 1 to PING_COUNT_MAX */
        int64_t interval_ns; /* 0: the next once the last is answered or given up */
        int64_t timeout_ns;  /* after which a reply is no longer waited for */
        int64_t duration_ns; /* no further request after that; 0: no limit */
        size_t size;         /* bytes of data, at least ECHO_MIN */
        int ttl;             /* 0: the system's */
        int stop;            /* see probe.h */
} PingOptions;

typedef struct PingResult {
        uint64_t sent, received; /* each request counts once however often it was answered */
        uint64_t duplicates;
        uint64_t reordered; /* replies to requests older than one answered before (RFC 4737) */
        uint64_t late;      /* replies after the timeout; they count as lost */
        int error;          /* the last answer of a router or our own system, as -EHOSTUNREACH; 0 */
        bool stopped;
        int64_t started_ns; /* CLOCK_MONOTONIC */
        Series rtt;         /* ms */
} PingResult;

void ping_clear(PingResult *r);
#define autoping __attribute__((__cleanup__(ping_clear))) PingResult

/* Counts 10, 100 ms apart, a second's patience, 56 bytes. */
PingOptions ping_defaults(int from, const Address *to);
/* 0; negative errno with a sentence: what could not even be tried.  No answer is a result. */
int ping(const PingOptions *o, PingResult *ret, Err *err);
static inline double ping_loss(const PingResult *r) {
        return r->sent ? 1 - (double) r->received / (double) r->sent : 0;
}
