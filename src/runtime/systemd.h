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
 * A scope begins with a process and ends when it is empty, or when systemd is told to end it, as it
 * does with all of a user's when he has left: then what is in it gets SIGTERM and, later, SIGKILL.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "kernel/cgroup.h"

/* Whether we are an ordinary user whose service manager can be asked for control groups; not where
 * those are of version 1, of which users get none. */
bool systemd_user_is_there(void);

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
        int stop_signal;            /* when systemd ends it; 0: SIGTERM */
        int64_t stop_ms;            /* from then to SIGKILL; 0: systemd's default */
        bool ends_with_manager;     /* in order, before the manager does; else with it */
} SystemdScope;

/* Starts it and waits for it to be there.  Return: 0; -EEXIST if there is such a unit; -ESRCH if
 * systemd does not run here; -EACCES. */
int systemd_start_scope(const SystemdScope *scope, Err *err);

/**
 * systemd_attach() - have systemd put a process into a unit that is delegated to us
 * @below:	"", or where below the unit's own control group
 *
 * For who may not do it himself, see cgroup_is_within_reach().  It must be a process of the user's.
 */
int systemd_attach(const char *unit, const char *below, pid_t pid, Err *err);

/* Lets systemd know of new limits, so that it does not set the old ones again. */
int systemd_set_limits(const char *unit, const CgroupLimits *limits, Err *err);

/* Ends what is in it and waits for it to be gone; 0 also where there is none. */
int systemd_stop_scope(const char *unit, Err *err);
