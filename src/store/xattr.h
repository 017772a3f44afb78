/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which extended attributes an image may hold, and how they are set. */

#include <stdbool.h>

#include "store/tar_read.h"

/* user.* but for the overlay's own, security.capability, system.posix_acl_*. */
bool xattr_is_kept(const char *name);

/*
 * A file capability that names root's own user namespace is the plain one: the kernel writes
 * revision 3 where a container set it (security/commoncap.c).  Changes @value, returns its size.
 */
size_t xattr_plain_capability(const char *name, unsigned char *value, size_t size);

/* Return: 1 if it was set, 0 if it is none of those that are kept; negative errno. */
int xattr_set(int fd, TarXattr *x);
