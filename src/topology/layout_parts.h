/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the files layout*.c share; see layout.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "topology/layout.h"

/* The neighbours of v, each once and without v itself: to[first[v]] to to[first[v + 1] - 1],
 * ascending. */
typedef struct Adjacency {
        size_t n;
        size_t *first; /* n + 1 */
        size_t *to;
} Adjacency;

int adjacency_make(size_t n, const size_t (*edges)[2], size_t n_edges, Adjacency *ret);
void adjacency_clear(Adjacency *a);
#define autoadjacency __attribute__((__cleanup__(adjacency_clear))) Adjacency

static inline size_t adjacency_degree(const Adjacency *a, size_t v) {
        return a->first[v + 1] - a->first[v];
}
#define adjacency_foreach(w, a, v)                                                                \
        for (const size_t *w = (a)->to + (a)->first[v], *end_##w = (a)->to + (a)->first[(v) + 1]; \
             w < end_##w; w++)

/* Steps from the nearest of the vertices whose distance is 0 beforehand; all others must hold
 * SIZE_MAX, and those out of reach keep it.  @queue: room for n. */
void adjacency_distances(const Adjacency *a, size_t *distance, size_t *queue);

/* A connected part of two vertices or more. */
typedef struct Part {
        const Adjacency *a;
        const bool *bottom;
        double spacing, length, end_length;
        bool *leaf;     /* with one neighbour, unless there are only two vertices */
        size_t n_core;  /* those that are none */
        size_t *leaves; /* of each one of the core, how many */
        size_t most_leaves;
        Point *at;
} Part;

/*
 * Each places all vertices of a part if it has that form: 1; 0 if it has another one; -ENOMEM.
 */
int layout_star(const Part *p);   /* one vertex in the middle */
int layout_chain(const Part *p);  /* a path, each with leaves */
int layout_ring(const Part *p);   /* a cycle or a mesh, each with leaves */
int layout_tree(const Part *p);   /* from the middle down, or outwards */
int layout_levels(const Part *p); /* edges only between a level and the next */
int layout_force(const Part *p);  /* any */

/* Scales the given places and puts the other vertices near their neighbours. */
int layout_given(const LayoutGraph *g, const Adjacency *a, Point *at);

/* Puts the leaves of @v, which has its place, on a disc around it, or in rows below. */
double layout_disc_radius(const Part *p, size_t n_leaves);
void layout_leaves_around(const Part *p, size_t v);
void layout_leaves_below(const Part *p, size_t v);

/* Moves vertices apart until two have the sum of their radii between them, as well as it goes in
 * bounded time; @fixed ones stay, unless they are where another is.  @fixed may be NULL. */
int layout_separate(Point *at, size_t n, const double *radius, const bool *fixed);

/* A number from 0 to 1 that looks random and depends on @i alone. */
double layout_noise(uint64_t i);
