/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What only root of the host can open for a lab's nodes: files to bind, logs, the keeper's socket.
 */

#include <sys/resource.h>

#include "lab/host_tree.h"
#include "lab/lab.h"

typedef struct Sources {
        int userns, hosts, listener;
        HostTree tree;
        int **binds, *logs, *statuses; /* by node */
        rlim_t files;                  /* soft limit of open files, as the caller had it */
        const Topology *topology;
} Sources;

#define SOURCES_NONE(t) \
        { .userns = -EBADF, .hosts = -EBADF, .listener = -EBADF, .topology = (t) }

void sources_clear(Sources *s);
#define autosources __attribute__((__cleanup__(sources_clear))) Sources

/* For all of a new lab; takes its range of user ids. */
int sources_open(Lab *lab, Sources *s, Err *err);
/* For some nodes of a lab that is up. */
int sources_open_more(Lab *lab, Sources *s, const bool *wanted, Err *err);
