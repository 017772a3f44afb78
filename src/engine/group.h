/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Where a container is in the control groups
 *
 * "isola/<id>" below the hierarchies' root.  Who may not make that, an ordinary user or
 * somebody in a container, gets a place beside his own, if what is above is his to divide; under
 * systemd the monitor sees to that (user_scope.h).  Where it is not, there is none: then limits
 * are refused by name, and nothing can be paused.  What it became is part of the container's
 * state.
 */

#include "engine/container.h"
#include "kernel/cgroup.h"

/**
 * container_cgroup_make() - make the place of a run that begins now
 * @c:		its state gets the name
 * @ret:	NULL if there can be none and no limit wants it
 *
 * One that an earlier run has left is replaced.
 *
 * Return: as cgroup_create().
 */
int container_cgroup_make(Container *c, const CgroupLimits *limits, Cgroup **ret, Err *err);

/* Opens it; 0 with NULL if the container has none by design; -ENOENT if it is gone. */
int container_cgroup_open(const Container *c, Cgroup **ret);

/* Its name, owned by the caller; "" if it has none by design; NULL without memory. */
char *container_cgroup_name(const Container *c);

/* cgroup_remove() of that name. */
int container_cgroup_remove(const char *name, int timeout_ms);

/* Takes this process, the container's monitor, out of its session's control group, where a service
 * manager offers that. */
void monitor_cgroup_enter(const Container *c);
