/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <stdint.h>

#include "base/auto.h"
#include "test.h"
#include "topology/layout.h"

#define SPACING 80.0
#define LENGTH  150.0
#define ENDS    200.0
#define MOST    5000

/* A graph that is being made, and where its vertices came to be. */
typedef struct Drawing {
        LayoutGraph g;
        size_t edges[4 * MOST][2];
        bool bottom[MOST], given[MOST];
        Point at[MOST];
} Drawing;

static Drawing *drawing(size_t n) {
        Drawing *d = calloc(1, sizeof *d);

        expect(d && n <= MOST);
        d->g = (LayoutGraph){ .n = n,
                              .edges = (const size_t(*)[2]) d->edges,
                              .bottom = d->bottom,
                              .given = d->given,
                              .spacing = SPACING,
                              .length = LENGTH,
                              .end_length = ENDS };
        return d;
}

static void edge(Drawing *d, size_t a, size_t b) {
        expect(d->g.n_edges < 4 * MOST);
        d->edges[d->g.n_edges][0] = a;
        d->edges[d->g.n_edges++][1] = b;
}

static double distance(const Drawing *d, size_t a, size_t b) {
        return hypot(d->at[a].x - d->at[b].x, d->at[a].y - d->at[b].y);
}

static double nearest_pair(const Drawing *d) {
        double nearest = HUGE_VAL;

        for (size_t i = 0; i < d->g.n; i++)
                for (size_t k = 0; k < i; k++)
                        nearest = fmin(nearest, distance(d, i, k));
        return nearest;
}

/* Places it, and expects what holds for every graph. */
static void place(Drawing *d) {
        Point least = { HUGE_VAL, HUGE_VAL };

        expect_ok(layout_place(&d->g, d->at));
        for (size_t i = 0; i < d->g.n; i++) {
                expect(isfinite(d->at[i].x) && isfinite(d->at[i].y));
                least = (Point){ fmin(least.x, d->at[i].x), fmin(least.y, d->at[i].y) };
        }
        expect(d->g.n == 0 || (fabs(least.x) < 1e-6 && fabs(least.y) < 1e-6));
        expect(d->g.n < 2 || nearest_pair(d) > 0.4);
}

static bool about(double a, double b) {
        return fabs(a - b) < 0.02 * fabs(b) + 0.02;
}

static uint32_t next_random(uint32_t *state) {
        return *state = *state * 1664525 + 1013904223;
}

TEST(nothing_and_one) {
        autofree Drawing *none = drawing(0), *one = drawing(1);

        place(none);
        place(one);
        edge(one, 0, 0);
        place(one);
}

TEST(two_lie_beside_each_other) {
        autofree Drawing *d = drawing(2);

        edge(d, 0, 1);
        edge(d, 1, 0);
        place(d);
        expect(d->at[0].y == d->at[1].y && about(distance(d, 0, 1), ENDS));
}

/* h - s - s - h */
TEST(a_path_lies_in_a_line) {
        autofree Drawing *d = drawing(4);

        edge(d, 3, 1);
        edge(d, 1, 0);
        edge(d, 0, 2);
        place(d);
        for (size_t i = 1; i < 4; i++)
                expect(about(d->at[i].y, d->at[0].y));
        expect(fabs(d->at[3].x - d->at[2].x) > 2.9 * LENGTH);
        expect((d->at[1].x - d->at[0].x) * (d->at[3].x - d->at[1].x) > 0);
}

TEST(hosts_hang_below_a_chain_of_switches) {
        autofree Drawing *d = drawing(8);

        for (size_t i = 0; i < 4; i++) {
                edge(d, i, 4 + i);
                d->bottom[4 + i] = true;
                if (i)
                        edge(d, i - 1, i);
        }
        place(d);
        for (size_t i = 0; i < 4; i++) {
                expect(about(d->at[i].y, d->at[0].y));
                expect(about(d->at[4 + i].x, d->at[i].x));
                expect(about(d->at[4 + i].y - d->at[i].y, ENDS));
        }
}

TEST(a_star_is_round) {
        autofree Drawing *d = drawing(9);

        for (size_t i = 1; i < 9; i++)
                edge(d, 0, i);
        place(d);
        for (size_t i = 1; i < 9; i++)
                expect(about(distance(d, 0, i), ENDS));
        expect(about(distance(d, 1, 2), distance(d, 8, 1)));
}

