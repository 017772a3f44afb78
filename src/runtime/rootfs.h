/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the container's first process does to its mount namespace; see rootfs.c. */

#include "runtime/cgroup_view.h"
#include "runtime/init_plan.h"
#include "runtime/spent.h"

typedef struct Rootfs {
        int place;  /* what the root covers; -EBADF: "/" */
        int root;   /* the container's "/" */
        int proc;   /* its proc, as mounted: never looked up by path; or -EBADF */
        int devpts; /* likewise */
        int *late;  /* mounts that become read-only at the end */
        size_t n_late;
        bool has_devices; /* the plan's tmpfs is at /dev, where nothing covers it any more */
        Spent spent;
        CgroupView cgroups;
} Rootfs;

/*
 * Opens what the root covers where hooks look for it there.  In the new mount namespace, and before
 * the process loses its rights outside.
 */
int rootfs_open_place(const InitPlan *plan, Rootfs *rootfs, Err *err);
/* Makes the root and all mounts but those that wait for the cgroup. */
int rootfs_make(const InitPlan *plan, Rootfs *rootfs, Err *err);
/* Looks where the process is, which must be its final place, before it makes a cgroup namespace. */
int rootfs_see_cgroup(const InitPlan *plan, Rootfs *rootfs, Err *err);
/* Mounts what shows the cgroup. */
int rootfs_mount_cgroup(const InitPlan *plan, Rootfs *rootfs, Err *err);
/* Sysctls, masked and read-only paths. */
int rootfs_protect(const InitPlan *plan, Rootfs *rootfs, Err *err);
/* Makes it "/" and drops the host's tree. */
int rootfs_enter(const InitPlan *plan, Rootfs *rootfs, Err *err);
/* Opens what is at /dev/pts, for pty_open(): the container's own, or that of a /dev which is bound.
 */
int rootfs_open_devpts(const Rootfs *rootfs, Err *err);
/* Puts a terminal's slave at /dev/console. */
int rootfs_place_console(const Rootfs *rootfs, int slave, Err *err);
