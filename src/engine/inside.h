/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A function of ours inside a container, running or not
 *
 * It sees the container's files as the container's own programs do, mounts included, and has the
 * rights of its root and no others: no path that the container can think of leads it out.  Of one
 * that runs it joins the namespaces; one that does not is set up as for a start, without network,
 * limits and program, while its lock is held.  A paused one stays paused.
 */

#include "engine/container.h"

typedef struct InsideCall {
        /* Called with these as its standard streams and no other descriptors; its memory is the
         * caller's, by fork, and gone when it returns. */
        void (*run)(const void *data);
        const void *data;
        int stdio[3]; /* pipes of the caller's, which become the container's root's; -EBADF for
                         /dev/null */
} InsideCall;

typedef struct Inside Inside;

/* Return: 0, and the function runs; -EBUSY between two runs of a restart policy; negative errno. */
int inside_begin(Container *c, const InsideCall *call, Inside **ret, Err *err);
/* Waits until the function has returned, or ends it if it has not, and takes back what it had. */
Inside *inside_free(Inside *i);
DEFINE_AUTOPTR(Inside, inside_free)
/* Waits until the function has returned; 0, -ECONNABORTED with a sentence if it was killed. */
int inside_wait(Inside *i, Err *err);
