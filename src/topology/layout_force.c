/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Any graph: distances on paper as in the graph
 *
 * First by pivots (Brandes and Pich, 2006: classical scaling to the distances from
 * some vertices), which finds the form of the whole.  Small graphs are then improved
 * by stress majorization (Gansner, Koren, North, 2004); of large ones only the core
 * is placed so, with the distances to neighbours and pivots alone (Ortmann, Klimenta,
 * Brandes, 2016), and leaves around their vertex.
 */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "topology/layout_parts.h"

#define PIVOTS          40
#define STRESS_MAX      360 /* vertices: the time grows with their square */
#define STRESS_ROUNDS   120
#define SPARSE_ROUNDS   40
#define POWER_ROUNDS    60
#define FAR_FROM_ITSELF 1e-3 /* noise that parts what is in one place, in edges */

typedef struct Force {
        const Adjacency *a;
        Point *at;
        const double *radius; /* that a vertex takes with its leaves, or NULL */
        double length, spacing;
} Force;

/* Vertices that are far from each other, and how far all others are from them. */
typedef struct Pivots {
        size_t n, vertices[PIVOTS];
        uint16_t *steps; /* PIVOTS for each vertex */
        size_t furthest;
} Pivots;

static int find_pivots(const Adjacency *a, Pivots *ret) {
        autofree size_t *numbers = calloc(3 * a->n, sizeof *numbers);
        size_t *steps = numbers, *queue = numbers + a->n, *nearest = numbers + 2 * a->n;
        size_t pivot = 0;

        ret->n = a->n < PIVOTS ? a->n : PIVOTS;
        ret->steps = calloc(a->n * PIVOTS, sizeof *ret->steps);
        if (!ret->steps || !numbers)
                return -ENOMEM;
        memset(nearest, 0xff, a->n * sizeof *nearest);
        for (size_t k = 0; k < ret->n; k++) {
                size_t next = 0;

                memset(steps, 0xff, a->n * sizeof *steps);
                steps[pivot] = 0;
                adjacency_distances(a, steps, queue);
                for (size_t v = 0; v < a->n; v++) {
                        size_t d = steps[v] < UINT16_MAX ? steps[v] : UINT16_MAX;

                        ret->steps[v * PIVOTS + k] = (uint16_t) d;
                        ret->furthest = d > ret->furthest ? d : ret->furthest;
                        nearest[v] = d < nearest[v] ? d : nearest[v];
                        if (nearest[v] > nearest[next])
                                next = v;
                }
                ret->vertices[k] = pivot;
                pivot = next;
        }
        return 0;
}

static void pivots_clear(Pivots *p) {
        free(p->steps);
}
#define autopivots __attribute__((__cleanup__(pivots_clear))) Pivots

/* Squares them and takes the means of rows, columns and the whole out. */
static void centre(double *c, size_t n, size_t k) {
        double column[PIVOTS] = {}, whole = 0;

        for (size_t v = 0; v < n; v++)
                for (size_t i = 0; i < k; i++) {
                        c[v * PIVOTS + i] *= c[v * PIVOTS + i];
                        column[i] += c[v * PIVOTS + i] / (double) n;
                }
        for (size_t i = 0; i < k; i++)
                whole += column[i] / (double) k;
        for (size_t v = 0; v < n; v++) {
                double row = 0;

                for (size_t i = 0; i < k; i++)
                        row += c[v * PIVOTS + i] / (double) k;
                for (size_t i = 0; i < k; i++)
                        c[v * PIVOTS + i] -= row + column[i] - whole;
        }
}

static double dot(const double *a, const double *b, size_t n) {
        double sum = 0;

        for (size_t i = 0; i < n; i++)
                sum += a[i] * b[i];
        return sum;
}

/* The eigenvector of the largest eigenvalue, perpendicular to @other (which may be NULL). */
static void eigenvector(double matrix[PIVOTS][PIVOTS], size_t k, const double *other, uint64_t seed,
                        double *ret) {
        for (size_t i = 0; i < k; i++)
                ret[i] = layout_noise(seed + i) - 0.5;
        for (int round = 0; round < POWER_ROUNDS; round++) {
                double next[PIVOTS], length, along;

                for (size_t i = 0; i < k; i++)
                        next[i] = dot(matrix[i], ret, k);
                along = other ? dot(next, other, k) : 0;
                for (size_t i = 0; i < k && other; i++)
                        next[i] -= along * other[i];
                length = sqrt(dot(next, next, k));
                for (size_t i = 0; i < k; i++)
                        ret[i] = length > 1e-9 ? next[i] / length : 0;
        }
}

