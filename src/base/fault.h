/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Fault points
 *
 * A fault point is a place where a process may be killed at the worst moment.
 * Tests do it there on purpose, so that what the next command finds is known
 * and not a matter of luck:
 *
 *   ISOLA_FAULT=start.spawned isola run …      SIGKILL when the place is reached
 *   ISOLA_FAULT=start.spawned:2 isola run …    the second time, in each process
 *   ISOLA_FAULT=? isola run …                  names the places passed, on stderr
 *
 * They are in binaries built with -Dfault_points=true only; elsewhere a point
 * is nothing.
 *
 * Such a binary can also be made to leave a wall out, so that the tests of attacks
 * (tests/escape) can show that the attack would get through:
 *
 *   ISOLA_WEAKEN=seal isola exec …             "seal": see the places that ask
 */

#include <stdbool.h>

#ifdef ISOLA_FAULT_POINTS
/* @name: "create.named": what has been done just before. */
void fault_point(const char *name);
/* Whether that wall is to be left out. */
bool fault_weakens(const char *wall);
#else
#define fault_point(name)   ((void) 0)
#define fault_weakens(wall) false
#endif
