/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Stars, chains and rings: the forms that people draw in the same way every time. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/auto.h"
#include "topology/layout_parts.h"

#define STAR_MAX   80 /* rays that are drawn as a circle */
#define CHAIN_ROW  12 /* of the path's vertices in one row, at least */
#define MESH_MAX   48 /* vertices on a circle that all have edges to most of the others */
#define FULL_ANGLE (2 * M_PI)

/* Leaves of @v side by side on a line or an arc around it; @direction: the angle to the middle. */
static void fan_out(const Part *p, size_t v, double direction, double distance, double step) {
        double k = -(double) (p->leaves[v] - 1) / 2;

        adjacency_foreach(w, p->a, v) {
                if (!p->leaf[*w])
                        continue;
                p->at[*w].x = p->at[v].x + distance * cos(direction + k * step);
                p->at[*w].y = p->at[v].y + distance * sin(direction + k * step);
                k++;
        }
}

static size_t first_of_core(const Part *p) {
        size_t v = 0;

        while (p->leaf[v])
                v++;
        return v;
}

int layout_star(const Part *p) {
        size_t middle, n = p->a->n - 1;
        double radius = fmax(p->end_length, (double) n * p->spacing * 1.15 / FULL_ANGLE);
        double step = FULL_ANGLE / (double) n, angle;

        if (p->n_core != 1 || n < 3)
                return 0;
        middle = first_of_core(p);
        p->at[middle] = (Point){};
        if (n > STAR_MAX) {
                layout_leaves_around(p, middle);
                return 1;
        }
        /* An even number has none exactly above, where its edge would be upright. */
        angle = n % 2 ? -M_PI / 2 : -M_PI / 2 + step / 2;
        adjacency_foreach(w, p->a, middle) {
                p->at[*w] = (Point){ radius * cos(angle), radius * sin(angle) };
                angle += step;
        }
        return 1;
}

/* The neighbours of @v in the core, at most @max of them; returns how many there are. */
static size_t core_neighbours(const Part *p, size_t v, size_t max, size_t *ret) {
        size_t n = 0;

        adjacency_foreach(w, p->a, v)
                if (!p->leaf[*w] && n++ < max)
                        ret[n - 1] = *w;
        return n;
}

/* The core in the order of a walk along it, if no vertex of it has more than two neighbours there.
 * Returns the number of ends it has (2: a path, 0: a cycle), or -1. */
static int walk_core(const Part *p, size_t *order) {
        size_t start = SIZE_MAX, before = SIZE_MAX, here;
        int ends = 0;

        for (size_t v = 0; v < p->a->n; v++) {
                size_t next[2], n;

                if (p->leaf[v])
                        continue;
                n = core_neighbours(p, v, 2, next);
                if (n > 2)
                        return -1;
                if (n == 2)
                        continue;
                ends += n == 1 ? 1 : 2;
                if (start == SIZE_MAX)
                        start = v;
        }
        here = start != SIZE_MAX ? start : first_of_core(p);
        for (size_t i = 0; i < p->n_core; i++) {
                size_t next[2] = { SIZE_MAX, SIZE_MAX };

                order[i] = here;
                core_neighbours(p, here, 2, next);
                next[0] = i > 0 && next[0] == before ? next[1] : next[0];
                before = here;
                here = next[0];
        }
        return ends;
}

/* Two hosts and what is between them lie in one line; returns how long it is. */
static size_t with_ends(const Part *p, size_t *order) {
        size_t n = p->n_core, last = order[n - 1], wanted = n == 1 ? 2 : 1;

        if (p->a->n != n + 2 || p->leaves[order[0]] != wanted || p->leaves[last] != wanted)
                return n;
        for (size_t i = n; i > 0; i--)
                order[i] = order[i - 1];
        adjacency_foreach(w, p->a, order[1])
                if (p->leaf[*w]) {
                        order[0] = *w;
                        break;
                }
        adjacency_foreach(w, p->a, last)
                if (p->leaf[*w])
                        order[n + 1] = *w;
        return n + 2;
}

int layout_chain(const Part *p) {
        autofree size_t *order = calloc(p->a->n + 2, sizeof *order);
        double step = fmax(p->length, (double) p->most_leaves * p->spacing * 1.1);
        double below = p->most_leaves ? p->end_length : 0;
        size_t n, row, shown;

        if (!order)
                return -ENOMEM;
        if (walk_core(p, order) != 2 || p->most_leaves > STAR_MAX / 4)
                return 0;
        n = with_ends(p, order);
        shown = n == p->n_core ? p->most_leaves : 0;
        below = shown ? below : 0;
        if (!shown)
                step = fmax(step, p->end_length);
        row = (size_t) ceil(sqrt((double) n * 1.6 * (below + p->spacing * 1.5) / step));
        row = row < CHAIN_ROW ? CHAIN_ROW : row;
        for (size_t i = 0; i < n; i++) {
                size_t line = i / row, column = i % row;

                /* As one ploughs: every other row goes back. */
                if (line % 2)
                        column = row - 1 - column;
                p->at[order[i]].x = (double) column * step;
                p->at[order[i]].y = (double) line * (below + fmax(p->spacing * 1.5, p->length / 2));
        }
        for (size_t i = 0; i < n && shown; i++) {
                double k = -(double) (p->leaves[order[i]] - 1) / 2;

                adjacency_foreach(w, p->a, order[i])
                        if (p->leaf[*w]) {
                                p->at[*w].x = p->at[order[i]].x + k++ * p->spacing * 1.1;
                                p->at[*w].y = p->at[order[i]].y + below;
                        }
        }
        return 1;
}

/* Whether three quarters of the pairs in the core have an edge. */
static bool is_mesh(const Part *p) {
        size_t degrees = 0, next[1];

        for (size_t v = 0; v < p->a->n; v++)
                if (!p->leaf[v])
                        degrees += core_neighbours(p, v, 1, next);
        return p->n_core >= 4 && p->n_core <= MESH_MAX &&
               degrees * 4 >= p->n_core * (p->n_core - 1) * 3;
}

int layout_ring(const Part *p) {
        autofree size_t *order = calloc(p->a->n, sizeof *order);
        double n = (double) p->n_core, step = FULL_ANGLE / n, radius, outer, angle;
        size_t k = 0;

        if (!order)
                return -ENOMEM;
        if (p->n_core < 3)
                return 0;
        if (is_mesh(p)) {
                for (size_t v = 0; v < p->a->n; v++)
                        if (!p->leaf[v])
                                order[k++] = v;
        } else if (walk_core(p, order) != 0)
                return 0;
        /* Either edges of the ring or the leaves outside need the room. */
        radius = p->length / 2 / sin(M_PI / n);
        radius = fmax(radius, (double) p->most_leaves * p->spacing * 1.1 / step - p->end_length);
        outer = p->end_length;
        angle = p->n_core % 2 ? -M_PI / 2 : -M_PI / 2 - step / 2;
        for (size_t i = 0; i < p->n_core; i++, angle += step) {
                p->at[order[i]] = (Point){ radius * cos(angle), radius * sin(angle) };
                /* As seen from the vertex, so the leaves are on a circle around it. */
                fan_out(p, order[i], angle, outer,
                        fmin(p->spacing * 1.1 / outer,
                             FULL_ANGLE / 2 / (double) (p->most_leaves + 1)));
        }
        return 1;
}
