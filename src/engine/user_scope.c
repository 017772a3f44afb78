/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"
#include "engine/user_scope.h"
#include "kernel/cgroup.h"
#include "kernel/idmap.h"
#include "runtime/scope.h"

#define SLICE        "app.slice" /* systemd.special(7): where a user's applications are */
#define MONITOR      "monitor"
#define STOP_ROOM_MS 10000 /* for the monitor's own work after its container has ended */

static bool is_offered(void) {
        return idmap_is_inside() && !cgroup_root_is_writable() && !cgroup_above_is_ours() &&
               systemd_user_is_there();
}

static char *unit_of(const Container *c) {
        return str_format("isola-%s.scope", c->id);
}

bool user_scope_is_around(const Container *c) {
        autofree char *place = NULL, *unit = unit_of(c), *own = NULL;

        if (!unit || cgroup_own_path(&place) < 0)
                return false;
        own = scope_of(place, NULL);
        return str_equal(own, unit);
}

/* Out of the scope's own directory, which is to pass controllers on. */
static int go_below(Err *err) {
        autofree char *place = NULL, *name = NULL;
        autoptr(Cgroup) group = NULL;
        int r = cgroup_own_path(&place);

        if (r < 0)
                return fail(err, r, "cannot find the monitor's cgroup");
        name = str_format("%s/" MONITOR, place);
        if (!name)
                return fail(err, ENOMEM, "cannot name the monitor's cgroup");
        r = cgroup_share(name, &group, err);
        return r < 0 ? r : cgroup_move(group, getpid(), err);
}

/* That of an earlier run may be there still, empty. */
static int make(const Container *c, const char *unit, Err *err) {
        autofree char *description = str_format("isola container %s", c->name);
        int64_t stop_ms = container_stop_timeout_ms(c);
        SystemdScope scope = { .unit = unit,
                               .slice = SLICE,
                               .description = description,
                               .pid = getpid(),
                               .stop_signal = USER_SCOPE_SIGNAL,
                               .stop_ms = stop_ms < 0 ? 0 : stop_ms + STOP_ROOM_MS,
                               .ends_with_manager = true };
        int r;

        if (!description)
                return fail(err, ENOMEM, "cannot make scope '%s'", unit);
        r = systemd_start_scope(&scope, err);
        if (r != -EEXIST)
                return r;
        err_clear(err);
        r = systemd_stop_scope(unit, err);
        return r < 0 ? r : systemd_start_scope(&scope, err);
}

int user_scope_enter(const Container *c, Err *err) {
        autofree char *unit = unit_of(c), *former = NULL;
        int r;

        if (!unit)
                return fail(err, ENOMEM, "cannot name a scope");
        if (user_scope_is_around(c) || !is_offered())
                return 0;
        former = c->state.cgroup ? scope_of(c->state.cgroup, NULL) : NULL;
        if (str_equal(former, unit) && container_is_up(c))
                return systemd_attach(unit, MONITOR, getpid(), err);
        r = make(c, unit, err);
        return r < 0 ? r : go_below(err);
}
