/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The host's files as light nodes see them
 *
 * Read-only, with the owners that they have, although root inside is nobody
 * outside: all mounts of file systems on disk, idmapped where they can be.
 * Without /proc, /sys, /dev, /run and /tmp, which a node has for itself.
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"

typedef struct HostMount {
        char *path; /* "/", "/home" */
        int mount;  /* detached */
} HostMount;

typedef struct HostTree {
        HostMount *mounts; /* "/" first, others behind those they are in */
        size_t n_mounts;
        int userns;
} HostTree;

/* @userns: that maps owners, or negative for none; stays the caller's. */
int host_tree_open(int userns, HostTree *ret, Err *err);
void host_tree_clear(HostTree *tree);
#define autohosttree __attribute__((__cleanup__(host_tree_clear))) HostTree

/**
 * host_tree_enter() - make it the root of the calling process's mount namespace
 *
 * The namespace is new and its user namespace the caller's.  /dev has what a container's has, with
 * a devpts of its own; /run is an empty tmpfs, with /tmp and /var/tmp in it; /proc and /sys are
 * empty until node_mounts().
 */
int host_tree_enter(const HostTree *tree, Err *err);

/* In a node's own namespaces: its /proc and /sys in the place of the host's, and /run, /tmp,
 * /var/tmp and /var/log of its own. */
int node_mounts(Err *err);

/* The same in two steps. */
typedef struct NodeMounts {
        int proc, sys;
} NodeMounts;
#define NODE_MOUNTS_NONE ((NodeMounts){ -EBADF, -EBADF })

/* Where the host's /proc and /sys are in sight, without which the kernel gives nobody others. */
int node_mounts_open(NodeMounts *ret, Err *err);
/* Where no other ones are mounted.  /proc comes last: a node that has it has all. */
int node_mounts_attach(const NodeMounts *m, Err *err);
void node_mounts_close(NodeMounts *m);
/* Takes the host's /proc and /sys away. */
int node_mounts_clear(Err *err);

/* A file or directory for a lab: a detached mount, idmapped where it can be; the caller's. */
int host_tree_source(const char *path, int userns, bool read_only, Err *err);
/* Attaches one over a path of a node's, which must be there. */
int node_bind(int mount, const char *target, Err *err);
