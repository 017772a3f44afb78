/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * An ordinary user's networks and their way out
 *
 * Bridges, cables and rules need rights over the network namespace they are in, which an
 * ordinary user has not got over the machine's.  They are in one that belongs to his user
 * namespace (rootless.h); containers are connected there as root's are in the machine's.  Nobody
 * is in it: monitors of connected containers hold it open, and so does pasta(1), which carries
 * what leaves it to the machine's network and back.  $RUN/rootless/network.json notes its
 * inode, its cookie, which the kernel never gives twice, and a process that held it; where that has
 * ended, the descriptors of the user's other processes are looked through.
 *
 * pasta is started with the first container that is connected and ended with the last; the monitors
 * watch it (monitor_uplink.c), and whoever finds it dead starts it anew, in the same namespace. The
 * lock of $RUN/rootless is held from the look at it until it runs, and while it is ended: nobody
 * who has an address loses it.
 *
 * Who enters the namespace cannot come back into the machine's, so what is to be done there is done
 * by uplink_run().
 */

#include <stdbool.h>

#include "base/home.h"

/* The machine as containers see it: what they send there comes to its 127.0.0.1. */
#define UPLINK_HOST4 "169.254.77.2"
#define UPLINK_MTU   65520 /* pasta(1), --mtu */

/* Finds out whether networks need a namespace of their own, and notes it in @home. */
int uplink_choose(Home *home, Err *err);

/**
 * uplink_run() - call a function where the bridges are
 * @run:	shares memory and descriptors with the caller, see netns_run(); it speaks if @err is
 *		not NULL
 *
 * Return: what @run returns; negative errno.
 */
int uplink_run(const Home *home, int (*run)(void *job, Err *err), void *job, Err *err);

/* Begins to connect the namespace to the world, where it is not.  Nothing to do for root. */
int uplink_begin(const Home *home, Err *err);
/* Waits until that is done; a warning says why it could not be. */
void uplink_finish(const Home *home);
/* A pidfd of the process that connects it; negative if there is none. */
int uplink_find(const Home *home);
/* Disconnects it, unless somebody has an address: @in_use is asked with the lock held. */
void uplink_end(const Home *home, bool (*in_use)(const Home *home));
