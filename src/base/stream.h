/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Bytes over a connected socket, until a point in time
 *
 * @end is a value of clock_monotonic_ms(); when it passes, -ETIMEDOUT is returned.  The descriptor
 * may be blocking or not.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Waits for POLLIN or POLLOUT (or the socket's end, which the next call tells). */
int stream_wait(int socket, short events, int64_t end);
int stream_send(int socket, const void *bytes, size_t size, int64_t end);
/* Exactly @size bytes; -ECONNRESET if the other side ends before. */
int stream_receive(int socket, void *bytes, size_t size, int64_t end);
/* One to @size bytes, as many as are there; 0 at the end. */
ssize_t stream_receive_some(int socket, void *bytes, size_t size, int64_t end);

/* Connects to a Unix socket by a path of any length (unix(7) has room for 107 bytes); the
 * descriptor, or negative errno of open(2) or connect(2). */
int stream_connect_unix(const char *path);