TEST(a_ring_is_round_with_its_hosts_outside) {
        autofree Drawing *d = drawing(12);
        Point middle = {};

        for (size_t i = 0; i < 6; i++) {
                edge(d, i, (i + 1) % 6);
                edge(d, i, 6 + i);
        }
        place(d);
        for (size_t i = 0; i < 6; i++)
                middle = (Point){ middle.x + d->at[i].x / 6, middle.y + d->at[i].y / 6 };
        for (size_t i = 0; i < 6; i++) {
                double inner = hypot(d->at[i].x - middle.x, d->at[i].y - middle.y);
                double outer = hypot(d->at[6 + i].x - middle.x, d->at[6 + i].y - middle.y);

                expect(about(distance(d, i, (i + 1) % 6), LENGTH));
                expect(about(inner, LENGTH));
                expect(about(outer, LENGTH + ENDS));
        }
}

TEST(a_mesh_is_a_ring) {
        autofree Drawing *d = drawing(7);

        for (size_t i = 0; i < 7; i++)
                for (size_t k = 0; k < i; k++)
                        edge(d, i, k);
        place(d);
        for (size_t i = 0; i < 7; i++)
                expect(about(distance(d, i, (i + 1) % 7), LENGTH));
}

/* The middle is on top, all of one depth at one height, and no two edges cross. */
TEST(a_tree_grows_down) {
        autofree Drawing *d = drawing(15);

        for (size_t i = 1; i < 15; i++)
                edge(d, (i - 1) / 2, i);
        place(d);
        expect(d->at[0].y == 0 && d->at[1].y == d->at[2].y && d->at[1].y > 0);
        for (size_t i = 8; i < 15; i++)
                expect(d->at[i].y == d->at[7].y && d->at[i].x > d->at[i - 1].x + SPACING * 0.9);
        for (size_t i = 0; i < 7; i++)
                expect(about(d->at[i].x, (d->at[2 * i + 1].x + d->at[2 * i + 2].x) / 2));
}

/* The fat tree of k = 4, its vertices in an order that says nothing about places. */
TEST(a_fat_tree_has_four_levels) {
        autofree Drawing *d = drawing(36);
        size_t number[36];

        for (size_t i = 0; i < 36; i++)
                number[i] = i * 23 % 36;
        /* 0 to 3: core, 4 to 11: aggregation, 12 to 19: edge, 20 to 35: hosts. */
        for (size_t i = 0; i < 8; i++)
                for (size_t k = 0; k < 2; k++) {
                        edge(d, number[i % 2 * 2 + k], number[4 + i]);
                        edge(d, number[4 + i], number[12 + i / 2 * 2 + k]);
                        edge(d, number[12 + i], number[20 + 2 * i + k]);
                        d->bottom[number[20 + 2 * i + k]] = true;
                }
        place(d);
        for (size_t i = 0; i < 36; i++) {
                size_t first = i < 4 ? 0 : i < 12 ? 4 : i < 20 ? 12 : 20;

                expect(d->at[number[i]].y == d->at[number[first]].y);
        }
        expect(d->at[number[0]].y == 0);
        expect(d->at[number[4]].y < d->at[number[12]].y);
        expect(d->at[number[12]].y < d->at[number[20]].y);
        /* Hosts of one switch and switches of one pod are next to each other. */
        for (size_t i = 0; i < 8; i++)
                expect(distance(d, number[20 + 2 * i], number[21 + 2 * i]) < SPACING * 2);
        for (size_t pod = 0; pod < 4; pod++)
                for (size_t other = 0; other < 16; other++) {
                        double x = d->at[number[20 + other]].x;
                        double a = d->at[number[20 + 4 * pod]].x, b = d->at[number[23 + 4 * pod]].x;

                        expect(other / 4 == pod || (x - a) * (x - b) > 0);
                }
        expect(nearest_pair(d) > SPACING * 0.9);
}

TEST(leaves_and_spines_without_hosts_are_two_rows) {
        autofree Drawing *d = drawing(6);

        for (size_t leaf = 2; leaf < 6; leaf++)
                for (size_t spine = 0; spine < 2; spine++)
                        edge(d, spine, leaf);
        place(d);
        for (size_t leaf = 2; leaf < 6; leaf++)
                expect(d->at[leaf].y > d->at[0].y && d->at[leaf].y == d->at[2].y);
        expect(d->at[0].y == d->at[1].y);
}

