/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Ids that an ordinary user may give to user namespaces of his own: subuid(5), subgid(5). */

#include <sys/types.h>

#include "kernel/idmap.h"

/**
 * subid_read() - the ranges that are a user's
 * @file:	"/etc/subuid" or "/etc/subgid"
 * @user:	whose; the file may name him by name or by number
 * @ret:	outside and count of each, in the file's order; inside is 0; owned by the caller
 *
 * A name is looked up in /etc/passwd; of users that are kept elsewhere $LOGNAME is believed, since
 * newuidmap(1) checks again.
 *
 * Return: 0, also with no ranges and without the file; -ENOMEM.
 */
int subid_read(const char *file, uid_t user, IdRange **ret, size_t *ret_n);
/* The same of whom the file calls @name. */
int subid_read_name(const char *file, const char *name, IdRange **ret, size_t *ret_n);