/* Makes edges as long on average as @f wants them. */
static void scale_edges(const Force *f) {
        double sum = 0, wanted = 0;

        for (size_t v = 0; v < f->a->n; v++)
                adjacency_foreach(w, f->a, v) {
                        sum += hypot(f->at[v].x - f->at[*w].x, f->at[v].y - f->at[*w].y);
                        wanted += f->length + (f->radius ? f->radius[v] + f->radius[*w] : 0);
                }
        for (size_t v = 0; v < f->a->n && sum > 0; v++) {
                f->at[v].x *= wanted / sum;
                f->at[v].y *= wanted / sum;
        }
}

static int place_by_pivots(const Force *f, const Pivots *p) {
        size_t n = f->a->n, k = p->n;
        autofree double *c = calloc(n * PIVOTS, sizeof *c);
        double matrix[PIVOTS][PIVOTS] = {}, x[PIVOTS], y[PIVOTS];

        if (!c)
                return -ENOMEM;
        for (size_t i = 0; i < n * PIVOTS; i++)
                c[i] = p->steps[i];
        centre(c, n, k);
        for (size_t v = 0; v < n; v++)
                for (size_t i = 0; i < k; i++)
                        for (size_t j = 0; j < k; j++)
                                matrix[i][j] += c[v * PIVOTS + i] * c[v * PIVOTS + j];
        eigenvector(matrix, k, NULL, 1, x);
        eigenvector(matrix, k, x, 1 + PIVOTS, y);
        for (size_t v = 0; v < n; v++)
                f->at[v] = (Point){ dot(&c[v * PIVOTS], x, k), dot(&c[v * PIVOTS], y, k) };
        scale_edges(f);
        for (size_t v = 0; v < n; v++) {
                f->at[v].x += (layout_noise(2 * v) - 0.5) * f->length * FAR_FROM_ITSELF;
                f->at[v].y += (layout_noise(2 * v + 1) - 0.5) * f->length * FAR_FROM_ITSELF;
        }
        return 0;
}

/* Each vertex in turn to where the others, each at its distance, want it on average. */
static double improve_once(const Force *f, const Part *p, const uint16_t *steps) {
        size_t n = f->a->n;
        double moved = 0;

        for (size_t v = 0; v < n; v++) {
                double x = 0, y = 0, weights = 0;

                for (size_t w = 0; w < n; w++) {
                        double ends = (p->leaf[v] ? 1 : 0) + (p->leaf[w] ? 1 : 0);
                        double d = (steps[v * n + w] - ends) * p->length + ends * p->end_length;
                        double weight, s, dx, dy;

                        if (w == v)
                                continue;
                        dx = f->at[v].x - f->at[w].x;
                        dy = f->at[v].y - f->at[w].y;
                        weight = 1 / (d * d);
                        s = sqrt(dx * dx + dy * dy);
                        s = s > 1e-6 ? d / s : 0;
                        x += weight * (f->at[w].x + s * dx);
                        y += weight * (f->at[w].y + s * dy);
                        weights += weight;
                }
                moved = fmax(moved, hypot(f->at[v].x - x / weights, f->at[v].y - y / weights));
                f->at[v] = (Point){ x / weights, y / weights };
        }
        return moved;
}

static int improve_by_stress(const Force *f, const Part *p) {
        size_t n = f->a->n;
        autofree uint16_t *steps = calloc(n * n, sizeof *steps);
        autofree size_t *numbers = calloc(2 * n, sizeof *numbers);

        if (!steps || !numbers)
                return -ENOMEM;
        for (size_t v = 0; v < n; v++) {
                memset(numbers, 0xff, n * sizeof *numbers);
                numbers[v] = 0;
                adjacency_distances(f->a, numbers, numbers + n);
                for (size_t w = 0; w < n; w++)
                        steps[v * n + w] = (uint16_t) numbers[w];
        }
        for (int round = 0; round < STRESS_ROUNDS; round++)
                if (improve_once(f, p, steps) < f->length / 500)
                        break;
        return 0;
}

/* How many vertices a pivot stands for: those nearer to it than to the other pivots, and of these,
 * seen from @d steps away, those within half the way. */
static void weigh_pivots(const uint16_t *steps, size_t n, size_t k, size_t furthest,
                         uint32_t *within) {
        for (size_t v = 0; v < n; v++) {
                size_t nearest = 0;

                for (size_t i = 1; i < k; i++)
                        if (steps[v * PIVOTS + i] < steps[v * PIVOTS + nearest])
                                nearest = i;
                within[nearest * (furthest + 1) + steps[v * PIVOTS + nearest]]++;
        }
        for (size_t i = 0; i < k; i++)
                for (size_t d = 1; d <= furthest; d++)
                        within[i * (furthest + 1) + d] += within[i * (furthest + 1) + d - 1];
}

typedef struct Pull {
        double x, y, weights;
} Pull;

