/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The agent that decides calls (SCMP_ACT_NOTIFY)
 *
 * A filter with such an action has a listener: a descriptor from which the calls
 * in question are read and over which they are answered.  It goes, with a document
 * that says whose it is, to whoever listens at linux.seccomp.listenerPath
 * (runtime-spec, "The Container Process State").
 *
 * The process itself cannot send it, being bound by its filter; a second thread of
 * it does (kernel/seccomp.h), to whoever starts it, who passes it on.
 */

#include <sys/types.h>

#include "base/err.h"
#include "oci/spec.h"

typedef struct RuntimeAgent {
        const char *path;         /* of its socket; NULL: there is none */
        const char *metadata;     /* linux.seccomp.listenerMetadata, or NULL */
        const char *id, *bundle;  /* of the container; NULL where it has none */
        char *const *annotations; /* "key=value" */
        const char *status;       /* of the container; NULL: "creating" */
        pid_t init;               /* its first process; 0: the one that is being started */
} RuntimeAgent;

/* The agent that the specification names; everything is borrowed from the arguments. */
RuntimeAgent runtime_agent(const OciSpec *spec, const char *id, const char *bundle);

/* Returns the connection, owned by the caller; -ECONNREFUSED if nobody listens. */
int agent_connect(const RuntimeAgent *agent, Err *err);

/* Hands over the listener of process @pid; 0: the first one. */
int agent_send(const RuntimeAgent *agent, int connection, int listener, pid_t pid, Err *err);
