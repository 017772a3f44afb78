/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Copying files from one tree into another, in the image helper
 *
 * Both ends are resolved with their tree as root.  A directory that is there keeps its
 * attributes; files and links replace what has their name, but never a directory.
 */

#include "store/helper.h"
#include "store/tree.h"

/* @root: where to; @source: where from, or negative if the request has nothing to copy. */
int copy_files(int root, int source, const HelperRequest *request, TreeReport *ret, Err *err);

/**
 * owner_resolve() - numbers for "user[:group]"
 * @root:	its /etc/passwd and /etc/group know the names
 *
 * A number alone is user and group; a name alone brings its own group along.
 */
int owner_resolve(int root, const char *owner, uid_t *ret_uid, gid_t *ret_gid, Err *err);
