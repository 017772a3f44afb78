/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "base/str.h"
#include "topology/waits.h"

static int check_wait(const Topology *t, const Node *n, const NodeWait *w, Err *err) {
        ssize_t index = topology_find_node(t, w->node);
        const Node *other = index < 0 ? NULL : &t->nodes[index];

        if (!other)
                return topology_refuse(t, n->line, err, "'%s' waits for '%s', which is no node",
                                       n->name, w->node);
        if (other == n)
                return topology_refuse(t, n->line, err, "'%s' waits for itself", n->name);
        if (str_equal(w->stage, "healthy") && !other->health.test)
                return topology_refuse(
                        t, n->line, err,
                        "'%s' waits for the health of '%s', which has no health check", n->name,
                        w->node);
        if (str_equal(w->stage, "exit") && !other->cmd && !other->image)
                return topology_refuse(t, n->line, err,
                                       "'%s' waits for the end of '%s', which has no command",
                                       n->name, w->node);
        return 0;
}

/* Nodes in the order in which each waits for the next. */
typedef struct Walk {
        const Topology *t;
        size_t *path, depth; /* depth: how many are on it */
        size_t *next;        /* of each node, which of its waits comes next */
        char *state;
} Walk;

enum { UNSEEN, ON_PATH, DONE };

static int refuse_circle(const Walk *w, size_t again, Err *err) {
        size_t from = w->depth - 1;
        autostr s = {};

        while (w->path[from] != again)
                from--;
        str_printf(&s, "'%s'", w->t->nodes[again].name);
        for (size_t i = from + 1; i <= w->depth; i++)
                str_printf(&s, "%s waits for '%s'", i > from + 1 ? ", which" : "",
                           w->t->nodes[i < w->depth ? w->path[i] : again].name);
        if (s.failed)
                return fail(err, ENOMEM, "nodes wait for each other");
        return topology_refuse(w->t, w->t->nodes[again].line, err, "nodes wait for each other: %s",
                               s.text);
}

static void enter(Walk *w, size_t node) {
        w->state[node] = ON_PATH;
        w->path[w->depth++] = node;
}

static int walk_from(Walk *w, size_t start, Err *err) {
        enter(w, start);
        while (w->depth > 0) {
                size_t node = w->path[w->depth - 1], other;
                const Node *n = &w->t->nodes[node];

                if (w->next[node] == n->n_waits) {
                        w->state[node] = DONE;
                        w->depth--;
                        continue;
                }
                other = (size_t) topology_find_node(w->t, n->waits[w->next[node]++].node);
                if (w->state[other] == ON_PATH)
                        return refuse_circle(w, other, err);
                if (w->state[other] == UNSEEN)
                        enter(w, other);
        }
        return 0;
}

static int check_circles(const Topology *t, Err *err) {
        autofree size_t *path = calloc(t->n_nodes, sizeof *path),
                        *next = calloc(t->n_nodes, sizeof *next);
        autofree char *state = calloc(t->n_nodes, 1);
        Walk w = { t, path, 0, next, state };
        int r = path && next && state ? 0 : fail(err, ENOMEM, "cannot check what nodes wait for");

        for (size_t i = 0; r >= 0 && i < t->n_nodes; i++)
                if (state[i] == UNSEEN)
                        r = walk_from(&w, i, err);
        return r;
}

int topology_check_waits(const Topology *t, Err *err) {
        bool any = false;
        int r = 0;

        for (size_t i = 0; i < t->n_nodes; i++)
                for (size_t k = 0; r >= 0 && k < t->nodes[i].n_waits; k++) {
                        any = true;
                        r = check_wait(t, &t->nodes[i], &t->nodes[i].waits[k], err);
                }
        return r < 0 || !any ? r : check_circles(t, err);
}
