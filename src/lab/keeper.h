/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The keeper of a lab
 *
 * A process that emulates links (wire/wire.h).  It opens their ends as whoever made the
 * lab, who may open /dev/net/tun, and then is nobody but the lab's root, in the fabric's
 * namespaces: packets of the lab are never looked at by root of the host.
 *
 * It listens on keeper.sock in the lab's directory (SOCK_SEQPACKET): a request is one
 * packet, a KeeperRequest as JSON, with the descriptor that it writes a capture to; the
 * answer is a KeeperReply.
 */

#include "base/json.h"
#include "lab/lab.h"

#define KEEPER_SOCKET "keeper.sock"

typedef struct KeeperPlan {
        const Topology *topology;
        int pids; /* from here come the fabric's pid and those of the nodes */
        int listener;
        int release;  /* a byte from here: all is written down */
        int done;     /* a byte to here each time: '+', or '-' and a reason to */
        int report;   /* err_write() */
        int priority; /* SCHED_FIFO, or 0 */
} KeeperPlan;

/* Waits for the nodes, lays the links that are emulated, and stays. */
_Noreturn void keeper_main(const KeeperPlan *plan);

typedef struct KeeperRequest {
        char *verb;      /* "set", "file", "reset", "cut", "restore", "clear", "stats", "capture",
                        "capture-end" */
        int link;        /* index */
        int direction;   /* 0 or 1; -1: both */
        char **settings; /* of "set": what changes; of "file": all */
        uint32_t snaplen;
} KeeperRequest;

/* What WireStats tells, for one direction. */
typedef struct LinkStats {
        uint64_t arrived, arrived_bytes, packets, bytes;
        uint64_t lost, queue_full, codel, cut, down, memory; /* packets dropped, by reason */
        uint64_t corrupted, duplicated, reordered, queued, queued_bytes, in_flight, overruns;
        int64_t late_median_ns, late_p99_ns, late_max_ns;
} LinkStats;

typedef struct KeeperReply {
        int code; /* negative errno */
        char *message, *hint;
        bool cut, captures;
        char **quality; /* of both directions, as they are now: quality_words() */
        LinkStats *directions;
        size_t n_directions;
} KeeperReply;

extern const JsonType keeper_request_type, keeper_reply_type;

/**
 * lab_ask_keeper() - have the keeper do something
 * @fd:		that a capture goes to, or negative
 * @ret:	free with json_clear(&keeper_reply_type, …)
 *
 * Return: 0; what the keeper says; -ECONNREFUSED with a sentence if there is none.
 */
int lab_ask_keeper(const Lab *lab, const KeeperRequest *request, int fd, KeeperReply *ret,
                   Err *err);
/* Makes the listening socket in the lab's directory; the caller's. */
int keeper_listen(const Lab *lab, Err *err);
