/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Places that are given, and vertices that are too near each other. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "topology/layout_parts.h"

#define PASSES_MAX 40
#define LOOKED_AT  48 /* near vertices that one is compared with in a pass */
#define SAME_PLACE 0.5
#define FURTHEST   1e6 /* that a given place is from the origin */

/* Vertices by the square cell that they are in. */
typedef struct Cells {
        double size;
        size_t n_heads, *heads, *next; /* index + 1; 0: none */
} Cells;

static size_t cell_head(const Cells *c, int64_t x, int64_t y) {
        uint64_t h = ((uint64_t) x * 0x9e3779b97f4a7c15) ^ ((uint64_t) y * 0xc2b2ae3d27d4eb4f);

        return (size_t) (h ^ h >> 29) % c->n_heads;
}

static int64_t cell_of(const Cells *c, double coordinate) {
        return (int64_t) floor(coordinate / c->size);
}

static void cells_add(Cells *c, const Point *at, size_t i) {
        size_t head = cell_head(c, cell_of(c, at[i].x), cell_of(c, at[i].y));

        c->next[i] = c->heads[head];
        c->heads[head] = i + 1;
}

/* The larger one moves less.  Of two fixed ones that are in one place the later one gives way. */
static bool push(Point *at, size_t a, size_t b, const double *radius, const bool *fixed) {
        double dx = at[b].x - at[a].x, dy = at[b].y - at[a].y, distance;
        double wanted = radius[a] + radius[b];
        double area_a = radius[a] * radius[a], area_b = radius[b] * radius[b], share;
        bool a_fixed = fixed && fixed[a], b_fixed = fixed && fixed[b];
        double by;

        if (dx * dx + dy * dy >= wanted * wanted)
                return false;
        distance = sqrt(dx * dx + dy * dy);
        by = wanted - distance + 0.01;
        if (a_fixed && b_fixed && distance > SAME_PLACE)
                return false;
        if (distance < 0.01) {
                double angle = layout_noise(a < b ? b : a) * 2 * M_PI;

                dx = cos(angle);
                dy = sin(angle);
                distance = 1;
        }
        if (a_fixed && b_fixed) {
                a_fixed = a < b;
                b_fixed = !a_fixed;
        }
        dx *= by / distance;
        dy *= by / distance;
        share = a_fixed ? 0 : b_fixed ? 1 : area_b / (area_a + area_b);
        at[a].x -= dx * share;
        at[a].y -= dy * share;
        at[b].x += dx * (1 - share);
        at[b].y += dy * (1 - share);
        return true;
}

static bool separate_once(Cells *c, Point *at, size_t n, const double *radius, const bool *fixed) {
        bool moved = false;

        memset(c->heads, 0, c->n_heads * sizeof *c->heads);
        for (size_t i = 0; i < n; i++) {
                int64_t x = cell_of(c, at[i].x), y = cell_of(c, at[i].y);
                int looked_at = 0;

                for (int k = 0; k < 9; k++)
                        for (size_t j = c->heads[cell_head(c, x + k % 3 - 1, y + k / 3 - 1)];
                             j > 0 && looked_at < LOOKED_AT; j = c->next[j - 1], looked_at++)
                                if (push(at, i, j - 1, radius, fixed))
                                        moved = true;
                cells_add(c, at, i);
        }
        return moved;
}

static bool is_taken(const Cells *c, const Point *at, Point place) {
        int64_t x = cell_of(c, place.x), y = cell_of(c, place.y);

        for (int k = 0; k < 9; k++)
                for (size_t j = c->heads[cell_head(c, x + k % 3 - 1, y + k / 3 - 1)]; j > 0;
                     j = c->next[j - 1])
                        if (hypot(at[j - 1].x - place.x, at[j - 1].y - place.y) < SAME_PLACE)
                                return true;
        return false;
}

/* Whatever is still in one place with another one goes where there is none, outwards in a spiral;
 * of n places at most n - 1 are taken. */
static void move_aside(Cells *c, Point *at, size_t n, const double *radius) {
        c->size = 4 * SAME_PLACE;
        memset(c->heads, 0, c->n_heads * sizeof *c->heads);
        for (size_t i = 0; i < n; i++) {
                Point wanted = at[i];

                for (size_t k = 1; is_taken(c, at, at[i]); k++) {
                        double angle = layout_noise(i) * 2 * M_PI + (double) k * 2.4;
                        double distance = fmax(radius[i], SAME_PLACE) * sqrt((double) k);

                        at[i] = (Point){ wanted.x + distance * cos(angle),
                                         wanted.y + distance * sin(angle) };
                }
                cells_add(c, at, i);
        }
}

