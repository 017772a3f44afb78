/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * linux.resources of a specification as limits of a cgroup
 *
 *         autolimits limits = {};
 *         r = resource_limits(spec->linux_->resources, &limits);
 *         r = cgroup_adopt(path, CGROUP_ALL_CONTROLLERS, &limits.limits, &cgroup, err);
 *
 * Devices are no limit of this kind: see devices_filter().
 */

#include "kernel/cgroup.h"
#include "oci/spec.h"

typedef struct ResourceLimits {
        CgroupLimits limits; /* its strings are the specification's, its lists these: */
        CgroupIoWeight *io_weights;
        CgroupIoLimit *io_limits;
        CgroupHugepages *hugepages;
        CgroupPriority *priorities;
        CgroupRdma *rdma;
} ResourceLimits;

#define autolimits __attribute__((__cleanup__(resource_limits_clear))) ResourceLimits

/* @resources: NULL for none; must outlive @ret.  Return: 0 or -ENOMEM. */
int resource_limits(const OciResources *resources, ResourceLimits *ret);
void resource_limits_clear(ResourceLimits *limits);
