/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which file systems can hold layers and what containers write. */

#include "base/err.h"

/**
 * filesystem_unfit() - why a kind of file system cannot
 * @type:	f_type of statfs(2)
 *
 * An overlay's upper directory needs extended attributes, whiteouts and names exchanged
 * (Documentation/filesystems/overlayfs.rst, "Upper and lower"), a layer all owners.  Only kinds of
 * which none can do it are named; whether another one can is found out by trying.
 *
 * Return: its name, or NULL if it may do.
 */
const char *filesystem_unfit(long type);

/* Refuses a directory on such a one, with what to do; @what: "layers". */
int filesystem_check(int dir, const char *path, const char *what, Err *err);
