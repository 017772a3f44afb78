/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "topology/draw_place.h"

#define CURVE_PARTS 8
#define BENT_MAX    350 /* nodes and links: the time grows with their product */
#define STEP        7.0 /* between the places that are tried for a label */
#define FROM_NODE   7.0 /* a label's distance from the node's symbol */
#define FROM_LINK   2.5
#define COVERED     1e6 /* worse than any length of crossed links */

/* Whether an axis of @a parts them. */
static bool is_parted(const Box *a, const Box *b) {
        const Point axes[] = { { a->cosine, a->sine }, { -a->sine, a->cosine } };
        const double halves[] = { a->half_width, a->half_height };

        for (int k = 0; k < 2; k++) {
                double distance = (b->centre.x - a->centre.x) * axes[k].x +
                                  (b->centre.y - a->centre.y) * axes[k].y;
                double reach = b->half_width * fabs(b->cosine * axes[k].x + b->sine * axes[k].y) +
                               b->half_height * fabs(b->cosine * axes[k].y - b->sine * axes[k].x);

                if (fabs(distance) >= halves[k] + reach)
                        return true;
        }
        return false;
}

bool box_overlaps(const Box *a, const Box *b) {
        return !is_parted(a, b) && !is_parted(b, a);
}

/* The part of the line inside the box's width, then of that the one inside of its height. */
double box_crossed(const Box *b, Point from, Point to) {
        const Point ends[] = { from, to };
        double x[2], y[2], begin = 0, end = 1;

        for (int k = 0; k < 2; k++) {
                double dx = ends[k].x - b->centre.x, dy = ends[k].y - b->centre.y;

                x[k] = dx * b->cosine + dy * b->sine;
                y[k] = dy * b->cosine - dx * b->sine;
        }
        for (int k = 0; k < 2; k++) {
                const double *c = k ? y : x;
                double half = k ? b->half_height : b->half_width, step = c[1] - c[0];

                if (fabs(step) < 1e-9) {
                        if (fabs(c[0]) > half)
                                return 0;
                        continue;
                }
                begin = fmax(begin, fmin((-half - c[0]) / step, (half - c[0]) / step));
                end = fmin(end, fmax((-half - c[0]) / step, (half - c[0]) / step));
        }
        return begin < end ? (end - begin) * hypot(x[1] - x[0], y[1] - y[0]) : 0;
}

Box place_symbol_box(const Scene *s, size_t node) {
        return (Box){ s->nodes[node].at, ICON_WIDTH / 2 * s->scale, ICON_HEIGHT / 2 * s->scale, 1,
                      0 };
}

Box place_name_box(const Scene *s, size_t node) {
        const SceneNode *n = &s->nodes[node];
        double width = draw_text_width(n->name, NAME_SIZE), height = NAME_HEIGHT;
        double aside, down;

        if (n->note) {
                width = fmax(width, draw_text_width(n->note, SMALL_SIZE));
                height += ROW_HEIGHT;
        }
        aside = n->side == NAME_RIGHT  ? ICON_WIDTH / 2 + 4 + width / 2
                : n->side == NAME_LEFT ? -(ICON_WIDTH / 2 + 4 + width / 2)
                                       : 0;
        down = n->side == NAME_BELOW   ? ICON_HEIGHT / 2 + 2 + height / 2
               : n->side == NAME_ABOVE ? -(ICON_HEIGHT / 2 + 2 + height / 2)
                                       : 0;
        return (Box){ { n->at.x + aside * s->scale, n->at.y + down * s->scale },
                      width / 2 * s->scale,
                      height / 2 * s->scale,
                      1,
                      0 };
}

Point scene_control(const Scene *s, const SceneLink *l) {
        Point a = s->nodes[l->ends[0]].at, b = s->nodes[l->ends[1]].at;
        double dx = b.x - a.x, dy = b.y - a.y, length = hypot(dx, dy);

        /* A loop goes up and comes back. */
        if (length < 1e-6)
                return (Point){ a.x, a.y - 62 * s->scale - fabs(l->bend) };
        /* A curve's middle is half way to the point that pulls it. */
        return (Point){ (a.x + b.x) / 2 - dy / length * 2 * l->bend,
                        (a.y + b.y) / 2 + dx / length * 2 * l->bend };
}

static Point on_link(const Scene *s, const SceneLink *l, double t) {
        Point a = s->nodes[l->ends[0]].at, b = s->nodes[l->ends[1]].at, c = scene_control(s, l);
        double u = 1 - t;

        return (Point){ u * u * a.x + 2 * u * t * c.x + t * t * b.x,
                        u * u * a.y + 2 * u * t * c.y + t * t * b.y };
}

