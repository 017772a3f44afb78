/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/str.h"
#include "engine/container.h"
#include "engine/names.h"

/* The record says which of two names counts: see names.h. */
static int rename_locked(Container *c, const char *name, Err *err) {
        autofree char *old = c->name;
        int r;

        c->name = strdup(name);
        if (!c->name)
                return fail(err, ENOMEM, "cannot rename container '%s'", old);
        r = container_name_take(c->home, name, c->id, err);
        if (r < 0)
                return r;
        fault_point("rename.taken");
        r = json_save(&container_type, c->dir, "container.json", c, true, err);
        if (r < 0) {
                container_name_release(c->home, name, c->id);
                return r;
        }
        fault_point("rename.written");
        container_name_release(c->home, old, c->id);
        return 0;
}

int container_rename(Container *c, const char *name, Err *err) {
        autoptr(Container) now = NULL;
        autoclose int lock = -EBADF;
        int r = container_lock_record(c, &now, &lock, err);

        if (r < 0)
                return r;
        if (str_equal(now->name, name))
                return refuse(err, EINVAL, "container '%s' is called that already", name);
        return rename_locked(now, name, err);
}
