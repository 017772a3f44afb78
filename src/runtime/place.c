/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "runtime/place.h"
#include "runtime/resources.h"
#include "runtime/scope.h"

#define OWN_PARENT "isola-oci-" /* and the realm */
#define KEEP_GROUP ((gid_t) -1)

/* --- names --- */

static bool is_ours(const char *path) {
        return str_after(path, OWN_PARENT) != NULL;
}

static int name_directory(const char *path, const char *realm, const char *id, char **ret,
                          Err *err) {
        autofree char *name = str_empty(path) ? str_format(OWN_PARENT "%s/%s", realm, id)
                                              : strdup(path),
                      *clean = NULL;
        int r = name ? cgroup_clean_path(name, &clean) : -ENOMEM;

        if (r == -EINVAL)
                return refuse(err, r, "the cgroups path '%s' is not a place for a container", path);
        if (r >= 0 && (str_empty(path) || *path != '/') && !cgroup_root_is_writable() &&
            cgroup_beside_us(clean, ret) >= 0)
                return 0;
        if (r < 0)
                return fail(err, r, "cannot name the container's cgroup");
        *ret = take_ptr(clean);
        return 0;
}

int place_name(const OciSpec *spec, const char *realm, const char *id, bool systemd,
               char **ret_path, char **ret_scope, Err *err) {
        const char *path = spec->linux_ ? spec->linux_->cgroups_path : NULL;
        autofree char *slice = NULL, *unit = NULL;
        int r;

        *ret_scope = NULL;
        if (!systemd)
                return name_directory(path, realm, id, ret_path, err);
        r = systemd_scope_names(path, id, &slice, &unit, err);
        if (r >= 0)
                r = systemd_scope_path(slice, unit, ret_path, err);
        if (r >= 0)
                *ret_scope = take_ptr(unit);
        return r;
}

/* --- ownership (runtime-spec config-linux.md, "Cgroup ownership") --- */

static bool may_make_cgroups(const OciSpec *spec) {
        const OciNamespace *cgroupns = oci_namespace(spec, "cgroup"),
                           *userns = oci_namespace(spec, "user");

        if (!cgroupns || cgroupns->path || !userns || userns->path)
                return false;
        for (size_t i = 0; i < spec->n_mounts; i++) {
                const OciMount *m = &spec->mounts[i];

                if ((str_equal(m->type, "cgroup") || str_equal(m->type, "cgroup2")) &&
                    !strv_has(m->options, "ro"))
                        return true;
        }
        return false;
}

static int64_t outside(const OciLinux *l, int64_t id) {
        for (size_t i = 0; i < l->n_uid_mappings; i++) {
                const OciIdMapping *m = &l->uid_mappings[i];

                if (id >= m->container_id && id - m->container_id < m->size)
                        return m->host_id + id - m->container_id;
        }
        return -1;
}

static int give_away(const OciSpec *spec, const Cgroup *cgroup, Err *err) {
        int64_t owner;
        int r;

        if (!may_make_cgroups(spec) || !spec->process)
                return 0;
        owner = outside(spec->linux_, spec->process->user.uid);
        if (owner < 0)
                return 0;
        r = cgroup_delegate(cgroup, (uid_t) owner, KEEP_GROUP);
        return r < 0 ? fail(err, r, "cannot give the cgroup '%s' to the container's user",
                            cgroup_path(cgroup))
                     : 0;
}

/* --- making --- */

static int make_in_scope(const OciSpec *spec, const char *id, const char *path, const char *scope,
                         const CgroupLimits *limits, Cgroup **ret, Err *err) {
        autofree char *slice = NULL, *unit = NULL,
                      *description = str_format("isola container %s", id);
        SystemdScope start = { .unit = scope,
                               .description = description,
                               .limits = limits,
                               .annotations = spec->annotations };
        int r = systemd_scope_names(spec->linux_ ? spec->linux_->cgroups_path : NULL, id, &slice,
                                    &unit, err);

        if (r < 0)
                return r;
        if (!description)
                return fail(err, ENOMEM, "cannot make scope '%s'", scope);
        start.slice = slice;
        return scope_make(&start, path, ret, err);
}

static bool is_denied(int code) {
        return code == -EACCES || code == -EPERM || code == -EROFS;
}

/* Where nobody may make cgroups, a container that asks for no limit can do without. */
static int make_directory(const char *path, const CgroupLimits *limits, Cgroup **ret, Err *err) {
        const char *limit = cgroup_first_limit(limits);
        autoerr problem = {};
        int r;

        r = cgroup_adopt(path, CGROUP_ALL_CONTROLLERS | (is_ours(path) ? CGROUP_OWN_PARENT : 0),
                         limits, ret, &problem);
        if (r >= 0)
                return 0;
        if (!limit && (is_denied(r) || cgroup_layout() == CGROUP_NONE)) {
                log_debug("%s; the container stays in its maker's", problem.message);
                *ret = NULL;
                return 0;
        }
        if (limit && is_denied(r))
                return refuse(err, r, "cannot set the %s: %s", limit, problem.message);
        if (problem.hint)
                return err_hint(err, refuse(err, r, "%s", problem.message), "%s", problem.hint);
        return refuse(err, r, "%s", problem.message);
}

int place_make(const OciSpec *spec, const char *id, const char *path, const char *scope,
               Cgroup **ret, Err *err) {
        autolimits limits = {};
        autoptr(Cgroup) c = NULL;
        int r;

        r = resource_limits(spec->linux_ ? spec->linux_->resources : NULL, &limits);
        if (r < 0)
                return fail(err, r, "cannot make cgroup '%s'", path);
        r = scope ? make_in_scope(spec, id, path, scope, &limits.limits, &c, err)
                  : make_directory(path, &limits.limits, &c, err);
        if (r >= 0 && c) {
                r = give_away(spec, c, err);
                if (r < 0) {
                        c = cgroup_free(c);
                        (void) place_remove(path, scope, 0, NULL);
                }
        }
        if (r >= 0)
                *ret = take_ptr(c);
        return r;
}

/* --- later --- */

int place_update(const char *path, const char *scope, const OciResources *resources, Err *err) {
        autolimits limits = {};
        autoptr(Cgroup) c = NULL;
        int r;

        r = resource_limits(resources, &limits);
        if (r < 0)
                return fail(err, r, "cannot change limits");
        r = cgroup_open(path, &c);
        if (r == -ENOENT)
                return refuse(err, ESRCH, "the cgroup '%s' is gone", path);
        if (r < 0)
                return fail(err, r, "cannot open the cgroup '%s'", path);
        if (scope)
                r = systemd_set_limits(scope, &limits.limits, err);
        return r < 0 ? r : cgroup_update(c, &limits.limits, err);
}

int place_remove_unified(const char *path) {
        return cgroup_remove_unified(path, is_ours(path));
}

int place_remove(const char *path, const char *scope, int timeout_ms, Err *err) {
        int r;

        if (scope) {
                r = systemd_stop_scope(scope, err);
                if (r < 0)
                        return r;
        }
        /* systemd makes slices anew when it needs them. */
        r = scope || is_ours(path) ? cgroup_remove(path, timeout_ms)
                                   : cgroup_remove_leaf(path, timeout_ms);
        return r < 0 ? fail(err, r, "cannot remove the cgroup '%s'", path) : 0;
}
