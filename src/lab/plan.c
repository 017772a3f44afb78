/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "lab/engine.h"
#include "lab/plan.h"
#include "topology/management.h"

const char *const lab_plan_verb_names[PLAN_VERBS + 1] = {
        "detach",  "unlay",  "stop",   "end",   "make",   "limit", "management", "lay", "set",
        "network", "sysctl", "attach", "ports", "switch", "start", "exec",       NULL
};

void lab_plan_clear(LabPlan *plan) {
        free(plan->steps);
        *plan = (LabPlan){};
}

/* What is known while the plan is made. */
typedef struct Planner {
        const Topology *before, *after;
        LabPlan *plan;
        bool *remade;  /* by node of after: its processes are new */
        bool *network; /* by node of after: its interfaces are looked at */
        size_t *was;   /* by node of after: what it was, or SIZE_MAX */
} Planner;

static int add(Planner *p, PlanVerb verb, size_t before, size_t after) {
        PlanStep *s = json_grow(&p->plan->steps, &p->plan->n_steps, sizeof *s);

        if (!s)
                return -ENOMEM;
        *s = (PlanStep){ verb, before, after };
        return 0;
}

/* Switches of Open vSwitch have no network of their own. */
static bool is_process(const Node *n) {
        return n->kind != NODE_OVS_BRIDGE;
}

/* ---- nodes ---- */

static int plan_new(Planner *p, size_t after) {
        const Node *n = &p->after->nodes[after];
        int r;

        p->remade[after] = true;
        if (!is_process(n))
                return add(p, PLAN_SWITCH, SIZE_MAX, after);
        p->network[after] = true;
        r = add(p, PLAN_MAKE, SIZE_MAX, after);
        if (r >= 0 && n->sysctls)
                r = add(p, PLAN_SYSCTL, SIZE_MAX, after);
        return r < 0 ? r : add(p, PLAN_START, SIZE_MAX, after);
}

static int plan_end(Planner *p, size_t before) {
        return add(p, PLAN_END, before, SIZE_MAX);
}

static int plan_changed(Planner *p, const Change *c) {
        const struct {
                unsigned effect;
                PlanVerb verb;
        } verbs[] = {
                { EFFECT_SYSCTLS, PLAN_SYSCTL },
                { EFFECT_LIMITS, PLAN_LIMIT },
                { EFFECT_SWITCH, PLAN_SWITCH },
        };
        size_t b = c->before, a = c->after;
        int r = 0;

        if (p->remade[a])
                return 0;
        if (c->effects & EFFECT_REBUILD) {
                r = plan_end(p, b);
                return r < 0 ? r : plan_new(p, a);
        }
        p->network[a] = p->network[a] || (c->effects & EFFECT_NETWORK);
        for (size_t i = 0; r >= 0 && i < sizeof verbs / sizeof *verbs; i++)
                if (c->effects & verbs[i].effect)
                        r = add(p, verbs[i].verb, b, a);
        if (r >= 0 && (c->effects & EFFECT_RESTART) && !lab_plan_has(p->plan, PLAN_START, a)) {
                r = add(p, PLAN_STOP, b, SIZE_MAX);
                return r < 0 ? r : add(p, PLAN_START, b, a);
        }
        return r >= 0 && (c->effects & EFFECT_EXEC) && !lab_plan_has(p->plan, PLAN_START, a)
                       ? add(p, PLAN_EXEC, b, a)
                       : r;
}

/* Those that have ended without being told to. */
static int plan_ended(Planner *p, const PlanLife *lives) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < p->before->n_nodes; i++) {
                ssize_t a = topology_find_node(p->after, p->before->nodes[i].name);

                if (lives[i] == PLAN_RUNS || a < 0 || !is_process(&p->before->nodes[i]))
                        continue;
                r = lives[i] == PLAN_GONE ? plan_end(p, i) : add(p, PLAN_STOP, i, SIZE_MAX);
                if (r >= 0)
                        r = lives[i] == PLAN_GONE ? plan_new(p, (size_t) a)
                                                  : add(p, PLAN_START, i, (size_t) a);
        }
        return r;
}

/* ---- links ---- */

static bool is_touched(const Planner *p, const TopologyLink *after) {
        return p->remade[after->sides[0].node] || p->remade[after->sides[1].node];
}

static int lay(Planner *p, size_t link) {
        for (int end = 0; end < 2; end++)
                p->network[p->after->links[link].sides[end].node] = true;
        return add(p, PLAN_LAY, SIZE_MAX, link);
}

