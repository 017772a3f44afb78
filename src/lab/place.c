/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "lab/place.h"

#define CPU_PERIOD_US     100000
#define REMOVE_TIMEOUT_MS 5000

bool node_is_limited(const Node *n) {
        return !n->image && (n->cpus > 0 || n->memory > 0 || n->pids > 0 || !str_empty(n->cpuset));
}

static char *common_name(const Lab *lab) {
        return str_format("isola/lab-%s/all", lab->state.id);
}

static char *node_name(const Lab *lab, size_t node) {
        return str_format("isola/lab-%s/node-%s", lab->state.id, lab->state.nodes[node].name);
}

static CgroupLimits limits_of(const Node *n) {
        CgroupLimits l = {
                .memory = (int64_t) n->memory,
                .memory_swap = n->memory > INT64_MAX / 2 ? -1 : (int64_t) (2 * n->memory),
                .memory_swap_wish = true,
                .cpuset_cpus = str_empty(n->cpuset) ? NULL : n->cpuset,
                .has_pids = n->pids > 0,
                .pids = (int64_t) n->pids,
        };

        if (n->cpus > 0) {
                l.cpu_period = CPU_PERIOD_US;
                l.cpu_quota = (int64_t) (n->cpus * CPU_PERIOD_US);
        }
        return l;
}

int lab_place(const Lab *lab, Cgroup **ret, Err *err) {
        autofree char *name = common_name(lab);
        autoerr why = {};

        *ret = NULL;
        if (!name)
                return fail(err, ENOMEM, "cannot make the lab's control group");
        if (cgroup_open(name, ret) >= 0)
                return 0;
        if (cgroup_create(name, NULL, ret, &why) < 0)
                log_debug("%s; the lab stays in this command's cgroup", why.message);
        return 0;
}

int lab_limit_node(const Lab *lab, size_t node, pid_t pid, Err *err) {
        const CgroupLimits limits = limits_of(&lab->topology->nodes[node]);
        autofree char *name = node_name(lab, node);
        autoptr(Cgroup) c = NULL;
        int r = name ? cgroup_create(name, &limits, &c, err) : fail(err, ENOMEM, "no memory");

        if (r >= 0)
                r = cgroup_move(c, pid, err);
        return r < 0 ? err_prefix(err, r, "cannot limit node '%s'", lab->state.nodes[node].name)
                     : 0;
}

int lab_limit_nodes(const Lab *lab, const pid_t *pids, Err *err) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < lab->topology->n_nodes; i++)
                if (node_is_limited(&lab->topology->nodes[i]))
                        r = lab_limit_node(lab, i, pids[i], err);
        return r;
}

int lab_change_limits(const Lab *lab, size_t node, Err *err) {
        CgroupLimits limits = limits_of(&lab->topology->nodes[node]);
        autoptr(Cgroup) c = NULL;
        int r = lab_node_place(lab, node, &c, err);

        /* It may have had some that it has not any more. */
        if (limits.memory == 0)
                limits.memory = limits.memory_swap = -1;
        if (limits.cpu_quota == 0)
                limits.cpu_quota = -1;
        if (!limits.has_pids)
                limits.pids = -1;
        limits.has_pids = true;
        if (r >= 0 && c)
                r = cgroup_update(c, &limits, err);
        return r < 0 ? err_prefix(err, r, "cannot limit node '%s'", lab->state.nodes[node].name)
                     : 0;
}

int lab_node_place(const Lab *lab, size_t node, Cgroup **ret, Err *err) {
        autofree char *name = NULL;
        int r;

        *ret = NULL;
        if (!lab->state.nodes[node].limited)
                return 0;
        name = node_name(lab, node);
        r = name ? cgroup_open(name, ret) : -ENOMEM;
        return r < 0 ? fail(err, r, "cannot open the control group of node '%s'",
                            lab->state.nodes[node].name)
                     : 0;
}

static void remove_one(char *name) {
        int r = name ? cgroup_remove(name, REMOVE_TIMEOUT_MS) : -ENOMEM;

        if (r < 0)
                log_warn("the cgroup '%s' cannot be removed: %s", name ? name : "?", strerror(-r));
        free(name);
}

void lab_remove_place(const Lab *lab, size_t node) {
        if (lab->state.nodes[node].limited)
                remove_one(node_name(lab, node));
}

void lab_remove_places(const Lab *lab) {
        for (size_t i = 0; i < lab->state.n_nodes; i++)
                lab_remove_place(lab, i);
        remove_one(common_name(lab));
}
