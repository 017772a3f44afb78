/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Names of containers: files $DATA/names/<name>, made with O_EXCL, that hold an id
 *
 * A name whose container directory is gone belonged to one that was killed
 * while it was being made or removed: it is free.
 */

#include "base/home.h"

/* -EEXIST with a sentence naming the owner. */
int container_name_take(const Home *home, const char *name, const char *id, Err *err);
/* Gives it back if it is still the container's. */
void container_name_release(const Home *home, const char *name, const char *id);
/* The id behind a name, owned by the caller; -ENOENT. */
int container_name_lookup(const Home *home, const char *name, char **ret);