/* Neighbours are nearer than the others: what makes a grid look like one. */
TEST(a_grid_is_spread_out) {
        autofree Drawing *d = drawing(20);
        double longest = 0, shortest = HUGE_VAL;

        for (size_t i = 0; i < 20; i++) {
                if (i % 5 < 4)
                        edge(d, i, i + 1);
                if (i < 15)
                        edge(d, i, i + 5);
        }
        place(d);
        for (size_t i = 0; i < d->g.n_edges; i++)
                longest = fmax(longest, distance(d, d->edges[i][0], d->edges[i][1]));
        for (size_t i = 0; i < 20; i++)
                for (size_t k = 0; k < i; k++)
                        if (i - k != 5 && !(i - k == 1 && i % 5 > 0))
                                shortest = fmin(shortest, distance(d, i, k));
        expect(longest < LENGTH * 1.3 && longest < shortest);
}

TEST(parts_do_not_overlap) {
        autofree Drawing *d = drawing(30);

        for (size_t i = 0; i < 4; i++)
                edge(d, i, (i + 1) % 4);
        for (size_t i = 5; i < 12; i++)
                edge(d, 4, i);
        for (size_t i = 12; i < 15; i++)
                edge(d, i, i + 1);
        place(d);
        expect(nearest_pair(d) > SPACING * 0.9);
}

TEST(the_same_graph_has_the_same_places) {
        autofree Drawing *a = drawing(200), *b = drawing(200);
        uint32_t state = 1;

        for (size_t i = 1; i < 200; i++) {
                size_t other = next_random(&state) % i, another = next_random(&state) % 200;

                edge(a, i, other);
                edge(b, i, other);
                edge(a, i, another);
                edge(b, i, another);
        }
        place(a);
        place(b);
        expect(memcmp(a->at, b->at, sizeof a->at) == 0);
}

TEST(given_places_keep_their_proportions) {
        static const Point places[] = { { 0, 0 }, { 3, 0 }, { 3, 4 }, { -1, 2 } };
        autofree Drawing *d = drawing(5);
        double factor;

        for (size_t i = 0; i < 4; i++) {
                d->at[i] = places[i];
                d->given[i] = true;
        }
        edge(d, 0, 1);
        edge(d, 1, 2);
        edge(d, 2, 3);
        edge(d, 1, 4);
        place(d);
        factor = distance(d, 0, 1) / 3;
        for (size_t i = 0; i < 4; i++)
                for (size_t k = 0; k < i; k++)
                        expect(about(distance(d, i, k), factor * hypot(places[i].x - places[k].x,
                                                                       places[i].y - places[k].y)));
        expect(d->at[0].y == d->at[1].y && d->at[2].y > d->at[1].y && d->at[3].x < d->at[0].x);
        expect(distance(d, 1, 4) > SPACING * 0.9 && distance(d, 1, 4) < 2 * LENGTH);
}

TEST(given_places_may_be_one_and_far_away) {
        autofree Drawing *d = drawing(40);

        for (size_t i = 0; i < 40; i++) {
                d->given[i] = true;
                d->at[i] = (Point){ 7, 7 };
                if (i)
                        edge(d, 0, i);
        }
        d->at[38] = (Point){ 1e300, -1e300 };
        d->at[39] = (Point){ -1e-300, 1e300 };
        place(d);
}

/* Forms that a rule of its own does not see, at every size around the limits. */
TEST(no_two_are_in_one_place) {
        static const size_t sizes[] = { 3, 5, 17, 40, 85, 160, 359, 361, 700 };

        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
                for (size_t shape = 0; shape < 6; shape++) {
                        size_t n = sizes[i];
                        autofree Drawing *d = drawing(n);
                        uint32_t state = (uint32_t) (n + shape);

                        for (size_t v = 1; v < n; v++) {
                                edge(d, v,
                                     shape == 0   ? 0
                                     : shape == 1 ? v - 1
                                     : shape == 2 ? (v - 1) / 3
                                     : shape == 3 ? v % 2
                                                  : next_random(&state) % v);
                                if (shape == 3 && v > 1)
                                        edge(d, v, !(v % 2));
                                if (shape == 5)
                                        edge(d, v, next_random(&state) % n);
                                d->bottom[v] = v % 3 == 0;
                        }
                        place(d);
                }
}

TEST(thousands_are_placed) {
        autofree Drawing *d = drawing(4000);
        uint32_t state = 9;

        for (size_t v = 1; v < 4000; v++) {
                edge(d, v, next_random(&state) % v);
                if (v % 4 == 0)
                        edge(d, v, next_random(&state) % 4000);
        }
        place(d);
}
