/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Stages that do not need each other are built at the same time
 *
 * Each in a process of its own, forked off with everything that is known so far:
 * a thread would share locks with processes that are cloned for RUN.  What
 * becomes of the stage comes back as a document; what it prints comes through
 * pipes and is printed line by line, with the stage's name before it.  A stage
 * that is alone is built in this process.
 */

#include "builder/step.h"

/**
 * schedule_stages() - build all stages that are needed
 * @builds:	one for each platform
 * @build_stage:	builds one, whose sources are built
 */
int schedule_stages(Build *builds, size_t n,
                    int (*build_stage)(Build *build, size_t index, Err *err), Err *err);
