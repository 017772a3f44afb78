/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Nodes of a lab that is changed. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/ns.h"
#include "kernel/process.h"
#include "lab/change_internal.h"
#include "lab/container_node.h"
#include "lab/link_state.h"
#include "lab/management.h"
#include "lab/node.h"
#include "lab/node_network.h"
#include "lab/place.h"
#include "lab/start.h"
#include "topology/management.h"

#define WORDS_MAX 4096

static bool lives(const Lab *lab, const LabProcess *p) {
        autoclose int pidfd = lab_process_pidfd(lab, p);

        return pidfd >= 0;
}

/* Going back, what the change has not made is what it was. */
static bool is_kept(const Changing *c, const Lab *lab, size_t node) {
        return c->back && !lab->state.nodes[node].fresh && lives(lab, &lab->state.nodes[node]);
}

/* ---- ending ---- */

int change_stop_node(Changing *c, const PlanStep *step, Err *err) {
        int r = lab_remove_container(c->from, step->before, err);

        fault_point("change.stopped");
        return r;
}

static void forget_files(const Lab *lab, const char *node) {
        static const char *const directories[] = { "logs", "status", "exec" };

        for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
                autofree char *path = str_format("%s/%s", directories[i], node);

                if (path)
                        (void) unlinkat(lab->dir, path, 0);
        }
}

static int end(Lab *lab, size_t node, Err *err) {
        int r = lab_remove_container(lab, node, err);

        if (r >= 0)
                r = lab_end_process(lab, &lab->state.nodes[node], err);
        if (r < 0)
                return r;
        lab_remove_place(lab, node);
        forget_files(lab, lab->state.nodes[node].name);
        return 0;
}

int change_end_node(Changing *c, const PlanStep *step, Err *err) {
        int r;

        /* A switch of Open vSwitch is no process; its bridge goes with the others' changes. */
        if (c->from->topology->nodes[step->before].kind == NODE_OVS_BRIDGE ||
            is_kept(c, c->from, step->before))
                return 0;
        r = end(c->from, step->before, err);
        fault_point("change.ended");
        return r;
}

/* ---- making ---- */

/* Which are to be made, and that nothing is left of a try before this one. */
static int find_wanted(Changing *c, bool *wanted, Err *err) {
        Lab *lab = c->to;
        int any = 0, r = 0;

        for (size_t i = 0; r >= 0 && i < c->plan->n_steps; i++) {
                size_t node = c->plan->steps[i].after;

                if (c->plan->steps[i].verb != PLAN_MAKE || is_kept(c, lab, node))
                        continue;
                r = end(lab, node, err);
                wanted[node] = true;
                any = 1;
        }
        return r < 0 ? r : any;
}

static int note_made(Changing *c, const bool *wanted, const pid_t *pids, Err *err) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < c->to->topology->n_nodes; i++) {
                const Node *n = &c->to->topology->nodes[i];
                LabProcess *p = &c->to->state.nodes[i];

                if (!wanted[i])
                        continue;
                r = lab_note_process(p, pids[i], err);
                c->made[i] = p->fresh = true;
                p->limited = node_is_limited(n);
                if (r >= 0 && p->limited)
                        r = lab_limit_node(c->to, i, pids[i], err);
        }
        return r;
}

static int build(Changing *c, const bool *wanted, pid_t *pids, Err *err) {
        autosources s = SOURCES_NONE(c->to->topology);
        autoclose int fabric = lab_process_pidfd(c->to, &c->to->state.fabric);
        autoptr(Cgroup) place = NULL;
        BuildPlan plan;
        pid_t none[2];
        int r = fabric < 0 ? refuse(err, ESRCH, "the process that holds the lab has ended")
                           : sources_open_more(c->to, &s, wanted, err);

        if (r >= 0)
                r = lab_place(c->to, &place, err);
        if (r < 0)
                return r;
        plan = (BuildPlan){ .topology = c->to->topology,
                            .tree = &s.tree,
                            .cgroup = place ? cgroup_fd(place) : -EBADF,
                            .userns = s.userns,
                            .hosts = -EBADF,
                            .binds = s.binds,
                            .logs = s.logs,
                            .statuses = s.statuses,
                            .files = s.files,
                            .listener = -EBADF,
                            .inside = fabric,
                            .wanted = wanted };
        return build_start(&plan, &c->build, &none[0], &none[1], pids, err);
}

int change_make_nodes(Changing *c, Err *err) {
        size_t n = c->to->topology->n_nodes;
        autofree bool *wanted = calloc(n + 1, sizeof *wanted);
        autofree pid_t *pids = calloc(n + 1, sizeof *pids);
        int r = wanted && pids ? find_wanted(c, wanted, err)
                               : fail(err, ENOMEM, "cannot make the lab's nodes");

        if (r <= 0)
                return r;
        r = lab_announce_containers(c->to, err);
        if (r >= 0)
                r = build(c, wanted, pids, err);
        fault_point("change.made");
        return r < 0 ? r : note_made(c, wanted, pids, err);
}

