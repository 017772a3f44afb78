/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is drawn, and where: nodes by layout.h, then texts along the links where there is room. */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "topology/draw_parts.h"
#include "topology/draw_place.h"
#include "topology/uplink.h"

#define ADDRESSES_MAX  48  /* links whose addresses are written */
#define INTERFACES_MAX 110 /* links whose interfaces are named */
#define NAME_MAX       22  /* characters of a node's name */
#define NOTE_MAX       24
#define ROW_MAX        44
#define ROWS_MAX       3
#define MARGIN         26.0
#define LENGTH_MIN     130.0
#define LENGTH_MAX     400.0
#define SPACING_MAX    170.0

void scene_clear(Scene *s) {
        for (size_t i = 0; i < s->n_nodes; i++) {
                free(s->nodes[i].name);
                free(s->nodes[i].note);
        }
        for (size_t i = 0; i < s->n_links; i++)
                for (int k = 0; k < 3; k++)
                        strv_free(s->links[i].labels[k].rows);
        free(s->nodes);
        free(s->links);
        *s = (Scene){};
}

static void choose_size(Scene *s, const DrawOptions *o) {
        size_t n = s->t->n_nodes, n_links = s->t->n_links;

        s->labels = o->labels != DRAW_AUTO      ? o->labels
                    : n_links <= ADDRESSES_MAX  ? DRAW_ADDRESSES
                    : n_links <= INTERFACES_MAX ? DRAW_INTERFACES
                                                : DRAW_NODES;
        s->scale = n <= 150 ? 1 : n <= 500 ? 0.75 : 0.5;
}

static const char *symbol_of(const Node *n) {
        switch (n->kind) {
        case NODE_ROUTER:
                return "router";
        case NODE_BRIDGE:
                return "bridge";
        case NODE_OVS_BRIDGE:
                return "ovs-bridge";
        default:
                return n->image ? "container" : "host";
        }
}

static int add_nodes(Scene *s) {
        const Topology *t = s->t;

        s->nodes = calloc(t->n_nodes + t->n_uplinks + 1, sizeof *s->nodes);
        if (!s->nodes)
                return -ENOMEM;
        for (size_t i = 0; i < t->n_nodes + t->n_uplinks; i++) {
                SceneNode *n = &s->nodes[s->n_nodes++];
                const char *image = i < t->n_nodes ? t->nodes[i].image : NULL;
                const char *slash = image ? strrchr(image, '/') : NULL;
                autofree char *words = i < t->n_nodes ? strdup(t->nodes[i].name)
                                                      : uplink_words(&t->uplinks[i - t->n_nodes]);

                n->symbol = i < t->n_nodes ? symbol_of(&t->nodes[i]) : "uplink";
                n->name = words ? draw_shortened(words, NAME_MAX) : NULL;
                if (!n->name ||
                    (image && !(n->note = draw_shortened(slash ? slash + 1 : image, NOTE_MAX))))
                        return -ENOMEM;
        }
        return 0;
}

/* The last row of those that are too many says so. */
static int add_row(char ***rows, size_t *left_out, const char *text) {
        autofree char *row = draw_shortened(text, ROW_MAX);

        if (strv_length(*rows) >= ROWS_MAX) {
                ++*left_out;
                return 0;
        }
        return row ? strv_add(rows, row) : -ENOMEM;
}

