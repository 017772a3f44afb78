/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * --volumes-from: CONTAINER[:ro|rw]
 *
 * Adds what the other container has mounted of volumes and of this machine, at the same places, but
 * for places that @c has something for already.  A volume that was made for the other one alone
 * goes on being that one's.
 */

#include "engine/container.h"

int volumes_from(const Home *home, const char *text, Container *c, Err *err);
