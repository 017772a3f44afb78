/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The recorder's file: pcapng (draft-ietf-opsawg-pcapng) with IP packets, times in nanoseconds
 *
 * Each block is one write(): a file that was cut off can be read up to there.  An interface comes
 * before its packets.  All: 0 or negative errno.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int recorder_file_begin(int fd);
int recorder_file_interface(int fd, const char *name);
/* @interface: from 0, in the order in which they were described; @received: by the controller. */
int recorder_file_packet(int fd, unsigned interface, int64_t time_ns, bool received,
                         const void *data, size_t size);
