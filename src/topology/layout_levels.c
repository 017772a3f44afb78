/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Levels: fat trees, leaf and spine, hosts with two switches
 *
 * The method of Sugiyama, Tagawa and Toda (1981) without its first steps, for here
 * every edge already goes from one level to the next: vertices are ordered by the
 * mean place of their neighbours, level by level, up and down; the order with the
 * fewest crossings is kept.  Then each gets as near as it can to that mean.
 */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "topology/layout_parts.h"

#define SWEEPS      12
#define WIDTH_MAX   400   /* vertices of a level side by side; more are too wide to be looked at */
#define BLOCKS_FROM 40    /* leaves: they are put in blocks below their switch */
#define EDGES_MAX   20000 /* whose crossings are counted */

typedef struct Ranked {
        double key;
        size_t place, vertex;
} Ranked;

typedef struct Levels {
        const Part *p;
        size_t n_levels;
        size_t *level;  /* of each vertex, from below */
        bool *out;      /* a leaf that is not in its level, but in a block */
        bool blocks;    /* there are such */
        size_t *start;  /* of each level in order */
        size_t *order;  /* the vertices of level 0 from left to right, then of level 1, … */
        size_t *place;  /* of each vertex in its level */
        Ranked *ranked; /* scratch for a level */
} Levels;

static int compare_ranked(const void *a, const void *b) {
        const Ranked *x = a, *y = b;

        if (x->key != y->key)
                return x->key < y->key ? -1 : 1;
        return x->place < y->place ? -1 : x->place > y->place;
}

static size_t level_size(const Levels *l, size_t level) {
        return l->start[level + 1] - l->start[level];
}

/* Level 0 are the hosts, or the ends if nothing is called a host; without either, the larger half
 * of a graph in two colours.  Returns whether edges then only join a level and the next. */
static bool find_levels(Levels *l, size_t *queue) {
        const Adjacency *a = l->p->a;
        size_t n_bottom = 0, n_odd = 0;
        bool has_bottom = false;

        for (size_t v = 0; v < a->n; v++)
                n_bottom += l->p->bottom[v];
        for (size_t v = 0; v < a->n; v++) {
                bool bottom = n_bottom > 0 && n_bottom < a->n && l->p->bottom[v];

                l->level[v] = bottom || l->p->leaf[v] ? 0 : SIZE_MAX;
                has_bottom = has_bottom || l->level[v] == 0;
        }
        if (!has_bottom)
                l->level[0] = 0;
        adjacency_distances(a, l->level, queue);
        for (size_t v = 0; v < a->n; v++) {
                adjacency_foreach(w, a, v)
                        if (l->level[*w] == l->level[v])
                                return false;
                n_odd += l->level[v] % 2;
        }
        /* Half the edges that there could be make it leaves and spines. */
        if (!has_bottom && a->first[a->n] < n_odd * (a->n - n_odd))
                return false;
        if (!has_bottom)
                for (size_t v = 0; v < a->n; v++)
                        l->level[v] = (l->level[v] + (n_odd * 2 > a->n)) % 2;
        for (size_t v = 0; v < a->n; v++)
                if (l->level[v] >= l->n_levels)
                        l->n_levels = l->level[v] + 1;
        return l->n_levels <= 8;
}

static void list_levels(Levels *l) {
        size_t n = 0;

        for (size_t level = 0; level < l->n_levels; level++) {
                l->start[level] = n;
                for (size_t v = 0; v < l->p->a->n; v++)
                        if (l->level[v] == level && !l->out[v]) {
                                l->place[v] = n - l->start[level];
                                l->order[n++] = v;
                        }
        }
        l->start[l->n_levels] = n;
}

/* Orders a level by the mean place of its neighbours in the one at @beside. */
static void order_level(Levels *l, size_t level, size_t beside) {
        size_t n = level_size(l, level), *members = l->order + l->start[level];

        for (size_t i = 0; i < n; i++) {
                size_t v = members[i], found = 0;
                double sum = 0;

                adjacency_foreach(w, l->p->a, v)
                        if (l->level[*w] == beside && !l->out[*w]) {
                                sum += (double) l->place[*w];
                                found++;
                        }
                l->ranked[i] = (Ranked){ found ? sum / (double) found : (double) i, i, v };
        }
        qsort(l->ranked, n, sizeof *l->ranked, compare_ranked);
        for (size_t i = 0; i < n; i++) {
                members[i] = l->ranked[i].vertex;
                l->place[members[i]] = i;
        }
}

