/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The image of `run` and `create`: found, or pulled as --pull says. */

#include "cli/run_options.h"

/**
 * run_image() - see to it that an image is here
 * @name:	what the user wrote; becomes the image's name if registries.conf has another for it
 *
 * Return: 0 if it is here now; negative errno.
 */
int run_image(const Home *home, const RunOptions *options, char **name, Err *err);
/* Of an image that is here for several platforms, notes in the container which one --platform
 * means. */
int run_image_choose(const Home *home, const RunOptions *options, Container *c, Err *err);
/* Refuses words that --pull and --platform do not know. */
int run_image_check(const RunOptions *options, Err *err);
