/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "kernel/mount.h"

/**
 * mount_remount() - what mount_setattr(2) does, by mount(2)
 * @mount:	attached in this mount namespace
 *
 * For Linux before 5.12.  A remount sets all attributes, so those there are are asked
 * for first.  The mounts below are found in mountinfo and opened below @mount; one that
 * another covers cannot be had by its path and stays as it is.  Needs /proc, where a path
 * of the descriptor is.
 *
 * Return: 0; -EINVAL if @mount is detached; negative errno.
 */
int mount_remount(int mount, const MountAttr *attr);
