/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Where to draw the vertices of a graph
 *
 * Each connected part gets the form that suits it: a star, a chain with its hosts
 * below, a ring, a tree, levels as in a fat tree, else an arrangement in which
 * distances on paper follow distances in the graph.  Parts are put beside each
 * other in rows.  The same graph always gets the same places; the time is bounded
 * by O(n log n) beyond a few hundred vertices.
 */

#include <stdbool.h>
#include <stddef.h>

typedef struct Point {
        double x, y;
} Point;

typedef struct LayoutGraph {
        size_t n;
        const size_t (*edges)[2]; /* by index; loops and repetitions are allowed */
        size_t n_edges;
        const bool *bottom; /* those that belong below the others, as hosts below switches */
        const bool *given;  /* those whose place is known; or NULL */
        double spacing;     /* least distance of two vertices */
        double length;      /* of an edge that has all the room it wants; at least spacing */
        double end_length;  /* the same for an edge to a vertex that has no other */
} LayoutGraph;

/**
 * layout_place() - find a place for every vertex
 * @at:		g->n points; read where g->given says so
 *
 * Given places are kept as to their proportions: all are scaled alike so that an edge has about
 * the longer of both lengths, and one that is where another is already moves aside.  The smallest
 * coordinates are 0; y grows downwards.
 *
 * Return: 0, -ENOMEM.
 */
int layout_place(const LayoutGraph *g, Point *at);
