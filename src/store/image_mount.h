/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Looking into images: $RUN/image-mounts/<id> is a read-only mount of one
 *
 * The only mounts that isola makes in the machine's own mount namespace: that is
 * what they are for.  Nothing in them is executed with other rights, and no device
 * is one.
 */

#include <stdbool.h>

#include "store/image.h"

/* @ret: where; owned by the caller.  1 if it was mounted already. */
int image_mount(const Home *home, const Image *image, char **ret, Err *err);
/* 1 if it was mounted. */
int image_unmount(const Home *home, const char *id, Err *err);
/* Ids of the images that are mounted; also removes what a reboot left. */
int image_mounts(const Home *home, char ***ret, Err *err);
/* The place where an image would be mounted; owned by the caller. */
char *image_mount_path(const Home *home, const char *id);
bool image_is_mounted(const Home *home, const char *id);
