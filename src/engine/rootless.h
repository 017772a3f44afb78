/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * isola for ordinary users
 *
 * Everything that needs root is done in a user namespace of the user's own, where he is
 * root (user_namespaces(7)): his id is 0 there, and behind it follow the ids that
 * /etc/subuid and /etc/subgid give him, if any.  All commands and monitors of one run
 * directory work in the same one, or they could neither enter nor kill each other's
 * containers.
 *
 * No process is kept for its sake.  It lives as long as anything in it: the monitors, or,
 * were they all killed, the containers, whose user namespaces are its children.  $RUN/rootless
 * notes its number in the kernel and one process that was in it; where that has ended, the
 * others of the user are looked through.  As numbers are used again, its map says that it
 * is ours: the range is written in two pieces, which meet at a place that is drawn by lot and
 * noted as well.  The directory's lock is held from the search until it is entered, so
 * that there are never two.
 *
 * Each command has a mount namespace to itself there, a copy of the user's.
 */

#include <stdbool.h>

#include "base/home.h"

/* Whether this process lacks the rights that isola needs and so must enter a user namespace. */
bool rootless_is_needed(void);

/**
 * rootless_enter() - become root of the user's own user namespace
 * @home:	opened before, as the user
 *
 * Return: 0; negative errno with a sentence if none can be made.
 */
int rootless_enter(const Home *home, Err *err);