int layout_separate(Point *at, size_t n, const double *radius, const bool *fixed) {
        autofree size_t *heads = NULL, *next = NULL;
        Cells c = { .size = 1, .n_heads = 2 * n + 1 };

        heads = calloc(c.n_heads, sizeof *heads);
        next = calloc(n + 1, sizeof *next);
        if (!heads || !next)
                return -ENOMEM;
        c.heads = heads;
        c.next = next;
        for (size_t i = 0; i < n; i++)
                c.size = fmax(c.size, 2 * radius[i]);
        for (int pass = 0; pass < PASSES_MAX; pass++)
                if (!separate_once(&c, at, n, radius, fixed))
                        break;
        move_aside(&c, at, n, radius);
        return 0;
}

static int compare_numbers(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;

        return x < y ? -1 : x > y;
}

/* The middle one of the lengths of edges between given places, 0 if there is none. */
static double usual_length(const LayoutGraph *g, const Point *at, double *lengths) {
        size_t n = 0;

        for (size_t i = 0; i < g->n_edges; i++) {
                size_t a = g->edges[i][0], b = g->edges[i][1];

                if (g->given[a] && g->given[b] &&
                    (lengths[n] = hypot(at[a].x - at[b].x, at[a].y - at[b].y)) > 0)
                        n++;
        }
        qsort(lengths, n, sizeof *lengths, compare_numbers);
        return n ? lengths[n / 2] : 0;
}

/* What it would be were they spread evenly over the area they take; 0 for a single one. */
static double even_distance(const LayoutGraph *g, const Point *at) {
        double left = HUGE_VAL, right = -HUGE_VAL, top = HUGE_VAL, bottom = -HUGE_VAL;
        size_t n = 0;

        for (size_t v = 0; v < g->n; v++)
                if (g->given[v]) {
                        left = fmin(left, at[v].x);
                        right = fmax(right, at[v].x);
                        top = fmin(top, at[v].y);
                        bottom = fmax(bottom, at[v].y);
                        n++;
                }
        return n > 1 ? hypot(right - left, bottom - top) / sqrt((double) n) : 0;
}

/* Near the middle of those neighbours that have a place, else below everything. */
static void place_near(const LayoutGraph *g, const Adjacency *a, bool *placed, Point *at) {
        double bottom = 0;
        bool found = true;

        while (found) {
                found = false;
                for (size_t v = 0; v < g->n; v++) {
                        double angle = layout_noise(v) * 2 * M_PI;
                        Point sum = {};
                        size_t n = 0;

                        if (placed[v])
                                continue;
                        adjacency_foreach(w, a, v)
                                if (placed[*w]) {
                                        sum.x += at[*w].x;
                                        sum.y += at[*w].y;
                                        n++;
                                }
                        if (n == 0)
                                continue;
                        at[v].x = sum.x / (double) n + g->length * cos(angle);
                        at[v].y = sum.y / (double) n + g->length * sin(angle);
                        placed[v] = found = true;
                }
        }
        for (size_t v = 0; v < g->n; v++)
                if (placed[v])
                        bottom = fmax(bottom, at[v].y);
        for (size_t v = 0, k = 0; v < g->n; v++)
                if (!placed[v]) {
                        at[v] = (Point){ (double) (k % 16) * g->length,
                                         bottom + (double) (k / 16 + 1) * g->length };
                        k++;
                }
}

static double bounded(double coordinate) {
        return fmin(fmax(coordinate, -FURTHEST), FURTHEST);
}

int layout_given(const LayoutGraph *g, const Adjacency *a, Point *at) {
        autofree double *numbers = calloc(g->n_edges + 1, sizeof *numbers);
        autofree bool *placed = calloc(g->n + 1, sizeof *placed);
        double usual, length = fmax(g->length, g->end_length);

        if (!numbers || !placed)
                return -ENOMEM;
        memcpy(placed, g->given, g->n * sizeof *placed);
        usual = usual_length(g, at, numbers);
        if (usual <= 0)
                usual = even_distance(g, at);
        for (size_t v = 0; v < g->n && usual > 0; v++)
                if (placed[v]) {
                        at[v].x = bounded(at[v].x * length / usual);
                        at[v].y = bounded(at[v].y * length / usual);
                }
        place_near(g, a, placed, at);
        return 0;
}
