/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Pseudo-terminals
 *
 * A container's terminal lives in the container's own devpts.  The slave is
 * taken from the master (TIOCGPTPEER), never looked up by name.
 */

#include "base/err.h"

/**
 * pty_open() - make a terminal in a devpts
 * @devpts:	root directory of the devpts; checked to be one
 * @rows, @columns: size, or 0
 * @ret_slave:	opened without becoming anybody's controlling terminal
 *
 * Return: the master; both are close-on-exec and owned by the caller; negative errno.
 */
int pty_open(int devpts, int rows, int columns, int *ret_slave, Err *err);

/* 0 if the descriptor is the master of a pseudo-terminal, else -EPROTO: for one that came from a
 * container. */
int pty_check_master(int master);
