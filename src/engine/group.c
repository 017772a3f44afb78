/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "engine/group.h"
#include "engine/user_scope.h"
#include "kernel/idmap.h"
#include "runtime/scope.h"

#define REMOVE_TIMEOUT_MS 1000

char *container_cgroup_name(const Container *c) {
        return c->state.cgroup ? strdup(c->state.cgroup) : str_format("isola/%s", c->id);
}

int container_cgroup_open(const Container *c, Cgroup **ret) {
        autofree char *name = container_cgroup_name(c);
        int r;

        if (!name)
                return -ENOMEM;
        *ret = NULL;
        r = *name ? cgroup_open(name, ret) : 0;
        if (r >= 0 && *ret)
                scope_reach(*ret);
        return r;
}

int container_cgroup_remove(const char *name, int timeout_ms) {
        autofree char *unit = scope_of(name, NULL);

        /* What is above a scope is systemd's. */
        return unit ? cgroup_remove_leaf(name, timeout_ms) : cgroup_remove(name, timeout_ms);
}

static int create(const char *name, const CgroupLimits *limits, Cgroup **ret, Err *err) {
        int r = cgroup_create(name, limits, ret, err);

        if (r != -EEXIST)
                return r;
        /* A dead run's: the lock is ours and nothing of it runs. */
        err_clear(err);
        r = cgroup_remove(name, REMOVE_TIMEOUT_MS);
        if (r < 0)
                return fail(err, r, "cannot remove the cgroup '%s' of an earlier run", name);
        return cgroup_create(name, limits, ret, err);
}

static bool is_denied(int code) {
        return code == -EACCES || code == -EPERM || code == -EROFS;
}

/* Where it can be: at the top, or beside our own. */
static int choose_name(Container *c, char **ret) {
        autofree char *name = container_cgroup_name(c);

        if (name && idmap_is_inside() && !cgroup_root_is_writable())
                (void) cgroup_beside_us(user_scope_is_around(c) ? "container" : name,
                                        &c->state.cgroup);
        *ret = name ? container_cgroup_name(c) : NULL;
        return *ret ? 0 : -ENOMEM;
}

static int do_without(Container *c, Cgroup **ret, Err *err) {
        log_debug("no cgroup is made: the container stays in its maker's");
        free(c->state.cgroup);
        c->state.cgroup = strdup("");
        *ret = NULL;
        return c->state.cgroup ? 0 : fail(err, ENOMEM, "cannot make the container's cgroup");
}

/* No place can be made that has it. */
static int refuse_limit(const Container *c, int r, const char *limit, const Err *problem,
                        Err *err) {
        if (!cgroup_above_is_ours())
                return err_hint(
                        err,
                        refuse(err, r, "cannot set the %s: you have no control group to divide",
                               limit),
                        "log in through systemd-logind on a machine with cgroup version 2, which "
                        "gives users one, or run as root");
        r = refuse(err, r, "%s", problem->message);
        if (!user_scope_is_around(c))
                return problem->hint ? err_hint(err, r, "%s", problem->hint) : r;
        return err_hint(err, r,
                        "an administrator can have it passed on to users: `systemctl edit "
                        "user@.service`, [Service] Delegate=cpu cpuset io memory pids");
}

int container_cgroup_make(Container *c, const CgroupLimits *limits, Cgroup **ret, Err *err) {
        const char *limit = cgroup_first_limit(limits);
        autofree char *name = NULL;
        autoerr problem = {};
        int r;

        free(take_ptr(c->state.cgroup));
        r = choose_name(c, &name);
        if (r < 0)
                return fail(err, r, "cannot make the container's cgroup");
        r = create(name, limits, ret, &problem);
        if (r >= 0)
                return 0;
        if (is_denied(r) || cgroup_layout() == CGROUP_NONE)
                return limit ? refuse_limit(c, r, limit, &problem, err) : do_without(c, ret, err);
        r = refuse(err, r, "%s", problem.message);
        return problem.hint ? err_hint(err, r, "%s", problem.hint) : r;
}

void monitor_cgroup_enter(const Container *c) {
        autoerr err = {};

        if (user_scope_enter(c, &err) < 0)
                log_warn("%s; the container is part of this session", err.message);
}
