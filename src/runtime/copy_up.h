/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/err.h"

/* Copies a directory's content into another: a tmpfs that is about to cover it.  Kinds, owners,
 * modes and times are kept; devices are left out. */
int copy_up(int from, int to, Err *err);
