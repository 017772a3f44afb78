/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "engine/group.h"
#include "kernel/idmap.h"

#define REMOVE_TIMEOUT_MS 1000

char *container_cgroup_name(const Container *c) {
        return c->state.cgroup ? strdup(c->state.cgroup) : str_format("isola/%s", c->id);
}

int container_cgroup_open(const Container *c, Cgroup **ret) {
        autofree char *name = container_cgroup_name(c);

        if (!name)
                return -ENOMEM;
        if (*name)
                return cgroup_open(name, ret);
        *ret = NULL;
        return 0;
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

int container_cgroup_make(Container *c, const CgroupLimits *limits, Cgroup **ret, Err *err) {
        const char *limit = cgroup_first_limit(limits);
        autofree char *name = NULL;
        int r;

        free(take_ptr(c->state.cgroup));
        name = container_cgroup_name(c);
        if (name && idmap_is_inside() && !cgroup_root_is_writable() &&
            cgroup_beside_us(name, &c->state.cgroup) >= 0) {
                free(name);
                name = container_cgroup_name(c);
        }
        if (!name)
                return fail(err, ENOMEM, "cannot make the container's cgroup");
        r = create(name, limits, ret, err);
        if (r >= 0 || (!is_denied(r) && cgroup_layout() != CGROUP_NONE))
                return r;
        if (err)
                err_clear(err);
        if (limit)
                return err_hint(err,
                                refuse(err, r,
                                       "cannot set the %s: you have no control group to divide",
                                       limit),
                                "log in through systemd-logind on a machine with cgroup version 2, "
                                "which gives users one, or run as root");
        log_debug("no cgroup '%s' can be made: the container stays in its maker's", name);
        free(c->state.cgroup);
        c->state.cgroup = strdup("");
        *ret = NULL;
        return c->state.cgroup ? 0 : fail(err, ENOMEM, "cannot make the container's cgroup");
}
