/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What comes out of a build. */

#include "builder/step.h"

/**
 * build_finish() - everything that --output and --tag ask for
 * @builds:	one for each platform, their stages built
 * @names:	to be given to the image; those of --output are added
 */
int build_finish(Build *builds, size_t n, char ***names, BuildResult *ret, Err *err);
