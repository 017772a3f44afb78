/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Laying a lab's links
 *
 * A thread of the lab's maker lays them in batches, each as soon as its nodes are there,
 * while the maker goes on making nodes.  The network of an idle node is set up from here as
 * well, by this thread or by the maker when it has nothing else to do, as soon as the last of
 * its links has been laid.  Nearly all of this is done under the kernel's one lock of all
 * networks, which is why it is two threads and not more.
 */

#include <pthread.h>
#include <sys/types.h>

#include "topology/topology.h"

typedef struct Lay {
        const Topology *topology;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        pthread_t thread;
        int home;        /* the caller's network namespace */
        pid_t *nodes;    /* 0: not made yet */
        const bool *set; /* whose networks are set up from here */
        size_t *left;    /* of each node: links to lay before it can be set up */
        size_t *ready, n_ready, n_taken;
        bool laid, late, given_up;
        int r; /* of the thread */
        Err err;
} Lay;

/* @nodes: pids, from now on only changed by lay_made(); @set: see there; stay the caller's. */
int lay_start(Lay *lay, const Topology *t, pid_t *nodes, const bool *set, Err *err);
/* A node's process is there. */
void lay_made(Lay *lay, size_t node, pid_t pid);
/* Waits until all links are laid that are no emulated ones; -ESRCH if a node is gone. */
int lay_wait(Lay *lay, Err *err);

/**
 * lay_finish() - set up the networks that are left
 *
 * The caller has made all nodes and laid all other links.  The same errors as lay_wait().
 */
int lay_finish(Lay *lay, Err *err);
/* Ends the thread, if it was started. */
void lay_give_up(Lay *lay);
void lay_clear(Lay *lay);

/* Waits until the interfaces of all nodes of @set carry packets; their neighbours are set up. */
int lay_settle(Lay *lay, Err *err);

/* The other ends of links, those that are in no node but the caller's network: sets them up. */
int lay_fabric_up(const Topology *t, Err *err);
/* A bridge in the caller's network, and a cable from it to each managed node. */
int lay_management(const Topology *t, const pid_t *nodes, Err *err);
