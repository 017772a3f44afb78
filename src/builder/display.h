/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A build as it is shown while it goes on
 *
 * On a terminal: a line for each step that has ended, which stays, and below them the ones that
 * run, each with the last lines of its command's output, and how far the whole is.  What is drawn
 * is drawn over in one write, from the size that the terminal has at that moment.
 *
 * As JSON: one document a line, in the words of BuildKit's SolveStatus (client/graph.go): vertexes
 * when they begin and end, logs as they come.
 *
 * A lane is where one step after the other runs: a stage for one platform.
 */

#include <stdbool.h>
#include <stddef.h>

#include "builder/build.h"

typedef struct Display Display;

/* @fd: stays the caller's; @total: how many steps there will be.  NULL without memory. */
Display *display_new(BuildProgress kind, int fd, size_t total);
Display *display_free(Display *display);
DEFINE_AUTOPTR(Display, display_free)

/* A step begins in a lane, where none is; @label: "linux/arm64 tools 2/4". */
void display_begin(Display *display, size_t lane, const char *label, const char *text);
void display_cached(Display *display, size_t lane);
void display_output(Display *display, size_t lane, bool error, const char *bytes, size_t n);
/* The step in the lane ends, if there is one; @error: why it failed, or NULL. */
void display_end(Display *display, size_t lane, const char *error);
/* A line that belongs to no step, such as a warning. */
void display_line(Display *display, const char *line, size_t n);
/* Time has passed. */
void display_tick(Display *display);
/* The last picture, and what the step that failed had written. */
void display_finish(Display *display, bool failed);
