/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Room on the paper: which boxes lie over each other, and where a label may go. */

#include "topology/draw_parts.h"

/* A rectangle, turned. */
typedef struct Box {
        Point centre;
        double half_width, half_height;
        double cosine, sine; /* of the angle it is turned by */
} Box;

bool box_overlaps(const Box *a, const Box *b);
/* How much of a line from @from to @to lies inside of it. */
double box_crossed(const Box *b, Point from, Point to);

/* A node's symbol, its name with the note. */
Box place_symbol_box(const Scene *s, size_t node);
Box place_name_box(const Scene *s, size_t node);
/* Bends links that would pass through a node they have nothing to do with. */
int place_bends(Scene *s);
/* Writes each name on that side of its symbol where links are least in its way. */
void place_names(Scene *s);
/* Finds a place for each label, near where it belongs, that nothing else has; rows without one are
 * taken out. */
int place_labels(Scene *s);
