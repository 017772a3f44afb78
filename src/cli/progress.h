/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * How a transfer is shown
 *
 * Each blob that is done gets a line.  On a terminal there are lines below these that are drawn
 * over again and again: one with a bar for each blob that is under way, and one for all that is
 * still to come, how fast and how long yet.  They never take more than the terminal has, and are
 * gone in the end.  A terminal that cannot move its cursor (TERM=dumb) is none.
 */

#include <stdio.h>

#include "transfer/pull.h"

typedef struct Progress {
        FILE *out;
        bool quiet, terminal;
        const char *verb;   /* "Pull complete" */
        const char *exists; /* "Already exists" */
        bool *told;         /* which blobs have had their last line */
        size_t n_told;
        bool drawing; /* warnings are held back until the end */

        size_t *lengths; /* of the lines that are to be drawn over */
        size_t n_lines, room;
        int64_t drawn_ms;

        /* How fast: what had arrived when, some seconds ago, and since then. */
        int64_t mark_ms, mark_bytes, next_ms, next_bytes;
} Progress;

void progress_init(Progress *progress, FILE *out, bool quiet);
void progress_clear(Progress *progress);
void progress_say(Progress *progress, const char *text);
void progress_watch(Progress *progress, Watcher *ret, const char *verb);
#define autoprogress __attribute__((__cleanup__(progress_clear))) Progress
