/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "topology/layout_parts.h"

static int compare_indexes(const void *a, const void *b) {
        size_t x = *(const size_t *) a, y = *(const size_t *) b;

        return x < y ? -1 : x > y;
}

/* Sorts the neighbours of each vertex, whose end is in @end, and drops repetitions. */
static void sort_neighbours(Adjacency *a, const size_t *end) {
        size_t kept = 0;

        for (size_t v = 0; v < a->n; v++) {
                size_t begin = a->first[v];

                qsort(a->to + begin, end[v] - begin, sizeof *a->to, compare_indexes);
                a->first[v] = kept;
                for (size_t i = begin; i < end[v]; i++)
                        if (i == begin || a->to[i] != a->to[i - 1])
                                a->to[kept++] = a->to[i];
        }
        a->first[a->n] = kept;
}

int adjacency_make(size_t n, const size_t (*edges)[2], size_t n_edges, Adjacency *ret) {
        autoadjacency a = { .n = n };
        autofree size_t *end = calloc(n + 1, sizeof *end);

        a.first = calloc(n + 1, sizeof *a.first);
        a.to = calloc(2 * n_edges + 1, sizeof *a.to);
        if (!a.first || !a.to || !end)
                return -ENOMEM;
        for (size_t i = 0; i < n_edges; i++)
                for (int side = 0; side < 2 && edges[i][0] != edges[i][1]; side++)
                        a.first[edges[i][side] + 1]++;
        for (size_t v = 0; v < n; v++) {
                end[v] = a.first[v];
                a.first[v + 1] += a.first[v];
        }
        for (size_t i = 0; i < n_edges; i++)
                for (int side = 0; side < 2 && edges[i][0] != edges[i][1]; side++)
                        a.to[end[edges[i][side]]++] = edges[i][!side];
        sort_neighbours(&a, end);
        *ret = a;
        a = (Adjacency){};
        return 0;
}

void adjacency_clear(Adjacency *a) {
        free(a->first);
        free(a->to);
        *a = (Adjacency){};
}

void adjacency_distances(const Adjacency *a, size_t *distance, size_t *queue) {
        size_t end = 0;

        for (size_t v = 0; v < a->n; v++)
                if (distance[v] == 0)
                        queue[end++] = v;
        for (size_t begin = 0; begin < end; begin++)
                adjacency_foreach(w, a, queue[begin])
                        if (distance[*w] == SIZE_MAX) {
                                distance[*w] = distance[queue[begin]] + 1;
                                queue[end++] = *w;
                        }
}

/* The mixing function of SplitMix64. */
double layout_noise(uint64_t i) {
        uint64_t z = (i + 1) * 0x9e3779b97f4a7c15;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        z ^= z >> 31;
        return (double) (z >> 11) / (double) (UINT64_C(1) << 53);
}

double layout_disc_radius(const Part *p, size_t n_leaves) {
        return n_leaves == 0 ? 0 : p->spacing * (0.7 + 0.6 * sqrt((double) n_leaves));
}

/* The k-th leaf lies at the golden angle from the one before, further out by the root of k. */
void layout_leaves_around(const Part *p, size_t v) {
        size_t k = 0;

        adjacency_foreach(w, p->a, v) {
                double angle = (double) k * M_PI * (3 - sqrt(5));
                double radius = p->spacing * (1 + 0.58 * (sqrt((double) k + 1) - 1));

                if (!p->leaf[*w])
                        continue;
                p->at[*w] = (Point){ p->at[v].x + radius * cos(angle),
                                     p->at[v].y + radius * sin(angle) };
                k++;
        }
}

void layout_leaves_below(const Part *p, size_t v) {
        size_t n = p->leaves[v], k = 0;
        size_t columns = n <= 3 ? n : (size_t) ceil(sqrt((double) n * 1.5));

        adjacency_foreach(w, p->a, v) {
                size_t row, column, in_row;

                if (!p->leaf[*w])
                        continue;
                row = k / columns;
                column = k % columns;
                in_row = n - row * columns < columns ? n - row * columns : columns;
                /* Every other row half a column aside, so that edges pass between the vertices. */
                p->at[*w].x = p->at[v].x + ((double) column - (double) (in_row - 1) / 2 +
                                            (row % 2 && in_row == columns ? 0.5 : 0)) *
                                                   p->spacing;
                p->at[*w].y = p->at[v].y + p->end_length + (double) row * p->spacing;
                k++;
        }
}

static int place_part(Part *p) {
        static int (*const forms[])(const Part *) = { layout_star, layout_chain,  layout_ring,
                                                      layout_tree, layout_levels, layout_force };
        autofree size_t *leaves = NULL;
        autofree bool *leaf = NULL;
        size_t n = p->a->n;
        int r = 0;

        leaf = calloc(n, sizeof *leaf);
        leaves = calloc(n, sizeof *leaves);
        if (!leaf || !leaves)
                return -ENOMEM;
        for (size_t v = 0; v < n; v++) {
                leaf[v] = n > 2 && adjacency_degree(p->a, v) == 1;
                p->n_core += !leaf[v];
                if (leaf[v] && ++leaves[p->a->to[p->a->first[v]]] > p->most_leaves)
                        p->most_leaves++;
        }
        p->leaf = leaf;
        p->leaves = leaves;
        for (size_t i = 0; i < sizeof forms / sizeof *forms && r == 0; i++)
                r = forms[i](p);
        return r < 0 ? r : 0;
}

/* A part of the whole: which vertices, and how large it came out. */
typedef struct Piece {
        size_t first, n; /* in the list of members */
        Point size;
} Piece;

