/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a drawing of a lab that is up shows beyond its file: qualities as they are now, what is cut
 * or has ended, and how links do, as colours. */

#include "lab/lab.h"
#include "topology/draw.h"

extern const char *const lab_colour_names[]; /* "loss", "use", "traffic"; ends with NULL */

typedef struct LabColours {
        double *values;
        bool *cut, *ended;
} LabColours;

void lab_colours_clear(LabColours *c);
#define autocolours __attribute__((__cleanup__(lab_colours_clear))) LabColours

/**
 * lab_colour() - look at a lab that is up
 * @what:	one of lab_colour_names, or NULL: no colours.  Of both directions of a link the
 *larger value counts.  "loss": of the packets that came since the lab was made, how many were
 *		dropped.  "use": traffic of this interval in percent of the rate, where there is
 *		one.  "traffic": the same in Mbit/s.
 * @interval_ms: the time that use and traffic are counted in
 * @ret:	what @draw points into from now on
 *
 * The lab's topology gets the qualities of now.  Links that cannot be asked, for their node has
 * ended, have no value.
 *
 * Return: 0; -EINVAL for an unknown @what, negative errno with a sentence.
 */
int lab_colour(Lab *lab, const char *what, int64_t interval_ms, LabColours *ret, DrawOptions *draw,
               Err *err);
