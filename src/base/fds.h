/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Descriptors that cross a socket (SCM_RIGHTS, unix(7)). */

#include <stddef.h>

#define FDS_MAX 64

/* Sends @n descriptors along with @size (at least 1) bytes; the descriptors stay the caller's. */
int fds_send(int socket, const void *data, size_t size, const int *fds, size_t n);

/**
 * fds_recv() - receive bytes and descriptors
 * @max:	room in @fds; if more arrive, all are closed and -EPROTO returned
 * @ret_n:	descriptors received, close-on-exec, owned by the caller
 *
 * Return: bytes received, 0 at the end; negative errno.
 */
int fds_recv(int socket, void *data, size_t size, int *fds, size_t max, size_t *ret_n);
