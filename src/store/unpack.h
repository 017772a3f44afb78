/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Unpacking an archive into a directory tree
 *
 * Runs inside the sandbox (sandbox.h), but does not count on it: the directory of
 * an entry is opened with the tree as root of the resolution (openat2(2),
 * RESOLVE_IN_ROOT), its last name is only ever made anew (O_EXCL) or removed,
 * never opened through what is there.  A name with ".." is refused.  Directory
 * times are set at the end, when nothing is made in them any more.
 *
 * Kept: modes, owners, times in nanoseconds, user.*, security.capability and
 * system.posix_acl_*.  Left out and counted: devices, other attributes.
 */

#include "store/tar_read.h"
#include "store/tree.h"

/* @root: directory that is "/" for every name; @max_bytes: 0 for no limit. */
int unpack_tar(int root, TarReader *reader, UnpackMode mode, int64_t max_bytes, TreeReport *ret,
               Err *err);
