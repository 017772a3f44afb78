/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Files into containers and nodes, and out of them
 *
 * One process reads and another writes, each with the rights of its side: one of them is inside
 * (inside.h, or a lab's node), the other is this command.  Between them goes a stream of records,
 * one for each file, directory and link, that names nothing but entries of the directory that is
 * open: whoever writes can be led nowhere else, whatever the stream says.
 *
 * Contents, permissions and modification times are copied; several names of one file stay that.
 * Devices and sockets are left out with a warning; of the kernel's own file systems (/proc, /sys)
 * there is only the directory.
 */

#include <stdbool.h>

#include "base/err.h"

/**
 * copy_send() - read what is at a path and write it to a stream
 * @follow:	of a symbolic link at the path itself, what it leads to; those below are links
 *
 * An error is sent, too.
 */
int copy_send(int stream, const char *path, bool follow, Err *err);

typedef struct CopyTarget {
        const char *path; /* a directory, to put it into; or its new name in one that is there */
        const char
                *name;  /* in that directory; NULL: of a directory only what is in it goes there */
        bool directory; /* the path must be a directory that is there */
        bool owners;    /* keep the reader's owners and set-id bits; else they are the writer's */
} CopyTarget;

/* Return: 0; -EREMOTEIO with the sender's sentence; other negative errno for what is wrong here. */
int copy_receive(int stream, const CopyTarget *to, Err *err);
