/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "lab/change.h"
#include "lab/change_internal.h"
#include "lab/engine.h"
#include "lab/keeper.h"
#include "lab/management.h"
#include "lab/outside.h"
#include "lab/porter.h"
#include "lab/switches.h"
#include "lab/uplink.h"

void lab_change_clear(LabChange *c) {
        change_list_clear(&c->list);
        lab_plan_clear(&c->plan);
}

/* ---- planning ---- */

/* Whether somebody waits for its end: then it may have come. */
static bool is_to_end(const Topology *t, const char *node) {
        for (size_t i = 0; i < t->n_nodes; i++)
                for (size_t k = 0; k < t->nodes[i].n_waits; k++)
                        if (str_equal(t->nodes[i].waits[k].stage, "exit") &&
                            str_equal(t->nodes[i].waits[k].node, node))
                                return true;
        return false;
}

static PlanLife life_of(const Lab *lab, size_t node) {
        autoclose int pidfd = lab_process_pidfd(lab, &lab->state.nodes[node]);
        const Node *n = &lab->topology->nodes[node];

        if (pidfd < 0)
                return PLAN_GONE;
        return n->image && !lab_node_runs(lab, node) && !is_to_end(lab->topology, n->name)
                       ? PLAN_ENDED
                       : PLAN_RUNS;
}

int lab_change_plan(const Lab *lab, const Topology *t, LabChange *ret, Err *err) {
        autofree PlanLife *lives = calloc(lab->topology->n_nodes + 1, sizeof *lives);
        autochange change = {};
        int r = lives ? lab_check(lab->home, t, err) : fail(err, ENOMEM, "cannot plan the change");

        if (r >= 0)
                r = topology_diff(lab->topology, t, &change.list, err);
        for (size_t i = 0; r >= 0 && i < lab->topology->n_nodes; i++)
                lives[i] = life_of(lab, i);
        if (r >= 0)
                r = lab_plan_make(lab->topology, t, lives, &change.list, &change.plan, err);
        if (r < 0)
                return r;
        *ret = change;
        change = (LabChange){};
        return 0;
}

static int put_change(const Lab *lab, const Topology *t, const LabChange *c, const Change *change,
                      char ***ret) {
        autofree char *words = change_words(lab->topology, t, change);
        const char *how = "";

        if (change->kind == CHANGE_NODE && lab_plan_has(&c->plan, PLAN_MAKE, change->after))
                how = " (made anew)";
        else if (change->kind == CHANGE_NODE && lab_plan_has(&c->plan, PLAN_START, change->after))
                how = " (started anew)";
        return words ? strv_addf(ret, "%s%s", words, how) : -ENOMEM;
}

static const Change *find_change(const ChangeList *list, size_t node_after) {
        for (size_t i = 0; i < list->n_changes; i++)
                if ((list->changes[i].kind == CHANGE_NODE ||
                     list->changes[i].kind == CHANGE_NODE_ADDED) &&
                    list->changes[i].after == node_after)
                        return &list->changes[i];
        return NULL;
}

int lab_change_words(const Lab *lab, const Topology *t, const LabChange *c, char ***ret) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < c->list.n_changes; i++)
                r = put_change(lab, t, c, &c->list.changes[i], ret);
        /* What the topologies do not tell: processes that have ended. */
        for (size_t i = 0; r >= 0 && i < c->plan.n_steps; i++) {
                const PlanStep *s = &c->plan.steps[i];

                if (s->verb == PLAN_START && !find_change(&c->list, s->after))
                        r = strv_addf(ret, "~ node %s: it does not run (%s anew)",
                                      t->nodes[s->after].name,
                                      lab_plan_has(&c->plan, PLAN_MAKE, s->after) ? "made"
                                                                                  : "started");
        }
        return r;
}

/* ---- carrying out ---- */

int change_save(const Changing *c, Err *err) {
        LabState *s = &c->to->state;
        size_t n = s->n_nodes, room = n + c->from->state.n_nodes;
        LabProcess *nodes = s->nodes, *all = calloc(room + 1, sizeof *all);
        int r;

        if (!all)
                return fail(err, ENOMEM, "cannot write the lab's record");
        memcpy(all, nodes, n * sizeof *all);
        for (size_t i = 0; i < c->from->state.n_nodes; i++)
                if (topology_find_node(c->to->topology, c->from->state.nodes[i].name) < 0)
                        all[n++] = c->from->state.nodes[i];
        s->nodes = all;
        s->n_nodes = n;
        r = lab_save(c->to, err);
        s->n_nodes = c->to->topology->n_nodes;
        s->nodes = nodes;
        free(all);
        return r;
}

