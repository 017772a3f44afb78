/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Light nodes with nothing to run
 *
 * Most nodes of a large lab are switches and hosts in which nothing runs until somebody
 * measures or executes something.  What such a node needs a process for is to hold its
 * namespaces and to reap.  So the first processes of all of them share the memory of the
 * lab's maker (CLONE_VM), which outlives it: no page tables, no copies of pages, and no
 * faults when they begin.  Each has one page of its own, its stack.
 *
 * What they do while the maker works is only system calls that succeed: threads of the maker
 * and they have errno in the same place.
 *
 * Nobody but root of the host can look at that memory, so that root of one node cannot
 * change what runs in another.  Where that cannot be had, in a lab of an ordinary user, nodes
 * have memory of their own (node.h).
 *
 * Files of its own (/proc, /sys, /run, /tmp) an idle node gets when it is entered for the
 * first time: the kernel looks at the /sys of all others before it makes a new one.
 */

#include <stdatomic.h>

#include "lab/lab.h"

/* Whether it has nothing to run, to bind or to set. */
bool node_is_idle(const Node *n);
/* Whether the caller could still enter nodes whose memory it has hidden: with CAP_SYS_PTRACE over
 * the machine (ptrace(2), "ptrace access mode checking").  And whether they have close_range(2):
 * what is done without it elsewhere needs more than a page of stack. */
bool idle_nodes_are_possible(void);

typedef struct IdleNodes {
        int release;       /* a byte from here for each: all is written down */
        atomic_uint ready; /* how many have done what they have to */
        unsigned n;
        char *stacks;
        struct IdleNode *nodes;
} IdleNodes;

/* @most: room for so many.  They, and the memory, end with the last of them. */
int idle_nodes_open(IdleNodes *all, size_t most, int release, Err *err);

/**
 * idle_node_clone() - make one, in new namespaces
 * @flags:	CLONE_NEW*
 * @name:	its host name; has to stay
 *
 * The caller has blocked SIGCHLD and SIGTERM.
 *
 * Return: pid; negative errno.
 */
pid_t idle_node_clone(IdleNodes *all, int flags, const char *name);

/* Waits until all are what they should be; -ECHILD if one has ended.  Then hides their memory. */
int idle_nodes_settle(IdleNodes *all);

/* What a process needs to give an idle node its files; descriptors of the caller's. */
typedef struct IdleFiles {
        int fabric, node; /* mount namespaces */
        int lock;
} IdleFiles;
#define IDLE_FILES_NONE ((IdleFiles){ -EBADF, -EBADF, -EBADF })

/* Opens that, as the lab's owner; nothing if the node has its files. */
int idle_files_open(const Lab *lab, size_t node, IdleFiles *ret, Err *err);
void idle_files_close(IdleFiles *f);
/* Called in all namespaces of the node, as its root, in a process of one thread. */
int idle_files_make(const IdleFiles *f, Err *err);