/* ---- what it has ---- */

int change_limit_node(Changing *c, const PlanStep *step, Err *err) {
        return lab_change_limits(c->to, step->after, err);
}

int change_node_network(Changing *c, const PlanStep *step, Err *err) {
        const Topology *before = step->before == SIZE_MAX ? NULL : c->from->topology;
        const Node *n = &c->to->topology->nodes[step->after];
        autofree bool *cut = calloc(n->n_interfaces + 1, sizeof *cut);
        autoclose int netns = lab_node_netns(c->to, step->after, err);
        int r = netns < 0 ? netns : lab_management_connect(c->to, step->after, err);

        for (size_t i = 0; cut && i < n->n_interfaces; i++)
                cut[i] = lab_link_is_cut_at(c->to, n->interfaces[i].link, n->interfaces[i].end);
        if (r >= 0)
                r = cut ? node_network_adjust(netns, before, step->before, c->to->topology,
                                              step->after, cut, err)
                        : fail(err, ENOMEM, "cannot set up the network of node '%s'", n->name);
        fault_point("change.network");
        return r;
}

/* ---- kernel parameters ---- */

typedef struct Settings {
        char *const *list;
        Err err;
} Settings;

static int set_network(void *context) {
        Settings *s = context;
        int r = 0;

        strv_foreach(setting, s->list)
                if (r >= 0 && str_after(*setting, "net."))
                        r = node_sysctl(*setting, &s->err);
        return r;
}

/* In the node, as its root, with nothing but its standard streams. */
static void set_others(const void *data) {
        const Settings *s = data;

        strv_foreach(setting, s->list) {
                autoerr err = {};

                if (!str_after(*setting, "net.") && node_sysctl(*setting, &err) < 0) {
                        (void) dprintf(STDOUT_FILENO, "%s", err.message ? err.message : *setting);
                        return;
                }
        }
}

static int set_inside(const Lab *lab, size_t node, const Settings *settings, Err *err) {
        char *const args[] = { (char *) "sysctl", NULL };
        autoclose int words = memfd_create("sysctl", MFD_CLOEXEC), pidfd = -EBADF;
        const LabExec exec = { .args = args,
                               .stdio = { -EBADF, words, -EBADF },
                               .inside = set_others,
                               .inside_data = settings };
        char text[WORDS_MAX];
        siginfo_t info;
        ssize_t n;
        int r = words < 0 ? fail(err, errno, "cannot set its parameters")
                          : lab_exec(lab, node, &exec, &pidfd, err);

        if (r < 0)
                return r;
        r = process_reap(pidfd, &info);
        n = pread(words, text, sizeof text - 1, 0);
        if (n <= 0)
                return r;
        text[n] = '\0';
        return refuse(err, EINVAL, "%s", text);
}

static bool has_others(const Node *n) {
        strv_foreach(setting, n->sysctls)
                if (!str_after(*setting, "net."))
                        return true;
        return false;
}

int change_node_sysctls(Changing *c, const PlanStep *step, Err *err) {
        const Node *n = &c->to->topology->nodes[step->after];
        autoclose int netns = lab_node_netns(c->to, step->after, err);
        Settings settings = { .list = n->sysctls };
        int r = netns < 0 ? netns : netns_run(netns, set_network, &settings);

        if (netns >= 0 && r < 0)
                r = refuse(err, r, "%s",
                           settings.err.message ? settings.err.message : strerror(-r));
        err_clear(&settings.err);
        /* Those of an image are its container's. */
        if (r >= 0 && !n->image && has_others(n))
                r = set_inside(c->to, step->after, &settings, err);
        fault_point("change.sysctls");
        return r < 0 ? err_prefix(err, r, "node '%s'", n->name) : 0;
}

/* ---- what it runs ---- */

int change_run_exec(Changing *c, const PlanStep *step, Err *err) {
        const Node *before = &c->from->topology->nodes[step->before],
                   *n = &c->to->topology->nodes[step->after];

        strv_foreach(command, n->exec) {
                int r = strv_has(before->exec, *command)
                                ? 0
                                : lab_run_exec(c->to, step->after, *command, err);

                if (r < 0)
                        return r;
                fault_point("change.exec");
        }
        return 0;
}

int change_start_nodes(Changing *c, Err *err) {
        autofree bool *which = calloc(c->to->topology->n_nodes + 1, sizeof *which);
        bool any = false;
        int r;

        if (!which)
                return fail(err, ENOMEM, "cannot start the nodes");
        for (size_t i = 0; i < c->plan->n_steps; i++) {
                const PlanStep *s = &c->plan->steps[i];

                if (s->verb != PLAN_START)
                        continue;
                /* One that was kept on the way back runs. */
                which[s->after] = s->before != SIZE_MAX || c->made[s->after];
                any = any || which[s->after];
        }
        r = any ? lab_announce_containers(c->to, err) : 0;
        if (r >= 0 && any)
                r = lab_start_some(c->to, which, err);
        fault_point("change.started");
        return r;
}