static double link_length(const Scene *s, const SceneLink *l) {
        Point a = s->nodes[l->ends[0]].at, b = s->nodes[l->ends[1]].at;
        double chord = hypot(b.x - a.x, b.y - a.y);

        return chord < 1e-6 ? 0 : chord + 8 * l->bend * l->bend / 3 / chord;
}

static bool is_upside_down(double angle) {
        return angle > M_PI / 2 + 1e-6 || angle <= -M_PI / 2 + 1e-6;
}

bool scene_is_reversed(const Scene *s, const SceneLink *l) {
        Point a = s->nodes[l->ends[0]].at, b = s->nodes[l->ends[1]].at;

        return is_upside_down(atan2(b.y - a.y, b.x - a.x));
}

ScenePlace scene_label_place(const Scene *s, const SceneLink *l, int which) {
        const SceneLabel *label = &l->labels[which];
        double length = fmax(link_length(s, l), 1), t = label->along / length, angle;
        Point a, b, at;

        if (which == 1)
                t = 1 - t;
        else if (which == LABEL_MIDDLE)
                t += 0.5;
        a = on_link(s, l, t - 0.01);
        b = on_link(s, l, t + 0.01);
        at = on_link(s, l, t);
        angle = atan2(b.y - a.y, b.x - a.x);
        if (is_upside_down(angle))
                angle += angle > 0 ? -M_PI : M_PI;
        at.x -= sin(angle) * label->across;
        at.y += cos(angle) * label->across;
        return (ScenePlace){ at, angle * 180 / M_PI };
}

/* How often a line passes through nodes that it has nothing to do with. */
static size_t nodes_crossed(const Scene *s, const SceneLink *l) {
        size_t crossed = 0;

        for (size_t v = 0; v < s->n_nodes; v++) {
                Box box = place_symbol_box(s, v);

                if (v == l->ends[0] || v == l->ends[1])
                        continue;
                for (int k = 0; k < CURVE_PARTS; k++)
                        if (box_crossed(&box, on_link(s, l, (double) k / CURVE_PARTS),
                                        on_link(s, l, (double) (k + 1) / CURVE_PARTS))) {
                                crossed++;
                                break;
                        }
        }
        return crossed;
}

int place_bends(Scene *s) {
        if (s->n_nodes > BENT_MAX || s->n_links > BENT_MAX)
                return 0;
        for (size_t i = 0; i < s->n_links; i++) {
                SceneLink *l = &s->links[i];
                size_t fewest = nodes_crossed(s, l);
                double best = l->bend, straight = l->bend;

                if (l->ends[0] == l->ends[1])
                        continue;
                for (int k = 2; k <= 9 && fewest > 0; k++) {
                        size_t crossed;

                        l->bend = straight + (k % 2 ? -1 : 1) * (k / 2) * ICON_WIDTH * s->scale;
                        crossed = nodes_crossed(s, l);
                        if (crossed < fewest) {
                                fewest = crossed;
                                best = l->bend;
                        }
                }
                l->bend = best;
        }
        return 0;
}

/* What is on the paper already. */
typedef struct Taken {
        Box *boxes;
        size_t n;
} Taken;

static bool is_free(const Taken *taken, const Box *box) {
        for (size_t i = 0; i < taken->n; i++)
                if (box_overlaps(&taken->boxes[i], box))
                        return false;
        return true;
}

/* How much of links lies inside a box. */
static double links_crossed(const Scene *s, const Box *box) {
        double crossed = 0;

        for (size_t i = 0; i < s->n_links; i++) {
                const SceneLink *l = &s->links[i];
                int parts = l->bend == 0 && l->ends[0] != l->ends[1] ? 1 : CURVE_PARTS;

                for (int k = 0; k < parts; k++)
                        crossed += box_crossed(box, on_link(s, l, (double) k / parts),
                                               on_link(s, l, (double) (k + 1) / parts));
        }
        return crossed;
}

/* Whether another node, or its name if it has been placed, is where a name would be. */
static bool is_covered(const Scene *s, size_t node, const Box *box) {
        for (size_t v = 0; v < s->n_nodes; v++) {
                Box icon = place_symbol_box(s, v), text = place_name_box(s, v);

                if (v != node && (box_overlaps(box, &icon) || box_overlaps(box, &text)))
                        return true;
        }
        return false;
}

