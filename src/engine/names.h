/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Names of containers: symbolic links $DATA/names/<name> to an id
 *
 * A name whose container directory is gone belonged to one that was killed
 * while it was being made or removed: it is free.  So is one whose container's
 * record has another name: a rename takes the new name, writes the record and
 * then gives the old name back, holding the lock of the container's directory.
 */

#include "base/home.h"

/* -EEXIST with a sentence naming the owner. */
int container_name_take(const Home *home, const char *name, const char *id, Err *err);
/* Gives it back if it is still the container's. */
void container_name_release(const Home *home, const char *name, const char *id);
/* The same, with the file moved to @grave below $DATA, to be deleted later: freeing a block may
 * wait for the disk (mount -o discard). */
void container_name_bury(const Home *home, const char *name, const char *id, const char *grave);
/* The id behind a name, owned by the caller; -ENOENT. */
int container_name_lookup(const Home *home, const char *name, char **ret);
/* Removes names whose containers are gone.  @n_containers: how many containers there are. */
void container_names_sweep(const Home *home, size_t n_containers);
