/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The eight kinds of namespaces (namespaces(7)), by the names that the runtime specification and
 * the kernel use. */

#include <stddef.h>

#include "base/err.h"

typedef struct NsKind {
        const char *name; /* runtime-spec's: "network" */
        const char *file; /* below /proc/PID/ns: "net" */
        int flag;         /* CLONE_NEW* */
} NsKind;

#define NS_KINDS 8

/* In the order in which a privileged process joins them: the user namespace last, because
 * whoever is in it has lost the right to join those that belong to another. */
extern const NsKind ns_kinds[NS_KINDS];

/* By runtime-spec name; NULL if there is no such kind. */
const NsKind *ns_kind(const char *name);

/* Opens a namespace's file and checks its kind; returns a descriptor, or negative errno with a
 * sentence. */
int ns_open(const NsKind *kind, const char *path, Err *err);

/**
 * netns_run() - call a function inside a network namespace
 * @netns:	which
 * @run:	opens sockets or asks for something; sockets stay in their namespace
 *
 * Only the calling thread goes there.  Who could not return, because the machine's network
 * namespace is not his (an ordinary user in his user namespace), sends a process that shares its
 * memory and descriptors.
 *
 * Return: what @run returns; negative errno.
 */
int netns_run(int netns, int (*run)(void *context), void *context);

/* Makes a network namespace, in which there is nobody; a descriptor owned by the caller, or
 * negative errno. */
int netns_new(void);

/* 1 if both descriptors are of the same namespace, 0 if not, negative errno. */
int ns_same(int a, int b);
