/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A light node's first process. */

#include <sys/resource.h>

#include "topology/topology.h"

typedef struct NodePlan {
        const Topology *topology;
        size_t index;
        const int *binds; /* detached mounts, in the order of the node's binds */
        int log;          /* where its command writes, or negative */
        int status;       /* what became of its command (lab.h), or negative */
        int go;           /* a byte from here: the links are there */
        int release;      /* a byte from here: all is written down */
        int done;         /* a byte to here each time: '+', or '-' and a reason to */
        int report;       /* err_write() */
        rlim_t files;     /* soft limit of open files that its command is to have */
        bool bare;        /* its network is set up by somebody else, before the release */
} NodePlan;

/* Whether its command begins only when it is told to, by SIGUSR1. */
static inline bool node_is_held(const Node *n) {
        return n->n_waits > 0 || n->startup_delay_ns > 0 || n->has_uplink;
}

/* Whether it has a command of its own: that of an image runs in its container. */
static inline bool node_has_command(const Node *n) {
        return n->cmd && !n->image;
}

/* What programs of a light node have as their environment: nothing of whoever makes the lab, so
 * that they are the same tomorrow.  @terminal: TERM, or NULL; @more: KEY=VALUE that come last, or
 * NULL. The caller's; NULL without memory. */
char **node_environment(const Node *n, const char *terminal, char *const *more);

/* Sets the node up and stays; the caller is a clone in new namespaces of all kinds.  For a node of
 * an image it is one in a new network namespace, which is what it sets up and holds. */
_Noreturn void node_main(const NodePlan *plan);
