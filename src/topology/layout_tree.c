/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Trees: from the top down while they are narrow, else outwards from the middle. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "topology/layout_parts.h"

#define DOWN_MAX 34 /* ends that are drawn side by side */
#define OUTWARD_MAX                                                                   \
        160 /* ends that are drawn on a circle; of more, those that have no more than \
               leaves, with these around them */

/* Cuts off the ends until one or two vertices are left; of two, the one that is no host, or the
 * first. */
static size_t find_middle(const Part *p, size_t *degree, size_t *queue) {
        size_t n = p->a->n, begin = 0, end = 0, left = n;

        for (size_t v = 0; v < n; v++) {
                degree[v] = adjacency_degree(p->a, v);
                if (degree[v] == 1)
                        queue[end++] = v;
        }
        while (left > 2)
                for (size_t stop = end; begin < stop; begin++, left--)
                        adjacency_foreach(w, p->a, queue[begin])
                                if (degree[*w]-- == 2)
                                        queue[end++] = *w;
        if (left == 2 && p->bottom[queue[end - 2]] == p->bottom[queue[end - 1]])
                return queue[end - 2] < queue[end - 1] ? queue[end - 2] : queue[end - 1];
        return left == 2 && !p->bottom[queue[end - 2]] ? queue[end - 2] : queue[end - 1];
}

/* Vertices in preorder, with their parents and depths; without the leaves if these are drawn around
 * their vertices. */
typedef struct Walk {
        bool no_leaves;
        size_t n, *order, *parent, *depth, *stack;
        size_t n_ends, deepest;
} Walk;

static void walk_tree(const Part *p, size_t root, Walk *walk) {
        size_t height = 0;

        walk->n = walk->n_ends = walk->deepest = 0;
        walk->stack[height++] = root;
        walk->parent[root] = SIZE_MAX;
        walk->depth[root] = 0;
        while (height > 0) {
                size_t v = walk->stack[--height], begin = p->a->first[v], before = height;

                walk->order[walk->n++] = v;
                if (walk->depth[v] > walk->deepest)
                        walk->deepest = walk->depth[v];
                for (size_t i = p->a->first[v + 1]; i-- > begin;) {
                        size_t w = p->a->to[i];

                        if (w == walk->parent[v] || (walk->no_leaves && p->leaf[w]))
                                continue;
                        walk->parent[w] = v;
                        walk->depth[w] = walk->depth[v] + 1;
                        walk->stack[height++] = w;
                }
                walk->n_ends += height == before;
        }
}

/* x: one place after the other for the ends, for all others the middle of their children. */
static void place_across(const Part *p, const Walk *walk, Point *across) {
        double next = 0;

        /* Until a vertex has its own place: its first and its last child's. */
        for (size_t v = 0; v < p->a->n; v++)
                across[v] = (Point){ HUGE_VAL, -HUGE_VAL };
        for (size_t i = walk->n; i-- > 0;) {
                size_t v = walk->order[i], parent = walk->parent[v];
                double x = across[v].x > across[v].y ? next++ : (across[v].x + across[v].y) / 2;

                across[v].x = x;
                if (parent == SIZE_MAX)
                        continue;
                across[parent].x = fmin(across[parent].x, x);
                across[parent].y = fmax(across[parent].y, x);
        }
        /* Walked backwards, so the first child is the rightmost one. */
        for (size_t i = 0; i < walk->n; i++)
                across[walk->order[i]].x = next - 1 - across[walk->order[i]].x;
}

static void place_down(const Part *p, const Walk *walk, const Point *across) {
        double step = walk->n_ends <= 10 ? fmax(p->spacing, p->length * 0.7) : p->spacing * 1.1;

        for (size_t i = 0; i < walk->n; i++) {
                size_t v = walk->order[i], depth = walk->depth[v];
                double y = (double) depth * p->length;

                if (p->leaf[v] && depth > 0)
                        y += p->end_length - p->length;
                p->at[v] = (Point){ across[v].x * step, y };
        }
}

static void place_outwards(const Part *p, const Walk *walk, const Point *across) {
        double disc = walk->no_leaves ? layout_disc_radius(p, p->most_leaves) : 0;
        double step = fmax(p->spacing * 1.1, 2 * disc);
        double ring = fmax(fmax(p->length, p->end_length) + 2 * disc,
                           (double) walk->n_ends * step / 2 / M_PI / (double) walk->deepest);

        for (size_t i = 0; i < walk->n; i++) {
                size_t v = walk->order[i];
                double angle = across[v].x / (double) walk->n_ends * 2 * M_PI;
                double radius = (double) walk->depth[v] * ring;

                p->at[v] = (Point){ radius * cos(angle), radius * sin(angle) };
        }
        for (size_t i = 0; i < walk->n && walk->no_leaves; i++)
                layout_leaves_around(p, walk->order[i]);
}

int layout_tree(const Part *p) {
        size_t n = p->a->n, root;
        autofree size_t *numbers = calloc(4 * n + 1, sizeof *numbers);
        autofree Point *across = calloc(n + 1, sizeof *across);
        Walk walk = { .order = numbers,
                      .parent = numbers + n,
                      .depth = numbers + 2 * n,
                      .stack = numbers + 3 * n };

        if (!numbers || !across)
                return -ENOMEM;
        if (p->a->first[n] != 2 * (n - 1))
                return 0;
        root = find_middle(p, numbers, numbers + n);
        walk_tree(p, root, &walk);
        if (walk.n_ends > OUTWARD_MAX) {
                walk.no_leaves = true;
                walk_tree(p, root, &walk);
        }
        if (walk.n_ends > OUTWARD_MAX || walk.deepest == 0)
                return 0;
        place_across(p, &walk, across);
        if (walk.n_ends <= DOWN_MAX && !walk.no_leaves)
                place_down(p, &walk, across);
        else
                place_outwards(p, &walk, across);
        return 1;
}
