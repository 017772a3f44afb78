/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/err.h"

/* Copies a directory's content into another: a tmpfs that is about to cover it.  Kinds, owners,
 * modes and times are kept; devices are left out. */
int copy_up(int from, int to, Err *err);

/* copy_up() into a directory that has nothing in it, which also gets the owner and mode of the
 * other: how an image's files come into a new volume.  One that has something is left alone. */
int copy_up_if_empty(int from, int to, Err *err);
