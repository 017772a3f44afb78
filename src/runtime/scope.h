/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Places that are scopes of systemd's
 *
 * systemd.h speaks to systemd; here is what that means for a Cgroup.  A scope
 * begins with a process, so one of ours waits in there until the container's
 * own is in (cgroup_set_keeper()).  What a user's manager has made may be out of
 * the reach of somebody who has logged in (cgroup_is_within_reach()); then
 * processes are put there by the manager, too.
 */

#include "runtime/systemd.h"

/**
 * scope_make() - have systemd make a place, and set its limits
 * @scope:	.pid is set here
 * @path:	of its control group, from systemd_scope_path()
 *
 * Return: as systemd_start_scope() and cgroup_adopt(), with nothing left behind.
 */
int scope_make(const SystemdScope *scope, const char *path, Cgroup **ret, Err *err);

/* For a place that was opened by its path: if it is in a scope and out of reach, processes will be
 * put there by systemd. */
void scope_reach(Cgroup *cgroup);

/* The scope that a path is in, owned by the caller; NULL if it is in none.
 * @ret_below: NULL, or where what follows it goes, "" if nothing does; lies in @path */
char *scope_of(const char *path, const char **ret_below);
