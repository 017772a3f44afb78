/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Paths inside a container's root
 *
 * Everything below a root that a container can write is opened through here,
 * once, and used by descriptor from then on.  The root is "/" for the whole
 * resolution: ".." stops there and an absolute link begins there
 * (RESOLVE_IN_ROOT, openat2(2)), and links of /proc that lead elsewhere are not
 * followed.  Where openat2() is denied, kernel/resolve_walk.h does the same.
 */

#include <stdbool.h>

#include "base/err.h"

/**
 * resolve_open() - open what a path means inside a root
 * @root:	directory that is "/"
 * @flags:	as open(2); O_CLOEXEC is added
 *
 * Return: descriptor owned by the caller; negative errno.
 */
int resolve_open(int root, const char *path, int flags);

/**
 * resolve_make() - open a place to mount on, making it where it is missing
 * @directory:	a directory is wanted, else a file; an existing place is taken as it is
 *
 * Missing directories on the way are made (0755), also behind dangling links.
 *
 * Return: O_PATH descriptor owned by the caller; -ENOTDIR or -EISDIR if what
 * exists is of the other kind; negative errno.
 */
int resolve_make(int root, const char *path, bool directory);

/* Same, and tells whether it was there before; @itself: the last component is not followed if it is
 * a link. */
int resolve_place(int root, const char *path, bool directory, bool itself, bool *ret_there);