void place_names(Scene *s) {
        if (s->n_nodes > BENT_MAX || s->n_links > BENT_MAX)
                return;
        for (size_t v = 0; v < s->n_nodes; v++) {
                SceneNode *n = &s->nodes[v];
                NameSide best = NAME_BELOW;
                double least = HUGE_VAL;

                for (NameSide side = NAME_BELOW; side <= NAME_LEFT && least > 0; side++) {
                        Box box;
                        double crossed;

                        n->side = side;
                        box = place_name_box(s, v);
                        crossed = links_crossed(s, &box) + (is_covered(s, v, &box) ? COVERED : 0);
                        if (crossed < least) {
                                least = crossed;
                                best = side;
                        }
                }
                n->side = best;
        }
}

static Box label_box(const Scene *s, const SceneLink *l, int which) {
        ScenePlace place = scene_label_place(s, l, which);
        double angle = place.degrees * M_PI / 180;

        return (Box){ place.at, l->labels[which].width / 2, l->labels[which].height / 2, cos(angle),
                      sin(angle) };
}

/* Tries places from @begin on, above and below the link; the first that covers the least of links.
 * Returns whether there is any that is free. */
static bool try_places(const Scene *s, SceneLink *l, int which, const Taken *taken, double begin,
                       double end) {
        SceneLabel *label = &l->labels[which];
        double least = HUGE_VAL;
        SceneLabel best = *label;

        for (int k = 0; least > 0; k++) {
                int step = k / 2;
                /* The middle's go to both sides by turns. */
                double along = which == LABEL_MIDDLE
                                       ? (step % 2 ? -1 : 1) * ((step + 1) / 2) * STEP * 1.0
                                       : begin + step * STEP;
                Box box;
                double crossed;

                if (fabs(along) > end)
                        break;
                label->along = along;
                label->across = label->height / 2 + FROM_LINK * s->scale;
                if (k % 2 == (which == LABEL_MIDDLE))
                        label->across = -label->across;
                box = label_box(s, l, which);
                if (!is_free(taken, &box))
                        continue;
                crossed = links_crossed(s, &box);
                if (crossed < least) {
                        least = crossed;
                        best = *label;
                }
        }
        *label = best;
        return least < HUGE_VAL;
}

/* How far from its middle a link leaves a node's symbol. */
static double leaves_symbol(const Scene *s, const SceneLink *l, int end) {
        Box box = place_symbol_box(s, l->ends[end]);
        double length = link_length(s, l);

        for (double distance = 0; distance < length; distance += 2) {
                double t = end ? 1 - distance / length : distance / length;
                Point p = on_link(s, l, t);

                if (fabs(p.x - box.centre.x) > box.half_width ||
                    fabs(p.y - box.centre.y) > box.half_height)
                        return distance;
        }
        return length;
}

static void place_label(Scene *s, size_t link, int which, Taken *taken) {
        SceneLink *l = &s->links[link];
        SceneLabel *label = &l->labels[which];
        double length = link_length(s, l);

        while (label->rows && label->rows[0]) {
                size_t n = strv_length(label->rows);
                double near = leaves_symbol(s, l, which % 2) + FROM_NODE * s->scale;
                double begin = near + label->width / 2;
                double end = length - leaves_symbol(s, l, !which) - FROM_NODE * s->scale -
                             l->labels[!which].width - label->width / 2;

                end = fmax(end, length * 0.6 - label->width / 2);
                if (which == LABEL_MIDDLE)
                        end = length / 2 - near - label->width / 2;

                if (length > 0 && end >= 0 && try_places(s, l, which, taken, begin, end)) {
                        taken->boxes[taken->n++] = label_box(s, l, which);
                        return;
                }
                free(label->rows[n - 1]);
                label->rows[n - 1] = NULL;
                label->width = 0;
                for (size_t i = 0; i + 1 < n; i++)
                        label->width = fmax(label->width,
                                            draw_mono_width(label->rows[i], SMALL_SIZE * s->scale));
                label->height = (double) (n - 1) * ROW_HEIGHT * s->scale;
        }
        label->rows = strv_free(label->rows);
}

int place_labels(Scene *s) {
        autofree Box *boxes = calloc(2 * s->n_nodes + 3 * s->n_links + 1, sizeof *boxes);
        Taken taken = { boxes, 0 };

        if (!boxes)
                return -ENOMEM;
        if (s->labels < DRAW_INTERFACES)
                return 0;
        for (size_t v = 0; v < s->n_nodes; v++) {
                boxes[taken.n++] = place_symbol_box(s, v);
                boxes[taken.n++] = place_name_box(s, v);
        }
        for (int which = 0; which < 3; which++)
                for (size_t i = 0; i < s->n_links; i++)
                        place_label(s, i, which, &taken);
        return 0;
}
