/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Control groups that systemd makes
 *
 * Where systemd runs, the tree of control groups is its own, and a runtime that
 * is told so (--systemd-cgroup) asks it for a transient scope unit, delegated
 * to us, over D-Bus: the machine's manager for root, the user's manager for
 * everybody else, also for the root of a user namespace.  See
 * org.freedesktop.systemd1(5) and systemd's docs/CGROUP_DELEGATION.md.
 *
 * A scope begins with a process and ends when it is empty.
 */

#include <sys/types.h>

#include "kernel/cgroup.h"

/**
 * systemd_scope_names() - read "slice:prefix:name"
 * @cgroups_path:	the specification's; NULL or "" for the default slice
 * @id:			of the container, the name where none is said
 * @ret_slice, @ret_unit: "system.slice" and "prefix-name.scope", owned by the caller
 *
 * Return: 0; -EINVAL for a path of another form.
 */
int systemd_scope_names(const char *cgroups_path, const char *id, char **ret_slice, char **ret_unit,
                        Err *err);

/**
 * systemd_scope_path() - where the scope's control group will be
 * @ret:	"system.slice/prefix-name.scope", owned by the caller
 *
 * The user's manager is asked for its own place.
 */
int systemd_scope_path(const char *slice, const char *unit, char **ret, Err *err);

typedef struct SystemdScope {
        const char *slice, *unit, *description;
        pid_t pid;                  /* the first process in it */
        const CgroupLimits *limits; /* or NULL */
        char *const *annotations;   /* those that begin with "org.systemd.property." count */
} SystemdScope;

/* Starts it and waits for it to be there.  Return: 0; -EEXIST if there is such a unit; -ESRCH if
 * systemd does not run here; -EACCES. */
int systemd_start_scope(const SystemdScope *scope, Err *err);

/* Lets systemd know of new limits, so that it does not set the old ones again. */
int systemd_set_limits(const char *unit, const CgroupLimits *limits, Err *err);

/* Ends what is in it and waits for it to be gone; 0 also where there is none. */
int systemd_stop_scope(const char *unit, Err *err);
