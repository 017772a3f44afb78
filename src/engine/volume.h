/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Named volumes: $DATA/volumes/<name>/_data
 *
 * A volume is made when a container first names it.  An anonymous one has a
 * random 64-digit name and an "anonymous" mark beside _data, by which `rm -v`
 * and `--rm` know that it goes with its container.
 */

#include <stdbool.h>

#include "base/home.h"

/*
 * Makes it if missing, as an anonymous one if its name is an id; @ret: path of its _data directory,
 * owned by the caller.
 */
int volume_use(const Home *home, const char *name, char **ret, Err *err);
/* 1 if it was made for one container only, 0 if not. */
int volume_is_anonymous(const Home *home, const char *name);
int volume_remove(const Home *home, const char *name, Err *err);
