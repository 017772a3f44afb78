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
        int starts;   /* how many keepers the lab has had before */
        bool none;    /* no link of the topology's: they are added */
} KeeperPlan;

/* Waits for the nodes, lays the links that are emulated, and stays. */
_Noreturn void keeper_main(const KeeperPlan *plan);

typedef struct KeeperRequest {
        char *verb;      /* "set", "replace", "file", "reset", "cut", "restore", "clear", "stats",
                        "capture",      "capture-end", "add" (with the descriptors of both ends),
                        "remove" */
        char *link;      /* topology_link_key() */
        char *name;      /* of "add": what captures call it */
        int direction;   /* 0 or 1; -1: both */
        char **settings; /* of "set": what changes; of "replace", "file" and "add": all */
        char **back;     /* of "add": those of the other direction */
        uint64_t seed;   /* of "add" */
        char *remote; /* of "add", where the second end is a tunnel's (wire/tunnel.h): its address
                       */
        int port;
        uint32_t vni;
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
        int starts;     /* how many keepers there were before this one */
        char **quality; /* of both directions, as they are now: quality_words() */
        LinkStats *directions;
        size_t n_directions;
} KeeperReply;

extern const JsonType keeper_request_type, keeper_reply_type;

/**
 * lab_ask_keeper() - have the keeper do something
 * @fds:	those of the request
 * @ret:	free with json_clear(&keeper_reply_type, …)
 *
 * Return: 0; what the keeper says; -ECONNREFUSED with a sentence if there is none.
 */
int lab_ask_keeper(const Lab *lab, const KeeperRequest *request, const int *fds, size_t n_fds,
                   KeeperReply *ret, Err *err);

/* ---- starting one ---- */

/* Whether the lab has one that runs. */
bool lab_keeper_lives(const Lab *lab);

/* An end of an emulated link, opened in its node's network; the caller's. */
int keeper_open_end(const Topology *t, const TopologyLink *l, int end, pid_t node, Err *err);

/* A TAP device in a node's network, made or taken over; @mtu, @mac: as link_next_change() has them;
 * @where: what errors call it; the caller's. */
int keeper_open_tap(const char *where, const char *name, uint32_t mtu, const uint8_t *mac, bool up,
                    pid_t node, Err *err);

/**
 * lab_start_keeper() - start a keeper for a lab that is up, with the lock held
 * @none:	of none of its links; else of all, and those of one that was killed are taken over
 *
 * It is written down before it lives on its own.
 */
int lab_start_keeper(Lab *lab, bool none, Err *err);
/* Makes the listening socket in the lab's directory; the caller's. */
int keeper_listen(const Lab *lab, Err *err);