/* Inversions, counted with a tree of partial sums; @sums: room for a level's vertices and one. */
static size_t count_crossings(const Levels *l, size_t *sums) {
        size_t crossings = 0;

        for (size_t level = 0; level + 1 < l->n_levels; level++) {
                size_t above = level_size(l, level + 1), seen = 0;

                memset(sums, 0, (above + 1) * sizeof *sums);
                for (size_t i = l->start[level]; i < l->start[level + 1]; i++) {
                        adjacency_foreach(w, l->p->a, l->order[i]) {
                                if (l->level[*w] != level + 1)
                                        continue;
                                crossings += seen;
                                for (size_t k = l->place[*w] + 1; k > 0; k &= k - 1)
                                        crossings -= sums[k];
                        }
                        adjacency_foreach(w, l->p->a, l->order[i]) {
                                if (l->level[*w] != level + 1)
                                        continue;
                                for (size_t k = l->place[*w] + 1; k <= above; k += k & -k)
                                        sums[k]++;
                                seen++;
                        }
                }
        }
        return crossings;
}

static int untangle(Levels *l) {
        size_t n = l->p->a->n;
        autofree size_t *best = calloc(n + 1, sizeof *best);
        autofree size_t *sums = calloc(n + 2, sizeof *sums);
        size_t fewest;

        if (!best || !sums)
                return -ENOMEM;
        memcpy(best, l->order, n * sizeof *best);
        fewest = count_crossings(l, sums);
        for (int sweep = 0; sweep < SWEEPS && fewest > 0; sweep++) {
                size_t crossings;

                for (size_t i = 1; i < l->n_levels; i++) {
                        size_t level = sweep % 2 ? l->n_levels - 1 - i : i;

                        order_level(l, level, sweep % 2 ? level + 1 : level - 1);
                }
                crossings = count_crossings(l, sums);
                if (crossings < fewest) {
                        fewest = crossings;
                        memcpy(best, l->order, n * sizeof *best);
                }
        }
        memcpy(l->order, best, n * sizeof *best);
        for (size_t level = 0; level < l->n_levels; level++)
                for (size_t i = l->start[level]; i < l->start[level + 1]; i++)
                        l->place[l->order[i]] = i - l->start[level];
        return 0;
}

/*
 * Places a level as near to the wanted places as its order and distances allow, in the sense of
 * least squares: the pool of adjacent violators.  @wanted, by place in the level, is where they
 * get.  @scratch: as many.
 */
static void spread(double *wanted, size_t n, double gap, double *scratch, size_t *count) {
        size_t n_pools = 0, i = 0;

        for (size_t k = 0; k < n; k++) {
                scratch[n_pools] = wanted[k] - (double) k * gap;
                count[n_pools++] = 1;
                while (n_pools > 1 && scratch[n_pools - 2] > scratch[n_pools - 1]) {
                        double a = (double) count[n_pools - 2], b = (double) count[n_pools - 1];

                        scratch[n_pools - 2] =
                                (scratch[n_pools - 2] * a + scratch[n_pools - 1] * b) / (a + b);
                        count[n_pools - 2] += count[n_pools - 1];
                        n_pools--;
                }
        }
        for (size_t pool = 0; pool < n_pools; pool++)
                for (size_t k = 0; k < count[pool]; k++, i++)
                        wanted[i] = scratch[pool] + (double) i * gap;
}

static bool have_common(const Adjacency *a, size_t v, size_t w) {
        size_t i = a->first[v], k = a->first[w];

        while (i < a->first[v + 1] && k < a->first[w + 1]) {
                if (a->to[i] == a->to[k])
                        return true;
                if (a->to[i] < a->to[k])
                        i++;
                else
                        k++;
        }
        return false;
}

/* The widest level: evenly, with more room between those that have no neighbour in common. */
static void place_widest(const Levels *l, size_t level, double gap) {
        double x = 0;

        for (size_t i = l->start[level]; i < l->start[level + 1]; i++) {
                if (i > l->start[level])
                        x += gap * (have_common(l->p->a, l->order[i - 1], l->order[i]) ? 1 : 1.4);
                l->p->at[l->order[i]].x = x;
        }
}

