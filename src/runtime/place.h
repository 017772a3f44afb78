/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * An OCI container's place in the control groups
 *
 * What a specification says of control groups, done: its path, its limits, who
 * owns them.  A place is named before it is made, so that its name can be
 * written down first and whoever finds it can take it away:
 *
 *         r = place_name(spec, realm, id, systemd, &path, &scope, err);
 *         ... write down path and scope ...
 *         r = place_make(spec, id, path, scope, &cgroup, err);    NULL: there is none
 *         r = runtime_spawn(spec, { .cgroup = cgroup }, &runtime, err);
 *         ... runtime_start() or runtime_hold(), which call cgroup_join() ...
 *         cgroup = cgroup_free(cgroup);
 *
 * Later commands call cgroup_open(path) for everything but these:
 *
 *         r = place_update(path, scope, resources, err);
 *         r = place_remove(path, scope, timeout_ms, err);
 */

#include "kernel/cgroup.h"
#include "oci/spec.h"

/**
 * place_name() - where the container will be
 * @realm:	what tells containers of the same id apart, such as those of another state directory
 * @systemd:	"cgroupsPath" is slice:prefix:name, a scope that systemd makes
 * @ret_path:	for cgroup_open(); owned by the caller
 * @ret_scope:	the unit's name, owned by the caller; NULL without @systemd
 *
 * An absolute path is below the hierarchies' root; so is a relative one and the default,
 * isola-oci-REALM/ID, unless we may not make a directory there: then they are beside our own
 * cgroup.
 *
 * Return: 0; -EINVAL; what systemd says.
 */
int place_name(const OciSpec *spec, const char *realm, const char *id, bool systemd,
               char **ret_path, char **ret_scope, Err *err);

/**
 * place_make() - make it and set its limits
 * @ret:	the place; NULL if no place can be made here and no limit needs one: then there is
 *		nothing to write down, and the container stays in the caller's
 *
 * The first process is to be moved in with cgroup_join(), as runtime_start() and runtime_hold() do.
 * If the container may make cgroups of its own (a cgroup namespace of its own, a cgroup file system
 * that it can write, and a user namespace), the directory belongs to its user.
 *
 * Return: 0; -EBUSY if somebody else is in there, which must be left alone then; else as
 * cgroup_adopt(), with nothing left behind.
 */
int place_make(const OciSpec *spec, const char *id, const char *path, const char *scope,
               Cgroup **ret, Err *err);

/* Changes the limits that @resources asks for. */
int place_update(const char *path, const char *scope, const OciResources *resources, Err *err);

/* Takes an empty place away, waiting for its last process; 0 also where there is none. */
int place_remove(const char *path, const char *scope, int timeout_ms, Err *err);
/* The same for one without a scope that is in version 2 alone, if it is empty and at the usual
 * mount; quiet.  On failure nothing has changed. */
int place_remove_unified(const char *path);