static int unlay(Planner *p, size_t link) {
        for (int end = 0; end < 2; end++) {
                const Node *n = &p->before->nodes[p->before->links[link].sides[end].node];
                ssize_t a = topology_find_node(p->after, n->name);

                if (a >= 0)
                        p->network[a] = true;
        }
        return add(p, PLAN_UNLAY, link, SIZE_MAX);
}

static int relay(Planner *p, size_t before, size_t after) {
        int r = unlay(p, before);

        return r < 0 ? r : lay(p, after);
}

/* The kernel's cables are the same whether they have a rate or not. */
static bool same_engine(const TopologyLink *a, const TopologyLink *b) {
        return (link_engine(a, NULL) == ENGINE_WIRE) == (link_engine(b, NULL) == ENGINE_WIRE);
}

static int plan_link(Planner *p, const Change *c, bool *set) {
        switch (c->kind) {
        case CHANGE_LINK_REMOVED:
                return unlay(p, c->before);
        case CHANGE_LINK_ADDED:
                return lay(p, c->after);
        case CHANGE_LINK:
        case CHANGE_QUALITY:
                if (set[c->after] || is_touched(p, &p->after->links[c->after]))
                        return 0;
                set[c->after] = true;
                return same_engine(&p->before->links[c->before], &p->after->links[c->after])
                               ? add(p, PLAN_SET_LINK, c->before, c->after)
                               : relay(p, c->before, c->after);
        case CHANGE_ADDRESS:
                p->network[p->after->links[c->after].sides[c->direction].node] = true;
                return 0;
        default:
                return 0;
        }
}

/* Those of nodes that are made anew, whether they have changed or not. */
static int plan_touched(Planner *p) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < p->before->n_links; i++) {
                ssize_t a = topology_same_link(p->before, &p->before->links[i], p->after);

                if (a >= 0 && is_touched(p, &p->after->links[a]))
                        r = relay(p, i, (size_t) a);
        }
        return r;
}

/* ---- uplinks ---- */

static bool is_changed(const ChangeList *list, size_t before, size_t after) {
        for (size_t i = 0; i < list->n_changes; i++) {
                const Change *c = &list->changes[i];

                if ((c->kind == CHANGE_UPLINK || c->kind == CHANGE_UPLINK_ADDED ||
                     c->kind == CHANGE_UPLINK_REMOVED) &&
                    (before == SIZE_MAX ? c->after == after : c->before == before))
                        return true;
        }
        return false;
}

static int plan_uplinks(Planner *p, const ChangeList *list) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < p->before->n_uplinks; i++) {
                const char *name = p->before->nodes[p->before->uplinks[i].node].name;
                ssize_t node = topology_find_node(p->after, name);

                if (node < 0 || p->remade[node] || is_changed(list, i, SIZE_MAX))
                        r = add(p, PLAN_DETACH, i, SIZE_MAX);
        }
        for (size_t i = 0; r >= 0 && i < p->after->n_uplinks; i++) {
                size_t node = p->after->uplinks[i].node;

                if (!p->remade[node] && !is_changed(list, SIZE_MAX, i))
                        continue;
                /* A switch of Open vSwitch gets its port once that is there. */
                p->network[node] = p->network[node] || !is_process(&p->after->nodes[node]);
                r = add(p, PLAN_ATTACH, SIZE_MAX, i);
        }
        return r;
}

/* Who publishes what, and where it leads. */
static int put_ports(const Topology *t, Str *s) {
        for (size_t i = 0; i < t->n_nodes; i++) {
                const Node *n = &t->nodes[i];

                if (!n->ports || !node_is_managed(t, n))
                        continue;
                str_put(s, n->name);
                str_put_bytes(s, n->management.bytes, sizeof n->management.bytes);
                str_put_bytes(s, n->management6.bytes, sizeof n->management6.bytes);
                strv_foreach(port, n->ports)
                        str_printf(s, " %s", *port);
        }
        return s->failed ? -ENOMEM : 0;
}

static int plan_ports(Planner *p) {
        autostr before = {}, after = {};

        if (put_ports(p->before, &before) < 0 || put_ports(p->after, &after) < 0)
                return -ENOMEM;
        return before.length == after.length &&
                               (before.length == 0 ||
                                memcmp(before.text, after.text, before.length) == 0)
                       ? 0
                       : add(p, PLAN_PORTS, SIZE_MAX, SIZE_MAX);
}

/* ---- the whole ---- */

