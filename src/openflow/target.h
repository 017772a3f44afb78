/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where switches and controllers are: "unix:PATH", "tcp:ADDRESS[:PORT]"; numeric addresses, IPv6
 * in brackets, port 6653 where none is said. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

/* Reads a tcp: target; -EINVAL with a sentence. */
int target_parse_tcp(const char *target, struct sockaddr_storage *ret, socklen_t *ret_size,
                     Err *err);
/* A socket that is connected or (*ret_pending, which POLLOUT ends) about to be, without waiting;
 * negative errno. */
int target_begin(const char *target, bool *ret_pending, Err *err);
/* Why a socket that was pending is not connected (negative errno), or 0. */
int target_error(int socket);
/* A connected socket; waits for that until @end (clock_monotonic_ms()); negative errno. */
int target_connect(const char *target, int64_t end, Err *err);
/*
 * A listening socket.  A Unix socket's file, which must not be longer than 107 bytes, is made with
 * mode 0600, in the place of one that nobody listens at; -EADDRINUSE.  TCP's port 0 is any free
 * one.
 */
int target_listen(const char *target, Err *err);