static void place_beside(const Levels *l, size_t level, size_t beside, double gap, double *wanted,
                         size_t *count) {
        size_t n = level_size(l, level), *members = l->order + l->start[level];

        for (size_t i = 0; i < n; i++) {
                size_t found = 0;

                wanted[i] = 0;
                adjacency_foreach(w, l->p->a, members[i])
                        if (l->level[*w] == beside && !l->out[*w]) {
                                wanted[i] += l->p->at[*w].x;
                                found++;
                        }
                wanted[i] = found ? wanted[i] / (double) found : i ? wanted[i - 1] : 0;
        }
        spread(wanted, n, gap, wanted + n, count);
        for (size_t i = 0; i < n; i++)
                l->p->at[members[i]].x = wanted[i];
}

/* Edges that go far sideways need height to be told apart. */
static void place_heights(const Levels *l, double width) {
        const Part *p = l->p;
        double rise = fmin(fmax(p->length, width / 8), 5 * p->length);
        double lowest = p->end_length, bottom;

        for (size_t v = 0; v < p->a->n; v++)
                if (l->level[v] == 0 && !p->leaf[v])
                        lowest = fmax(p->length, p->end_length);
        lowest = fmax(lowest, fmin(rise, width / 16));
        bottom = (double) (l->n_levels - 2) * rise + lowest;
        for (size_t v = 0; v < p->a->n; v++)
                p->at[v].y =
                        l->level[v] == 0 ? bottom : (double) (l->n_levels - 1 - l->level[v]) * rise;
}

static int place_levels(const Levels *l, double gap) {
        size_t n = l->p->a->n, widest = 0;
        autofree double *wanted = calloc(2 * n + 1, sizeof *wanted);
        autofree size_t *count = calloc(n + 1, sizeof *count);
        double width;

        if (!wanted || !count)
                return -ENOMEM;
        for (size_t level = 0; level < l->n_levels; level++)
                if (level_size(l, level) > level_size(l, widest))
                        widest = level;
        place_widest(l, widest, gap);
        width = (double) level_size(l, widest) * gap;
        for (size_t i = 1; i < l->n_levels; i++) {
                size_t level = i <= widest ? widest - i : i;
                size_t beside = i <= widest ? level + 1 : level - 1;
                double even = width / (double) (level_size(l, level) + 1);

                place_beside(l, level, beside, fmax(gap, fmin(even * 0.8, gap * 2.2)), wanted,
                             count);
        }
        place_heights(l, width);
        return 0;
}

/* Leaves in blocks leave the width to the switches. */
static double choose_blocks(Levels *l) {
        const Part *p = l->p;
        size_t n_leaves = p->a->n - p->n_core;
        double gap = p->a->n <= 24 ? fmax(p->spacing, p->length * 0.62) : p->spacing * 1.1;
        double columns = p->most_leaves <= 3 ? (double) p->most_leaves
                                             : ceil(sqrt((double) p->most_leaves * 1.5)) + 0.5;

        if (n_leaves < BLOCKS_FROM)
                return gap;
        l->blocks = true;
        for (size_t v = 0; v < p->a->n; v++)
                l->out[v] = p->leaf[v];
        return fmax(gap, p->spacing * (columns + 0.4));
}

int layout_levels(const Part *p) {
        size_t n = p->a->n, most = 0;
        autofree size_t *numbers = calloc(4 * n + 2, sizeof *numbers);
        autofree bool *out = calloc(n + 1, sizeof *out);
        autofree Ranked *ranked = calloc(n + 1, sizeof *ranked);
        size_t start[10] = {};
        Levels l = { .p = p, .out = out, .start = start, .ranked = ranked };
        double gap;
        int r;

        if (!numbers || !out || !ranked)
                return -ENOMEM;
        l.level = numbers;
        l.order = numbers + n;
        l.place = numbers + 2 * n;
        if (p->a->first[n] > 2 * EDGES_MAX || !find_levels(&l, numbers + 3 * n))
                return 0;
        gap = choose_blocks(&l);
        list_levels(&l);
        for (size_t level = 0; level < l.n_levels; level++)
                most = level_size(&l, level) > most ? level_size(&l, level) : most;
        if (most > WIDTH_MAX)
                return 0;
        r = untangle(&l);
        if (r >= 0)
                r = place_levels(&l, gap);
        for (size_t v = 0; v < n && r >= 0 && l.blocks; v++)
                if (p->leaves[v] > 0)
                        layout_leaves_below(p, v);
        return r < 0 ? r : 1;
}
