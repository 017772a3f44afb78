/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a running container's processes use
 *
 * From its control group, as far as that counts; where it does not (a hierarchy of version 1 that
 * the container is not in, an ordinary user's container without one) from its processes.
 */

#include "engine/container.h"

/* The container's processes by the host's numbers, owned by the caller.  -ESRCH with a sentence if
 * it does not run. */
int container_processes(const Container *c, pid_t **ret, size_t *ret_n, Err *err);

typedef struct ContainerUsage {
        int64_t at_ns;         /* CLOCK_MONOTONIC */
        uint64_t cpu_ns;       /* of all processors together */
        uint64_t memory;       /* bytes; without what is cached of files and not used lately */
        uint64_t memory_limit; /* bytes; the machine's memory without a limit */
        uint64_t processes;
        bool has_network;                     /* false: it has the host's */
        uint64_t received, sent;              /* bytes, over all interfaces but lo */
        uint64_t blocks_read, blocks_written; /* bytes; 0 where they are not counted */
} ContainerUsage;

/* -ESRCH with a sentence if it does not run. */
int container_usage(const Container *c, ContainerUsage *ret, Err *err);