/* Makes the smallest coordinates of @n points 0 and returns the largest ones. */
static Point move_to_origin(Point *at, size_t n) {
        Point least = { HUGE_VAL, HUGE_VAL }, most = { 0, 0 };

        for (size_t i = 0; i < n; i++) {
                least.x = fmin(least.x, at[i].x);
                least.y = fmin(least.y, at[i].y);
        }
        for (size_t i = 0; i < n; i++) {
                at[i].x -= least.x;
                at[i].y -= least.y;
                most.x = fmax(most.x, at[i].x);
                most.y = fmax(most.y, at[i].y);
        }
        return most;
}

/* @members: the vertices of the piece, ascending; @local: their numbers in there. */
static int place_piece(const LayoutGraph *g, const Adjacency *whole, const size_t *members,
                       size_t *local, Piece *piece, Point *at) {
        autofree size_t(*edges)[2] = NULL;
        autofree Point *places = calloc(piece->n, sizeof *places);
        autofree bool *bottom = calloc(piece->n, sizeof *bottom);
        autoadjacency a = {};
        size_t n_edges = 0;
        int r = 0;

        for (size_t i = 0; i < piece->n; i++) {
                local[members[i]] = i;
                n_edges += adjacency_degree(whole, members[i]);
        }
        edges = calloc(n_edges + 1, sizeof *edges);
        if (!edges || !places || !bottom)
                return -ENOMEM;
        n_edges = 0;
        for (size_t i = 0; i < piece->n; i++) {
                bottom[i] = g->bottom && g->bottom[members[i]];
                adjacency_foreach(w, whole, members[i]) {
                        if (*w < members[i])
                                continue;
                        edges[n_edges][0] = i;
                        edges[n_edges++][1] = local[*w];
                }
        }
        r = adjacency_make(piece->n, (const size_t(*)[2]) edges, n_edges, &a);
        if (r >= 0 && piece->n > 1)
                r = place_part(&(Part){ .a = &a,
                                        .bottom = bottom,
                                        .spacing = g->spacing,
                                        .length = g->length,
                                        .end_length = g->end_length,
                                        .at = places });
        piece->size = move_to_origin(places, piece->n);
        for (size_t i = 0; i < piece->n; i++)
                at[members[i]] = places[i];
        return r;
}

static int compare_pieces(const void *a, const void *b) {
        const Piece *x = a, *y = b;

        if (x->size.y != y->size.y)
                return x->size.y > y->size.y ? -1 : 1;
        return x->first < y->first ? -1 : 1;
}

/* In rows, the highest ones first, of about the proportions of a screen. */
static void pack(const LayoutGraph *g, Piece *pieces, size_t n, const size_t *members, Point *at) {
        double gap = g->spacing * 1.3, area = 0, widest = 0, x = 0, y = 0, height = 0;

        for (size_t i = 0; i < n; i++) {
                area += (pieces[i].size.x + gap) * (pieces[i].size.y + gap);
                widest = fmax(widest, pieces[i].size.x + gap);
        }
        widest = fmax(widest, sqrt(area * 1.6));
        qsort(pieces, n, sizeof *pieces, compare_pieces);
        for (size_t i = 0; i < n; i++) {
                const Piece *p = &pieces[i];

                if (x > 0 && x + p->size.x + gap > widest * 1.001) {
                        x = 0;
                        y += height + gap;
                        height = 0;
                }
                for (size_t k = p->first; k < p->first + p->n; k++) {
                        at[members[k]].x += x;
                        at[members[k]].y += y;
                }
                x += p->size.x + gap;
                height = fmax(height, p->size.y);
        }
}

static int place_all(const LayoutGraph *g, const Adjacency *a, Point *at) {
        autofree size_t *distance = malloc((g->n + 1) * sizeof *distance);
        autofree size_t *members = calloc(g->n + 1, sizeof *members);
        autofree Piece *pieces = calloc(g->n + 1, sizeof *pieces);
        size_t n_pieces = 0, n_members = 0;

        if (!distance || !members || !pieces)
                return -ENOMEM;
        memset(distance, 0xff, (g->n + 1) * sizeof *distance);
        for (size_t v = 0; v < g->n; v++) {
                Piece *p = &pieces[n_pieces];
                int r;

                if (distance[v] != SIZE_MAX)
                        continue;
                p->first = n_members;
                members[n_members++] = v;
                distance[v] = 0;
                for (size_t i = p->first; i < n_members; i++)
                        adjacency_foreach(w, a, members[i])
                                if (distance[*w] == SIZE_MAX) {
                                        distance[*w] = 0;
                                        members[n_members++] = *w;
                                }
                p->n = n_members - p->first;
                qsort(members + p->first, p->n, sizeof *members, compare_indexes);
                r = place_piece(g, a, members + p->first, distance, p, at);
                if (r < 0)
                        return r;
                n_pieces++;
        }
        pack(g, pieces, n_pieces, members, at);
        return 0;
}

int layout_place(const LayoutGraph *g, Point *at) {
        autofree double *radius = calloc(g->n + 1, sizeof *radius);
        autoadjacency a = {};
        size_t n_given = 0;
        int r;

        for (size_t v = 0; g->given && v < g->n; v++)
                n_given += g->given[v];
        r = radius ? adjacency_make(g->n, g->edges, g->n_edges, &a) : -ENOMEM;
        if (r >= 0)
                r = n_given ? layout_given(g, &a, at) : place_all(g, &a, at);
        for (size_t v = 0; v < g->n && r >= 0; v++)
                radius[v] = g->spacing / 2 * 0.98;
        if (r >= 0)
                r = layout_separate(at, g->n, radius, n_given ? g->given : NULL);
        move_to_origin(at, g->n);
        return r;
}
