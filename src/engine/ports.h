/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Who listens where on the whole machine
 *
 * Every network namespace that a process is in, or that a file is mounted on,
 * is entered once and asked for its sockets; one walk over /proc then finds the
 * processes that hold them.  It costs a few milliseconds for each hundred
 * processes and as good as nothing for each namespace.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/home.h"
#include "netlink/diag.h"

typedef struct PortEntry {
        DiagSocket socket;
        uint64_t netns;  /* inode of its network namespace */
        char *address;   /* "0.0.0.0", "::1" */
        char *peer;      /* "10.88.0.2:3456" of a connection, or "" */
        char *process;   /* name, "" if no process that we see holds it */
        int pid;         /* of the process, 0 if there is none */
        int pid_inside;  /* its number in its own pid namespace */
        char *container; /* name, or "" */
        char *published; /* host addresses that lead there, "0.0.0.0:8080, [::]:8080", or "" */
} PortEntry;

typedef struct Ports {
        PortEntry *entries; /* by port, protocol, address, pid */
        size_t n;
} Ports;

/**
 * ports_list() - find who listens
 * @all:	also connections and sockets that are only bound
 * @ret:	what is there; a socket that several processes share is listed for each
 */
int ports_list(const Home *home, bool all, Ports **ret, Err *err);
Ports *ports_free(Ports *ports);
DEFINE_AUTOPTR(Ports, ports_free)

/* "LISTEN", "ESTAB" … as ss says it. */
const char *port_state(const DiagSocket *socket);
