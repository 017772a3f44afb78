/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Ranges of user and group ids
 *
 * Every running container has 65536 host ids of its own, so that root in one is
 * nobody in the others and on the host.  Files on disk carry the container's
 * numbers (mounts are idmapped), so a range only has to be unique while the
 * container runs: it is a symbolic link $RUN/ids/<number> to the container's id,
 * which is made in one step or not at all.  Ranges lie between 268435456 and 1879048191, far from
 * people's ids and from what /etc/subuid usually grants.
 */

#include <stdint.h>

#include "base/home.h"

#define IDRANGE_SIZE 65536

/* @ret: the first host id; 0 inside a user namespace, which has no ids to spare: its containers
 * have the same. */
int idrange_take(const Home *home, const char *container, uint64_t *ret, Err *err);
/* Gives it back if it is still the container's. */
void idrange_release(const Home *home, const char *container, uint64_t base);
/* Gives back what a container that was killed while it started may hold. */
void idrange_release_all(const Home *home, const char *container);