static int each(Changing *c, PlanVerb verb, ChangeStep step, Err *err) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < c->plan->n_steps; i++)
                if (c->plan->steps[i].verb == verb)
                        r = step(c, &c->plan->steps[i], err);
        return r;
}

static int set_management(Changing *c, const PlanStep *step, Err *err) {
        (void) step;
        return lab_management_set(c->to, c->from->topology, err);
}

static int detach_uplink(Changing *c, const PlanStep *step, Err *err) {
        const Topology *t = c->from->topology;
        const Uplink *u = &t->uplinks[step->before];
        int r = lab_detach_uplink(c->from, t->nodes[u->node].name, u->interface, err);

        fault_point("change.detached");
        return r;
}

static int attach_uplink(Changing *c, const PlanStep *step, Err *err) {
        int r = lab_attach_uplink(c->to, step->after, err);

        fault_point("change.attached");
        if (r >= 0)
                r = lab_connect_outside(c->to, err);
        /* Somebody has to keep the namespace where it ends. */
        return r >= 0 && c->to->state.porter.pid == 0 && lab_keeps_outside(c->to)
                       ? lab_publish_ports(c->to, err)
                       : r;
}

static int publish_ports(Changing *c, const PlanStep *step, Err *err) {
        (void) step;
        return lab_publish_ports(c->to, err);
}

/* What is not wanted any more, and then nodes and links, while new nodes wait. */
static int take_and_lay(Changing *c, Err *err) {
        int r = lab_prepare_switches(c->from, c->plan, err);

        if (r >= 0)
                r = each(c, PLAN_DETACH, detach_uplink, err);
        if (r >= 0)
                r = each(c, PLAN_UNLAY, change_unlay_link, err);
        if (r >= 0)
                r = each(c, PLAN_STOP, change_stop_node, err);
        if (r >= 0)
                r = each(c, PLAN_END, change_end_node, err);
        if (r >= 0)
                r = change_make_nodes(c, err);
        if (r >= 0)
                r = each(c, PLAN_LIMIT, change_limit_node, err);
        if (r >= 0)
                r = each(c, PLAN_MANAGEMENT, set_management, err);
        if (r >= 0)
                r = change_need_keeper(c, err);
        if (r >= 0)
                r = each(c, PLAN_LAY, change_lay_link, err);
        if (r >= 0)
                r = each(c, PLAN_SET_LINK, change_set_link, err);
        if (r >= 0)
                r = each(c, PLAN_NETWORK, change_node_network, err);
        if (r >= 0)
                r = each(c, PLAN_SYSCTL, change_node_sysctls, err);
        return r;
}

static int release(Changing *c, Err *err) {
        int r = lab_write_hosts(c->to, err);

        if (r >= 0)
                r = change_save(c, err);
        fault_point("change.recorded");
        if (r >= 0 && c->build.pidfd >= 0)
                r = build_release(&c->build, err);
        fault_point("change.released");
        return r;
}

static int carry_out(Changing *c, Err *err) {
        int r = take_and_lay(c, err);

        if (r >= 0)
                r = release(c, err);
        build_clear(&c->build);
        /* What is the host's goes only to nodes that live on their own. */
        if (r >= 0)
                r = each(c, PLAN_ATTACH, attach_uplink, err);
        if (r >= 0)
                r = each(c, PLAN_PORTS, publish_ports, err);
        if (r >= 0)
                r = lab_change_switches(c->from, c->to, c->plan, err);
        if (r >= 0)
                r = change_start_nodes(c, err);
        if (r >= 0)
                r = each(c, PLAN_EXEC, change_run_exec, err);
        return r;
}

/* Nobody needs it once the last link that it emulated has gone. */
static int spare_keeper(Lab *lab, Err *err) {
        int r = lab->state.keeper.pid > 0 ? topology_needs_wire(lab->topology, err) : 1;

        if (r != 0)
                return r < 0 ? r : 0;
        r = lab_end_process(lab, &lab->state.keeper, err);
        lab->state.keeper = (LabProcess){};
        (void) unlinkat(lab->dir, KEEPER_SOCKET, 0);
        return r;
}

/* The new topology takes the old one's place; what is recorded of nodes that have gone goes last.
 */
