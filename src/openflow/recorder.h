/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The control channel in a file
 *
 * What switches and controllers say to each other, as a pcapng file that Wireshark opens and
 * understands: each connection is an interface with the switch's name, each piece of it a TCP
 * segment between an address of the switch's and port 6653 of the controller's.  The segments are
 * ours, whatever the connection was made of: switches are 198.18.0.1, 198.18.0.2, …, the controller
 * is 192.0.2.1.
 *
 * Recording never gets into the way of what is recorded: where the file cannot be written, or has
 * become as large as it may, a warning is logged, and no more is written.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"

typedef struct Recorder Recorder;

/* @fd: the empty file, which is the recorder's from now on, also after a failure.  @limit: of its
 * size in bytes, about; 0: none. */
int recorder_open(int fd, size_t limit, Recorder **ret, Err *err);
Recorder *recorder_free(Recorder *recorder);
DEFINE_AUTOPTR(Recorder, recorder_free)

/* A connection that is the recorder's until recorder_disconnect(); NULL without memory. */
typedef struct Recorded Recorded;

/* @name: how its switch is called. */
Recorded *recorder_connect(Recorder *recorder, const char *name);
/* NULL is fine: nothing is recorded. */
void recorder_add(Recorded *connection, bool to_controller, const void *data, size_t size);
Recorded *recorder_disconnect(Recorded *connection);
