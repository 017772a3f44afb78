/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Building one stage of a build. */

#include "builder/step.h"

/* @index: of the plan; stages that it needs are built. */
int stage_build(Build *build, size_t index, Err *err);
