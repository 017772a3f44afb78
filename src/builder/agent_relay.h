/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * An SSH agent's socket inside of a RUN
 *
 * An agent answers only its own user and root, and the container's root is
 * neither.  So a process of ours listens where the container can connect to and
 * passes the bytes on to the agent.  It ends with its parent.
 */

#include "base/err.h"

/**
 * agent_relay_start() - serve the connections to a listening socket
 * @listener:	stays the caller's
 * @agent:	path of the agent's socket
 * @ret_pidfd:	of the process, to be ended with process_kill_and_reap()
 */
int agent_relay_start(int listener, const char *agent, int *ret_pidfd, Err *err);