/* The interface with its first address, the others below; a port of a bridge has mostly none. */
static int label_interface(const Scene *s, const Interface *i, char ***rows) {
        size_t n = s->labels == DRAW_ALL         ? i->n_addresses
                   : s->labels == DRAW_ADDRESSES ? i->n_addresses > 0
                                                 : 0;
        size_t left_out = 0;
        int r = 0;

        for (size_t k = 0; k == 0 || k < n; k++) {
                autostr row = {};
                autofree char *text = NULL;

                if (k == 0)
                        str_put(&row, i->name);
                if (k == 0 && n > 0)
                        str_put_char(&row, ' ');
                if (n > 0)
                        draw_put_address(&row, &i->addresses[k]);
                text = str_take(&row);
                r = text ? add_row(rows, &left_out, text) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        return left_out ? strv_addf(rows, "… %zu more", left_out) : 0;
}

/* What both directions have in common is said once. */
static int label_quality(const TopologyLink *l, char ***rows) {
        size_t left_out = 0;
        int r = 0;

        if (quality_equal(&l->quality[0], &l->quality[1])) {
                autofree char *words = draw_quality(&l->quality[0]);

                return !words ? -ENOMEM : *words ? add_row(rows, &left_out, words) : 0;
        }
        for (int end = 0; end < 2 && r >= 0; end++) {
                autofree char *words = draw_quality(&l->quality[end]);
                autofree char *row =
                        words ? str_format("%c %s", end ? '<' : '>', *words ? words : "cable")
                              : NULL;

                r = row ? add_row(rows, &left_out, row) : -ENOMEM;
        }
        return r;
}

static void measure(const Scene *s, SceneLabel *l) {
        double size = SMALL_SIZE * s->scale;

        l->width = 0;
        strv_foreach(row, l->rows)
                l->width = fmax(l->width, draw_mono_width(*row, size));
        l->height = (double) strv_length(l->rows) * ROW_HEIGHT * s->scale;
}

static int label_link(const Scene *s, const DrawOptions *o, size_t index, SceneLink *l) {
        const TopologyLink *link = &s->t->links[index];
        autofree char *value = draw_value(o, index);
        int r = 0;

        for (int end = 0; end < 2 && r >= 0 && s->labels >= DRAW_INTERFACES; end++)
                r = label_interface(s, topology_interface(s->t, link->sides[end]),
                                    &l->labels[end].rows);
        if (r >= 0 && value && s->labels >= DRAW_INTERFACES)
                r = strv_add(&l->labels[LABEL_MIDDLE].rows, value);
        if (r >= 0 && s->labels >= DRAW_ADDRESSES)
                r = label_quality(link, &l->labels[LABEL_MIDDLE].rows);
        for (int k = 0; k < 3; k++)
                measure(s, &l->labels[k]);
        return r;
}

static int add_links(Scene *s, const DrawOptions *o) {
        const Topology *t = s->t;

        s->links = calloc(t->n_links + t->n_uplinks + 1, sizeof *s->links);
        if (!s->links)
                return -ENOMEM;
        for (size_t i = 0; i < t->n_links; i++) {
                SceneLink *l = &s->links[s->n_links++];
                int r;

                l->ends[0] = t->links[i].sides[0].node;
                l->ends[1] = t->links[i].sides[1].node;
                r = label_link(s, o, i, l);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < t->n_uplinks; i++) {
                SceneLink *l = &s->links[s->n_links++];

                l->ends[0] = t->uplinks[i].node;
                l->ends[1] = t->n_nodes + i;
                if (s->labels >= DRAW_INTERFACES && t->uplinks[i].interface &&
                    strv_add(&l->labels[0].rows, t->uplinks[i].interface) < 0)
                        return -ENOMEM;
                measure(s, &l->labels[0]);
        }
        return 0;
}

/* Links between the same two nodes, or of a node with itself, are drawn beside each other. */
typedef struct Pair {
        size_t low, high, link;
} Pair;

static int compare_pairs(const void *a, const void *b) {
        return memcmp(a, b, 2 * sizeof(size_t))
                       ? ((const Pair *) a)->low != ((const Pair *) b)->low
                                 ? (((const Pair *) a)->low < ((const Pair *) b)->low ? -1 : 1)
                                 : (((const Pair *) a)->high < ((const Pair *) b)->high ? -1 : 1)
               : ((const Pair *) a)->link < ((const Pair *) b)->link ? -1
                                                                     : 1;
}

static int bend_parallel(Scene *s, double apart) {
        autofree Pair *pairs = calloc(s->n_links + 1, sizeof *pairs);

        if (!pairs)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_links; i++) {
                size_t a = s->links[i].ends[0], b = s->links[i].ends[1];

                pairs[i] = (Pair){ a < b ? a : b, a < b ? b : a, i };
        }
        qsort(pairs, s->n_links, sizeof *pairs, compare_pairs);
        for (size_t i = 0, n; i < s->n_links; i += n) {
                for (n = 1; i + n < s->n_links && pairs[i + n].low == pairs[i].low &&
                            pairs[i + n].high == pairs[i].high;
                     n++)
                        ;
                for (size_t k = 0; k < n; k++) {
                        SceneLink *l = &s->links[pairs[i + k].link];
                        double bend = ((double) k - (double) (n - 1) / 2) * apart;

                        l->bend = l->ends[0] == pairs[i].low ? bend : -bend;
                }
        }
        return 0;
}

