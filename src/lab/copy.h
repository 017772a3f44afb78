/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Files into nodes and out of them
 *
 * One process reads and another writes, each with the rights of its side: one of them is in the
 * node and its root (lab_exec() with an inside), the other is this command.  Between them goes a
 * stream of records, one for each file, directory and link, that names nothing but entries of the
 * directory that is open: whoever writes can be led nowhere else, whatever the stream says.
 * Contents and permissions are copied, owners are the writer's.
 */

#include "base/err.h"

/* Sends what is at @path: a file, a directory with all that is in it, a symbolic link as such.  An
 * error is sent, too. */
int copy_send(int stream, const char *path, Err *err);

/**
 * copy_receive() - write what a stream brings
 * @path:	a directory, to put it into under @name; or its new name in one that is there
 */
int copy_receive(int stream, const char *path, const char *name, Err *err);
