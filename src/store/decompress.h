/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Reading a compressed stream
 *
 * The format is told by the first bytes: gzip, bzip2, xz, zstd (also behind a
 * skippable frame), else the stream is taken as it is.  Several members one after the
 * other are one stream; after the last one only zeros may follow.  What other
 * formats look like is refused by name.  Memory is bounded (256 MiB for xz, 128
 * MiB of window for zstd).
 */

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

typedef struct Decompress Decompress;

/* @fd: stays the caller's. */
int decompress_open(int fd, Decompress **ret, Err *err);
/* Before the first byte is read: leaves gzip's own checksum out, and inflates faster, for bytes
 * whose digest is checked afterwards.  0 or -ENOMEM. */
int decompress_leave_checksum(Decompress *d);
Decompress *decompress_free(Decompress *d);

/* Gives @n bytes, fewer only at the end; usable as a TarSource. */
ssize_t decompress_read(void *d, void *buffer, size_t n, Err *err);