/* Room for a node's texts, and for what is written along a link. */
static void choose_distances(const Scene *s, const size_t *degrees, LayoutGraph *g) {
        double icons = (ICON_WIDTH + 16) * s->scale, widest = 0, longest[2] = {};

        for (size_t i = 0; i < s->n_nodes; i++) {
                const SceneNode *n = &s->nodes[i];

                widest = fmax(widest, draw_text_width(n->name, NAME_SIZE));
                if (n->note)
                        widest = fmax(widest, draw_text_width(n->note, SMALL_SIZE));
        }
        for (size_t i = 0; i < s->n_links; i++) {
                const SceneLabel *l = s->links[i].labels;
                double *most = &longest[degrees[s->links[i].ends[0]] == 1 ||
                                        degrees[s->links[i].ends[1]] == 1];

                *most = fmax(*most, fmax(l[0].width + l[1].width + 14, l[2].width));
        }
        g->spacing = s->labels == DRAW_NOTHING
                             ? ICON_WIDTH * s->scale * 1.5
                             : fmax(72, fmin(widest + 18, SPACING_MAX)) * s->scale;
        for (int k = 0; k < 2; k++)
                *(k ? &g->end_length : &g->length) =
                        s->labels >= DRAW_INTERFACES
                                ? fmin(fmax(longest[k] + icons + 12, LENGTH_MIN), LENGTH_MAX)
                                : fmax(g->spacing * 1.25, 80 * s->scale);
}

static int place_nodes(Scene *s) {
        const Topology *t = s->t;
        autofree size_t(*edges)[2] = calloc(s->n_links + 1, sizeof *edges);
        autofree size_t *degrees = calloc(s->n_nodes + 1, sizeof *degrees);
        autofree bool *given = calloc(s->n_nodes + 1, sizeof *given);
        autofree bool *bottom = calloc(s->n_nodes + 1, sizeof *bottom);
        autofree Point *at = calloc(s->n_nodes + 1, sizeof *at);
        LayoutGraph g = {
                .n = s->n_nodes, .n_edges = s->n_links, .bottom = bottom, .given = given
        };
        int r;

        if (!edges || !degrees || !given || !bottom || !at)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_links; i++) {
                memcpy(edges[i], s->links[i].ends, sizeof edges[i]);
                degrees[edges[i][0]]++;
                degrees[edges[i][1]]++;
        }
        for (size_t i = 0; i < t->n_nodes; i++) {
                const Node *n = &t->nodes[i];

                bottom[i] = n->kind == NODE_HOST;
                given[i] = n->has_position && isfinite(n->x) && isfinite(n->y);
                at[i] = given[i] ? (Point){ n->x, n->y } : (Point){};
        }
        choose_distances(s, degrees, &g);
        g.edges = (const size_t(*)[2]) edges;
        r = layout_place(&g, at);
        for (size_t i = 0; i < s->n_nodes; i++)
                s->nodes[i].at = at[i];
        return r;
}

/* Moves everything so that it begins at the margin, and sets the size of the paper. */
static void fit_paper(Scene *s) {
        Point least = { HUGE_VAL, HUGE_VAL }, most = { -HUGE_VAL, -HUGE_VAL };

        for (size_t i = 0; i < 2 * s->n_nodes; i++) {
                Box b = i % 2 ? place_name_box(s, i / 2) : place_symbol_box(s, i / 2);

                if (i % 2 && s->labels == DRAW_NOTHING)
                        continue;
                least.x = fmin(least.x, b.centre.x - b.half_width);
                most.x = fmax(most.x, b.centre.x + b.half_width);
                least.y = fmin(least.y, b.centre.y - b.half_height);
                most.y = fmax(most.y, b.centre.y + b.half_height);
        }
        for (size_t i = 0; i < s->n_links; i++) {
                const SceneLink *l = &s->links[i];
                Point c = scene_control(s, l);

                if (l->bend == 0 && l->ends[0] != l->ends[1])
                        continue;
                least = (Point){ fmin(least.x, c.x), fmin(least.y, c.y) };
                most = (Point){ fmax(most.x, c.x), fmax(most.y, c.y) };
        }
        if (s->n_nodes == 0)
                least = most = (Point){};
        for (size_t i = 0; i < s->n_nodes; i++) {
                s->nodes[i].at.x += MARGIN - least.x;
                s->nodes[i].at.y += MARGIN - least.y;
        }
        s->width = most.x - least.x + 2 * MARGIN;
        s->height = most.y - least.y + 2 * MARGIN;
}

int scene_make(const Topology *t, const DrawOptions *o, Scene *ret) {
        autoscene s = { .t = t };
        int r;

        choose_size(&s, o);
        r = add_nodes(&s);
        if (r >= 0)
                r = add_links(&s, o);
        if (r >= 0)
                r = bend_parallel(&s, (s.labels >= DRAW_INTERFACES ? 34 : 16) * s.scale);
        if (r >= 0)
                r = place_nodes(&s);
        if (r >= 0)
                r = place_bends(&s);
        if (r >= 0)
                place_names(&s);
        if (r >= 0)
                r = place_labels(&s);
        if (r < 0)
                return r;
        fit_paper(&s);
        *ret = s;
        s = (Scene){};
        return 0;
}