static int commit(Changing *c, Err *err) {
        LabState *s = &c->to->state;
        int r = spare_keeper(c->to, err);

        if (r >= 0)
                r = lab_write_topology(c->to, LAB_TOPOLOGY, err);
        fault_point("change.written");
        for (size_t i = 0; i < s->n_nodes; i++)
                s->nodes[i].fresh = false;
        s->changing = false;
        if (r >= 0)
                r = lab_save(c->to, err);
        if (r >= 0)
                (void) unlinkat(c->to->dir, LAB_NEXT, 0);
        fault_point("change.committed");
        return r;
}

static int change(Lab *from, Lab *to, const LabPlan *plan, bool back, Err *err) {
        autofree bool *made = calloc(to->topology->n_nodes + 1, sizeof *made);
        Changing c = { .from = from,
                       .to = to,
                       .plan = plan,
                       .back = back,
                       .made = made,
                       .build = { -EBADF, -EBADF } };
        int r = made ? 0 : fail(err, ENOMEM, "cannot change lab '%s'", to->name);

        if (r >= 0)
                r = change_save(&c, err);
        fault_point("change.begun");
        if (r >= 0)
                r = carry_out(&c, err);
        return r < 0 ? r : commit(&c, err);
}

/* Another view of the same lab, with the processes as they are written down. */
static int view(const Lab *lab, Lab **ret, Err *err) {
        autoptr(Lab) other = lab_new(lab->home, lab->name);
        int r;

        if (!other)
                return fail(err, ENOMEM, "cannot change lab '%s'", lab->name);
        other->dir = fcntl(lab->dir, F_DUPFD_CLOEXEC, 3);
        if (other->dir < 0)
                return fail(err, errno, "cannot change lab '%s'", lab->name);
        r = json_load(&lab_state_type, other->dir, "state.json", &other->state, err);
        if (r >= 0)
                *ret = take_ptr(other);
        return r;
}

/* ---- back ---- */

/* All that the plan of the way back names is made what it was. */
static int go_back(Lab *from, Lab *to, Err *err) {
        autochange c = {};
        int r = lab_change_plan(from, to->topology, &c, err);

        return r < 0 ? r : change(from, to, &c.plan, true, err);
}

int lab_undo_change(Lab *lab, Err *err) {
        autoptr(Lab) from = NULL;
        autoptr(Lab) to = NULL;
        int r = view(lab, &from, err);

        if (r >= 0)
                r = view(lab, &to, err);
        if (r >= 0)
                r = lab_read_topology(from, LAB_NEXT, true, err);
        if (r >= 0)
                r = lab_read_topology(to, LAB_TOPOLOGY, true, err);
        if (r >= 0)
                r = go_back(from, to, err);
        if (r < 0)
                return err_hint(err,
                                err_prefix(err, r,
                                           "a change of lab '%s' was broken off, and cannot be "
                                           "undone",
                                           lab->name),
                                "'isola lab down %s' takes it away", lab->name);
        json_clear(&lab_state_type, &lab->state);
        lab->state = to->state;
        to->state = (LabState){};
        return 0;
}

/* ---- forth ---- */

static int go(Lab *lab, Lab *to, const LabPlan *plan, Err *err) {
        int r = lab_write_topology(to, LAB_NEXT, err);

        fault_point("change.next");
        to->state.changing = true;
        return r < 0 ? r : change(lab, to, plan, false, err);
}

/* The state on disk says whether anything was begun. */
static int undo(Lab *lab) {
        autoptr(Lab) now = NULL;
        autoerr why = {};
        int r = view(lab, &now, &why);

        if (r >= 0 && now->state.changing)
                r = lab_undo_change(now, &why);
        if (r < 0)
                log_warn("%s", why.message ? why.message : "the change cannot be undone");
        else
                (void) unlinkat(lab->dir, LAB_NEXT, 0);
        return r;
}

int lab_change(Lab *lab, Topology *t, const LabChange *c, Err *err) {
        autoptr(Lab) to = NULL;
        Topology *mine;
        int r = view(lab, &to, err);

        if (r < 0)
                return r;
        to->topology = t;
        r = lab_arrange_nodes(to, err);
        if (r >= 0)
                r = go(lab, to, &c->plan, err);
        to->topology = NULL;
        if (r < 0)
                return err_prefix(err, r, "cannot change lab '%s'%s", lab->name,
                                  undo(lab) < 0 ? "" : ", which is as it was");
        mine = lab->topology;
        lab->topology = t;
        topology_free(mine);
        json_clear(&lab_state_type, &lab->state);
        lab->state = to->state;
        to->state = (LabState){};
        return 0;
}
