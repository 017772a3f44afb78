/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a container sees of its control groups
 *
 * A mount of type "cgroup" shows what the machine has, as runc does: version 2
 * where that is all there is; else a tmpfs with a directory for each hierarchy in
 * which the process has a place of its own, version 2 beside version 1 included
 * where it is mounted.  A hierarchy in which it is where its maker is, or at the
 * root, is left out: it would show the machine's own settings, and in a container
 * without a user namespace let it change them.  A mount of type "cgroup2" shows
 * version 2.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "kernel/mount.h"

/* A hierarchy in which the process has a place. */
typedef struct CgroupHierarchy {
        char *name;    /* of its directory: "cpu,cpuacct" */
        bool unified;  /* version 2 */
        char *options; /* what it is mounted with: "cpu,cpuacct", "name=systemd" */
        char *place;   /* the process's directory there: an absolute path outside */
} CgroupHierarchy;

typedef struct CgroupView {
        CgroupHierarchy *hierarchies;
        size_t n_hierarchies, n_legacy; /* n_legacy: those of version 1 */
        bool own; /* the process has a cgroup namespace of its own by the time of the mount */
} CgroupView;

/*
 * Looks where the calling process is in places called @own (cgroup_path()); before it makes a
 * cgroup namespace, in which it would seem to be at every root.
 */
int cgroup_view_read(const char *own, CgroupView *ret, Err *err);
void cgroup_view_clear(CgroupView *view);

/* Fills the tmpfs @mount, which is attached already; @attr for each mount in it. */
int cgroup_view_fill(const CgroupView *view, int mount, const MountAttr *attr, Err *err);
