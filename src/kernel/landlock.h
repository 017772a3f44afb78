/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A second wall for a container's processes (landlock(7))
 *
 * Namespaces say what a process can name; Landlock, what it can use of what it got
 * hold of otherwise.  With it a directory outside of the container's root is of no
 * use, however its descriptor came in; devices can be made nowhere and asked
 * (ioctl()) only in /dev; nothing can be mounted, and nobody outside of the process's
 * own domain traced.  Where the container shares the host's network or processes,
 * abstract sockets and signals end at the domain as well.
 *
 * What the kernel offers is used: Linux 5.13 for files, 6.10 for devices, 6.12 for
 * sockets and signals.
 */

#include <stdbool.h>

#include "base/err.h"

typedef struct LandlockWalls {
        bool abstract_sockets; /* connect to none that others made */
        bool signals;          /* send none to others */
} LandlockWalls;

/* Whether the kernel has the walls of LandlockWalls, or leaves them out. */
bool landlock_has_walls(void);

/*
 * Restricts the calling thread and what comes of it to the root that it has now; needs
 * no_new_privs or CAP_SYS_ADMIN.
 * Return: 0; -EOPNOTSUPP with a sentence if the kernel has no Landlock at all.
 */
int landlock_confine(const LandlockWalls *walls, Err *err);