static void pull(const Force *f, size_t v, size_t w, double distance, double weight, Pull *sum) {
        double dx = f->at[v].x - f->at[w].x, dy = f->at[v].y - f->at[w].y,
               s = sqrt(dx * dx + dy * dy);

        weight /= distance * distance;
        s = s > 1e-6 ? distance / s : 0;
        sum->x += weight * (f->at[w].x + s * dx);
        sum->y += weight * (f->at[w].y + s * dy);
        sum->weights += weight;
}

static int improve_by_pivots(const Force *f, const Pivots *p) {
        size_t n = f->a->n, row = p->furthest + 1;
        autofree uint32_t *within = calloc(p->n * row, sizeof *within);
        double edge = f->length;

        if (!within)
                return -ENOMEM;
        weigh_pivots(p->steps, n, p->n, p->furthest, within);
        for (size_t v = 0; v < n; v++)
                edge += 2 * f->radius[v] / (double) n;
        for (int round = 0; round < SPARSE_ROUNDS; round++)
                for (size_t v = 0; v < n; v++) {
                        Pull sum = {};

                        adjacency_foreach(w, f->a, v)
                                pull(f, v, *w, f->length + f->radius[v] + f->radius[*w], 1, &sum);
                        for (size_t i = 0; i < p->n; i++) {
                                size_t d = p->steps[v * PIVOTS + i];

                                if (d > 1)
                                        pull(f, v, p->vertices[i], (double) d * edge,
                                             within[i * row + d / 2], &sum);
                        }
                        f->at[v] = (Point){ sum.x / sum.weights, sum.y / sum.weights };
                }
        return 0;
}

/* Turns it so that it is widest from left to right. */
static void turn(const Force *f) {
        double xx = 0, yy = 0, xy = 0, mx = 0, my = 0, angle, n = (double) f->a->n;

        for (size_t v = 0; v < f->a->n; v++) {
                mx += f->at[v].x / n;
                my += f->at[v].y / n;
        }
        for (size_t v = 0; v < f->a->n; v++) {
                double x = f->at[v].x - mx, y = f->at[v].y - my;

                xx += x * x;
                yy += y * y;
                xy += x * y;
        }
        angle = -atan2(2 * xy, xx - yy) / 2;
        for (size_t v = 0; v < f->a->n; v++)
                f->at[v] = (Point){ f->at[v].x * cos(angle) - f->at[v].y * sin(angle),
                                    f->at[v].x * sin(angle) + f->at[v].y * cos(angle) };
}

/* The core of a large part as a graph of its own, then the leaves. */
static int place_core(const Part *p) {
        size_t n = p->n_core, n_edges = 0, k = 0;
        autofree size_t *number = calloc(p->a->n, sizeof *number);
        autofree size_t(*edges)[2] = calloc(p->a->first[p->a->n] + 1, sizeof *edges);
        autofree double *radius = calloc(n, sizeof *radius);
        autofree Point *at = calloc(n, sizeof *at);
        autoadjacency a = {};
        autopivots pivots = {};
        Force f = { &a, at, radius, p->length, p->spacing };
        int r;

        if (!number || !edges || !radius || !at)
                return -ENOMEM;
        for (size_t v = 0; v < p->a->n; v++)
                if (!p->leaf[v]) {
                        radius[k] = layout_disc_radius(p, p->leaves[v]);
                        number[v] = k++;
                }
        for (size_t v = 0; v < p->a->n; v++)
                adjacency_foreach(w, p->a, v)
                        if (*w > v && !p->leaf[v] && !p->leaf[*w]) {
                                edges[n_edges][0] = number[v];
                                edges[n_edges++][1] = number[*w];
                        }
        r = adjacency_make(n, (const size_t(*)[2]) edges, n_edges, &a);
        if (r >= 0)
                r = find_pivots(&a, &pivots);
        if (r >= 0)
                r = place_by_pivots(&f, &pivots);
        if (r >= 0)
                r = improve_by_pivots(&f, &pivots);
        for (k = 0; k < n; k++)
                radius[k] = fmax(p->spacing * 0.7, radius[k]);
        if (r >= 0)
                r = layout_separate(at, n, radius, NULL);
        if (r < 0)
                return r;
        turn(&f);
        for (size_t v = 0; v < p->a->n; v++)
                if (!p->leaf[v]) {
                        p->at[v] = at[number[v]];
                        layout_leaves_around(p, v);
                }
        return 1;
}

int layout_force(const Part *p) {
        Force f = { p->a, p->at, NULL, p->length, p->spacing };
        autopivots pivots = {};
        int r;

        if (p->a->n > STRESS_MAX)
                return place_core(p);
        r = find_pivots(p->a, &pivots);
        if (r >= 0)
                r = place_by_pivots(&f, &pivots);
        if (r >= 0)
                r = improve_by_stress(&f, p);
        if (r < 0)
                return r;
        turn(&f);
        return 1;
}
