/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Bulk TCP: several flows at once, with what the kernel knows of each every 100 ms (tcp(7),
 * TCP_INFO). */

#include "measure/cpu.h"
#include "measure/probe.h"
#include "measure/sample.h"

#define TCP_FLOWS_MAX 128

typedef struct TcpOptions {
        Station from, to;       /* @from connects */
        int flows;              /* 1 to TCP_FLOWS_MAX */
        bool reverse;           /* @to sends, not @from */
        const char *congestion; /* "cubic", "bbr", …; NULL: the node's own */
        int64_t duration_ns;
        uint64_t bytes;      /* each flow ends after so many; 0: with the duration */
        int64_t patience_ns; /* for connecting */
        int stop;
} TcpOptions;

/* By time; one for each flow. */
typedef struct TcpFlow {
        uint64_t received; /* bytes */
        uint64_t retransmits;
        uint32_t mss;
        double goodput_bps;
        Series goodput;  /* Mbit/s that arrived */
        Series window;   /* congestion window, KiB */
        Series rtt;      /* smoothed, ms */
        Series resent;   /* segments retransmitted in the interval */
        Series delivery; /* Mbit/s, the sender's estimate */
} TcpFlow;

typedef struct TcpResult {
        TcpFlow *flows;
        size_t n_flows;
        uint64_t received, retransmits; /* of all flows; bytes, segments */
        double goodput_bps;             /* of all: bytes that arrived while it sent */
        double fairness;                /* Jain's index of the flows' goodput, 1/n to 1 */
        double connect_ms;              /* until the last was connected */
        double seconds;
        char congestion[16]; /* that was used */
        bool stopped;
        int64_t started_ns; /* CLOCK_MONOTONIC, of the first byte */
        CpuUse cpu;
        Series goodput; /* Mbit/s, all flows, every 100 ms */
} TcpResult;

void tcp_clear(TcpResult *r);
#define autotcp __attribute__((__cleanup__(tcp_clear))) TcpResult

/* One flow for 10 s. */
TcpOptions tcp_defaults(const Station *from, const Station *to);
int tcp(const TcpOptions *o, TcpResult *ret, Err *err);

/* Connects to a port, and that is all: 0; -ECONNREFUSED, -ETIMEDOUT, -EHOSTUNREACH, … */
int tcp_try(int netns, const Address *to, uint16_t port, int64_t patience_ns, int stop);
