/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "base/str.h"
#include "engine/container.h"
#include "engine/group.h"
#include "engine/monitor.h"
#include "engine/spec.h"

static int apply_limits(const Container *c, const HostConfig *host, Err *err) {
        autoptr(Cgroup) cgroup = NULL;
        CgroupLimits limits;
        int r;

        container_limits(host, &limits);
        if (!cgroup_first_limit(&limits))
                return 0;
        r = container_cgroup_open(c, &cgroup);
        if (r < 0)
                return fail(err, r, "cannot open the cgroup of container '%s'", c->name);
        if (!cgroup)
                return err_hint(err,
                                refuse(err, EOPNOTSUPP,
                                       "cannot set the %s of container '%s': it has no control "
                                       "group",
                                       cgroup_first_limit(&limits), c->name),
                                "log in through systemd-logind on a machine with cgroup version 2, "
                                "which gives users one, or run as root");
        return cgroup_update(cgroup, &limits, err);
}

int container_update(Container *c, int (*change)(HostConfig *host, const void *data, Err *err),
                     const void *data, Err *err) {
        autoptr(Container) now = NULL;
        autoclose int lock = -EBADF;
        int r = container_lock_record(c, &now, &lock, err);

        if (r >= 0)
                r = container_read_state(now, err);
        if (r >= 0)
                r = change(&now->host, data, err);
        if (r >= 0 && container_is_up(now) && container_status(now) != CONTAINER_RESTARTING)
                r = apply_limits(now, &now->host, err);
        if (r < 0)
                return r;
        r = json_save(&container_type, now->dir, "container.json", now, true, err);
        /* One that ends in this moment has no monitor to tell. */
        if (r >= 0 && container_is_up(now))
                (void) monitor_say_changed(now);
        return r;
}
