/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Overlay file systems
 *
 * Layers are given as descriptors, so that each can be an idmapped clone that
 * no path leads to.  The overlay must then be mounted inside the user
 * namespace that the layers are mapped to: mounted outside, an overlay with an
 * idmapped upper layer silently becomes read-only.
 *
 * Always with `userxattr`: what an upper directory holds (opaque directories)
 * is then the same whether a container had a user namespace or not, and layers
 * made by one are right for the other.
 *
 * Needs Linux 6.5 (lowerdir+) and 6.13 (layers by descriptor); before that
 * the layers are attached to a private tmpfs and named by path.
 */

#include <stddef.h>

#include "base/err.h"

/**
 * overlay_new() - make a detached overlay mount
 * @lowers:	directories or detached mounts, topmost first
 * @upper, @work: directories on one mount, or -EBADF both for a read-only view
 *
 * Return: descriptor of the detached mount, owned by the caller; negative errno.
 */
int overlay_new(const int *lowers, size_t n, int upper, int work, Err *err);