static int plan_networks(Planner *p) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < p->after->n_nodes; i++) {
                if (!p->network[i])
                        continue;
                if (is_process(&p->after->nodes[i]))
                        r = add(p, PLAN_NETWORK, p->remade[i] ? SIZE_MAX : p->was[i], i);
                else if (!p->remade[i] && !lab_plan_has(p->plan, PLAN_SWITCH, i))
                        r = add(p, PLAN_SWITCH, p->was[i], i);
        }
        return r;
}

static int check(const Topology *before, const Topology *after, const ChangeList *list, Err *err) {
        for (size_t i = 0; i < list->n_changes; i++) {
                autofree char *words = NULL;

                if (!(list->changes[i].effects & EFFECT_REFUSED))
                        continue;
                words = change_words(before, after, &list->changes[i]);
                return err_hint(err,
                                refuse(err, EOPNOTSUPP,
                                       "this cannot be changed while the lab is up: %s",
                                       words ? words + 2 : "?"),
                                "'isola lab down %s', then up", after->name);
        }
        for (size_t i = 0; i < after->n_links; i++) {
                int engine = link_engine(&after->links[i], err);

                if (engine < 0)
                        return engine;
        }
        return 0;
}

static int compare_steps(const void *a, const void *b) {
        const PlanStep *x = a, *y = b;

        if (x->verb != y->verb)
                return x->verb < y->verb ? -1 : 1;
        if (x->after != y->after)
                return x->after < y->after ? -1 : 1;
        return x->before < y->before ? -1 : x->before > y->before;
}

static int plan_changes(Planner *p, const PlanLife *lives, const ChangeList *list) {
        autofree bool *set = calloc(p->after->n_links + 1, sizeof *set);
        int r = set ? plan_ended(p, lives) : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < list->n_changes; i++) {
                const Change *c = &list->changes[i];

                if (c->kind == CHANGE_NODE_REMOVED)
                        r = plan_end(p, c->before);
                else if (c->kind == CHANGE_NODE_ADDED)
                        r = plan_new(p, c->after);
                else if (c->kind == CHANGE_NODE)
                        r = plan_changed(p, c);
                else if (c->kind == CHANGE_LAB && (c->effects & EFFECT_NETWORK))
                        r = add(p, PLAN_MANAGEMENT, SIZE_MAX, SIZE_MAX);
        }
        for (size_t i = 0; r >= 0 && i < list->n_changes; i++)
                r = plan_link(p, &list->changes[i], set);
        if (r >= 0)
                r = plan_touched(p);
        if (r >= 0)
                r = plan_uplinks(p, list);
        if (r >= 0)
                r = plan_ports(p);
        return r < 0 ? r : plan_networks(p);
}

/* Every node's interface in it is another one, or nobody's. */
static void note_management(Planner *p, const ChangeList *list) {
        for (size_t i = 0; i < list->n_changes; i++)
                if (list->changes[i].kind == CHANGE_LAB &&
                    (list->changes[i].effects & EFFECT_NETWORK))
                        for (size_t k = 0; k < p->after->n_nodes; k++)
                                p->network[k] = p->network[k] ||
                                                node_is_managed(p->after, &p->after->nodes[k]);
}

int lab_plan_make(const Topology *before, const Topology *after, const PlanLife *lives,
                  const ChangeList *list, LabPlan *ret, Err *err) {
        size_t n = after->n_nodes + 1;
        autofree bool *remade = calloc(n, 1), *network = calloc(n, 1);
        autofree size_t *was = calloc(n, sizeof *was);
        autolabplan plan = {};
        Planner p = { before, after, &plan, remade, network, was };
        int r = check(before, after, list, err);

        if (r < 0)
                return r;
        if (!remade || !network || !was)
                return fail(err, ENOMEM, "cannot plan the change");
        for (size_t i = 0; i < after->n_nodes; i++) {
                ssize_t same = topology_find_node(before, after->nodes[i].name);

                was[i] = same < 0 ? SIZE_MAX : (size_t) same;
        }
        note_management(&p, list);
        r = plan_changes(&p, lives, list);
        if (r < 0)
                return fail(err, r, "cannot plan the change");
        if (plan.n_steps > 0)
                qsort(plan.steps, plan.n_steps, sizeof *plan.steps, compare_steps);
        *ret = plan;
        plan = (LabPlan){};
        return 0;
}

bool lab_plan_has(const LabPlan *plan, PlanVerb verb, size_t after) {
        for (size_t i = 0; i < plan->n_steps; i++)
                if (plan->steps[i].verb == verb && plan->steps[i].after == after)
                        return true;
        return false;
}
