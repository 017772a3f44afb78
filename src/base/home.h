/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Where isola keeps its state
 *
 * data survives a reboot (/var/lib/isola, or ~/.local/share/isola), run does not
 * (/run/isola, or $XDG_RUNTIME_DIR/isola).  --root and --run-root move them, so
 * that two sets of containers never meet; $ISOLA_ROOT and $ISOLA_RUN_ROOT do where these are not
 * given.  Both directories are 0700 and must
 * belong to the caller, and to isola alone: each holds a file "version" that says
 * so and in which format the rest is.
 */

#include "base/auto.h"
#include "base/err.h"

#define HOME_ROOT_VARIABLE     "ISOLA_ROOT"
#define HOME_RUN_ROOT_VARIABLE "ISOLA_RUN_ROOT"

/* Where an ordinary user's networks are: engine/uplink.h. */
typedef struct HomeNetwork {
        int netns;    /* -EBADF until it is asked for */
        int starting; /* pidfd of a program that is to connect it to the world; or -EBADF */
        int lock;     /* held meanwhile */
} HomeNetwork;

typedef struct Home {
        char *data; /* absolute paths */
        char *run;
        int data_fd; /* open directories */
        int run_fd;
        HomeNetwork *network; /* NULL: networks are in the caller's own network namespace */
} Home;

/* @root, @run_root: from --root and --run-root, or NULL.  Makes the directories where they are
 * missing; -ENOTEMPTY if one that was given holds other things.  */
int home_open(const char *root, const char *run_root, Home **ret, Err *err);
Home *home_free(Home *home);
DEFINE_AUTOPTR(Home, home_free)
