/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Named volumes: $DATA/volumes/<name>/_data
 *
 * A volume is made when a container first names it.  An anonymous one has 64
 * random hexadecimal digits for a name, by which `rm -v` and `--rm` know that it
 * goes with its container: a half-removed one can still be told.
 */

#include <stdbool.h>

#include "base/home.h"

/*
 * Makes it if missing; @ret: path of its _data directory, owned by the caller.
 */
int volume_use(const Home *home, const char *name, char **ret, Err *err);
/* True if it was made for one container only. */
bool volume_is_anonymous(const char *name);
int volume_remove(const Home *home, const char *name, Err *err);
