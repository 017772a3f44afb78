/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "kernel/idmap.h"
#include "lab/place.h"

#define CPU_PERIOD_US     100000
#define END_TIMEOUT_MS    100 /* for those that die anyway */
#define REMOVE_TIMEOUT_MS 5000

bool node_is_limited(const Node *n) {
        return !n->image && (n->cpus > 0 || n->memory > 0 || n->pids > 0 || !str_empty(n->cpuset));
}

/* Where the labs of whoever runs this are; an ordinary user's are beside his command's own. */
static char *labs_name(void) {
        char *beside = NULL;

        return idmap_is_inside() && !cgroup_root_is_writable() &&
                               cgroup_beside_us("isola", &beside) >= 0
                       ? beside
                       : strdup("isola");
}

int lab_name_place(Lab *lab) {
        autofree char *labs = labs_name();

        free(lab->state.cgroup);
        lab->state.cgroup = labs ? str_format("%s/lab-%s", labs, lab->state.id) : NULL;
        return lab->state.cgroup ? 0 : -ENOMEM;
}

static char *common_name(const Lab *lab) {
        return str_format("%s/all", lab->state.cgroup);
}

static char *node_name(const Lab *lab, size_t node) {
        return str_format("%s/node-%s", lab->state.cgroup, lab->state.nodes[node].name);
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

/* An ordinary user's, who has no group to divide, is told so. */
static int make_limited(const char *name, const CgroupLimits *limits, Cgroup **ret, Err *err) {
        int r = cgroup_create(name, limits, ret, err);

        if (!idmap_is_inside() || (r != -EACCES && r != -EPERM && r != -EROFS))
                return r;
        if (err)
                err_clear(err);
        return err_hint(err,
                        refuse(err, r, "cannot set the %s: you have no control group to divide",
                               cgroup_first_limit(limits)),
                        "log in through systemd-logind on a machine with cgroup version 2, which "
                        "gives users one, or run as root");
}

int lab_limit_node(const Lab *lab, size_t node, pid_t pid, Err *err) {
        const CgroupLimits limits = limits_of(&lab->topology->nodes[node]);
        autofree char *name = node_name(lab, node);
        autoptr(Cgroup) c = NULL;
        int r = name ? make_limited(name, &limits, &c, err) : fail(err, ENOMEM, "no memory");

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

/* What is still in there is killed: nobody else knows of it. */
static int end_and_remove(const char *name) {
        autoptr(Cgroup) c = NULL;

        if (cgroup_remove(name, END_TIMEOUT_MS) >= 0)
                return 0;
        if (cgroup_open(name, &c) >= 0)
                (void) cgroup_kill(c, SIGKILL);
        return cgroup_remove(name, REMOVE_TIMEOUT_MS);
}

static void remove_one(const char *name) {
        int r = name ? end_and_remove(name) : -ENOMEM;

        if (r < 0)
                log_warn("the cgroup '%s' cannot be removed: %s; the next command that lists labs "
                         "tries again",
                         name ? name : "?", strerror(-r));
}

void lab_remove_place(const Lab *lab, size_t node) {
        autofree char *name = lab->state.nodes[node].limited ? node_name(lab, node) : NULL;

        if (name)
                remove_one(name);
}

void lab_remove_places(const Lab *lab) {
        autofree char *common = common_name(lab);

        /* Mostly the only one, which takes what is above it along. */
        remove_one(common);
        remove_one(lab->state.cgroup);
}

/* Nobody is in it, nor below. */
static bool is_deserted(const char *name) {
        autoptr(Cgroup) c = NULL;

        return cgroup_open(name, &c) >= 0 && cgroup_is_populated(c) == 0;
}

void lab_sweep_places(void) {
        autofree char *labs = labs_name();
        autostrv names = NULL;

        if (!labs || cgroup_children(labs, &names) < 0)
                return;
        strv_foreach(name, names) {
                autofree char *path = str_format("%s/%s", labs, *name);

                if (!path || !str_after(*name, "lab-") || !is_deserted(path))
                        continue;
                log_info("removing the cgroup '%s' of a lab that is gone", path);
                if (cgroup_remove(path, END_TIMEOUT_MS) < 0)
                        log_debug("the cgroup '%s' cannot be removed", path);
        }
}
