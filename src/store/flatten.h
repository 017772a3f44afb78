/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The files of several layers as one tree, to be read. */

#include "base/err.h"

/**
 * flatten_open() - put layers on top of each other
 * @lowers:	absolute, topmost first; at least one
 *
 * Return: descriptor of the tree's root, owned by the caller: a detached read-only overlay, or the
 * only layer's directory; negative errno.
 */
int flatten_open(char *const *lowers, Err *err);
/* The same with layers of contents alone below them (kernel/overlay.h); NULL for none. */
int flatten_open_with(char *const *lowers, char *const *data, Err *err);
