/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The process that makes a lab's namespaces, nodes and links, and then is gone. */

#include <sys/resource.h>

#include "lab/host_tree.h"
#include "lab/lab.h"

typedef struct BuildPlan {
        const Topology *topology;
        const HostTree *tree;
        int cgroup;    /* that all of it is born in, or negative */
        int userns;    /* of the lab; negative: the caller's own is */
        int hosts;     /* detached mount, for /etc/hosts */
        int **binds;   /* for each node, detached mounts */
        int *logs;     /* for each node, or negative */
        int *statuses; /* the same; there where there is a log */
        rlim_t files;  /* soft limit of open files that nodes are to have */
        int listener;  /* the keeper's; negative: none is needed */
        int priority;  /* the keeper's, SCHED_FIFO; or 0 */
        bool apart;    /* every node has memory of its own (idle_node.h) */

        /* Of a lab that is up: nodes that are added to it, with nothing in their networks.  All
         * else is their maker's. */
        int inside;         /* pidfd of its fabric; negative: all is made */
        const bool *wanted; /* which nodes; NULL: all */
} BuildPlan;

typedef struct Build {
        int pidfd, socket;
} Build;

/**
 * build_start() - make the fabric and all nodes, their links and addresses
 * @ret_fabric:	pid of the process that holds the fabric
 * @ret_keeper:	pid of the one that emulates links, 0: none
 * @ret_nodes:	pids in the order of the topology; room for all of them.  Those that are not wanted
 *		stay as they are
 *
 * They die with the caller until build_release().
 */
int build_start(const BuildPlan *plan, Build *ret, pid_t *ret_fabric, pid_t *ret_keeper,
                pid_t *ret_nodes, Err *err);
/* Lets them live on their own. */
int build_release(Build *build, Err *err);
/* Ends what was not released. */
void build_clear(Build *build);
