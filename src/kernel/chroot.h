/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Working inside a chroot
 *
 * A process whose root directory is not the root of its mount namespace gets no
 * user namespace (EPERM, user_namespaces(7)) and cannot make its mounts private.
 * Such a process is given a mount namespace of its own whose root is what it
 * sees as "/": the same files at the same paths, without the difference.
 */

#include <stdbool.h>

#include "base/err.h"

/* True if "/" is a plain directory of a larger tree; costs one system call. */
bool chroot_is_partial(void);
/* Moves the calling process, which must be single-threaded, into such a namespace. */
int chroot_own_root(Err *err);
