/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A container's ids at work. */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "engine/idrange.h"
#include "engine/spec.h"
#include "engine/userns_internal.h"

void container_ids_clear(ContainerIds *ids) {
        idplan_clear(&ids->uids);
        idplan_clear(&ids->gids);
}

int userns_read_own(ContainerIds *ret) {
        int r = idmap_read_own("uid_map", &ret->uids.ranges, &ret->uids.n);

        return r < 0 ? r : idmap_read_own("gid_map", &ret->gids.ranges, &ret->gids.n);
}

bool userns_is_planned(const Container *c) {
        return container_has_userns(c) && c->host.id_mappings.uids && c->host.id_mappings.gids;
}

bool userns_is_shifted(const Container *c) {
        return userns_is_planned(c) && idmap_is_inside();
}

/* --- the plan at work --- */

static int read_plan(const Container *c, uint64_t base, const ContainerIds *own,
                     ContainerIds *ret) {
        autousernsoptions o = {};
        int r;

        if (userns_is_planned(c)) {
                r = idplan_read(c->host.id_mappings.uids, &ret->uids);
                return r < 0 ? r : idplan_read(c->host.id_mappings.gids, &ret->gids);
        }
        if (base) {
                r = userns_options_read(c->host.userns_mode, &o, NULL);
                return r < 0 ? r
                             : userns_auto(&o, (int64_t) base, o.size ? o.size : IDRANGE_SIZE, ret);
        }
        for (size_t i = 0; i < own->uids.n; i++)
                if (idplan_add(&ret->uids, own->uids.ranges[i].inside, own->uids.ranges[i].inside,
                               own->uids.ranges[i].count) < 0)
                        return -ENOMEM;
        for (size_t i = 0; i < own->gids.n; i++)
                if (idplan_add(&ret->gids, own->gids.ranges[i].inside, own->gids.ranges[i].inside,
                               own->gids.ranges[i].count) < 0)
                        return -ENOMEM;
        return 0;
}

int userns_ids(const Container *c, uint64_t base, ContainerIds *ret) {
        autocontainerids own = {}, plan = {};
        int r = userns_read_own(&own);

        if (r >= 0)
                r = read_plan(c, base, &own, &plan);
        if (r >= 0)
                r = idplan_split(&plan.uids, &own.uids, &ret->uids);
        return r < 0 ? r : idplan_split(&plan.gids, &own.gids, &ret->gids);
}

int userns_layers(const Container *c, MappedLayers *ret, Err *err) {
        autocontainerids plan = {};
        int r;

        *ret = (MappedLayers){};
        if (!userns_is_shifted(c))
                return 0;
        r = idplan_read(c->host.id_mappings.uids, &plan.uids);
        if (r >= 0)
                r = idplan_read(c->host.id_mappings.gids, &plan.gids);
        return r < 0 ? fail(err, r, "cannot map ids")
                     : mapped_layers(c->home, c->lowers, &plan.uids, &plan.gids, ret, err);
}

static int give(const Container *c, int dir, const char *name, bool nobodys) {
        autocontainerids ids = {};
        struct stat st;
        int r;

        if (!userns_is_shifted(c))
                return 0;
        r = userns_ids(c, 0, &ids);
        if (r < 0)
                return r;
        if (nobodys && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (nobodys && idplan_inside(&ids.uids, st.st_uid) >= 0 &&
            idplan_inside(&ids.gids, st.st_gid) >= 0)
                return 0;
        return fchownat(dir, name, (uid_t) idplan_outside(&ids.uids, 0),
                        (gid_t) idplan_outside(&ids.gids, 0), AT_SYMLINK_NOFOLLOW) < 0
                       ? -errno
                       : 0;
}

int userns_give_root(const Container *c, int dir, const char *name) {
        return give(c, dir, name, false);
}

int userns_give_nobodys(const Container *c, int dir, const char *name) {
        return give(c, dir, name, true);
}

int userns_open(const Container *c, int *ret, Err *err) {
        autocontainerids ids = {};
        int r;

        *ret = -EBADF;
        if (!userns_is_shifted(c))
                return 0;
        r = userns_ids(c, 0, &ids);
        if (r < 0)
                return fail(err, r, "cannot map ids");
        r = idmap_userns(ids.uids.ranges, ids.uids.n, ids.gids.ranges, ids.gids.n, err);
        if (r >= 0)
                *ret = r;
        return r < 0 ? r : 0;
}

int userns_enter(const Container *c, Err *err) {
        autoclose int userns = -EBADF;
        int r = userns_open(c, &userns, err);

        if (r < 0 || userns < 0)
                return r;
        return setns(userns, CLONE_NEWUSER) < 0
                       ? fail(err, errno, "cannot see the files as container '%s' does", c->name)
                       : 0;
}
