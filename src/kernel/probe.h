/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What this kernel offers, found by trying
 *
 * A feature is there if using it works: version numbers lie on machines with
 * backports, and a sandbox around isola may forbid what the kernel could.  Each
 * trial runs in a process of its own and leaves nothing behind.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"

#define PROBE_DETAIL_MAX 96

/* What trials may use; @data: a directory on the file system that layers are to be on. */
typedef struct ProbePlace {
        int data;
} ProbePlace;

/* Tries a feature: 0 if it is there, negative errno if not; @detail may say more in few words. */
typedef int (*ProbeTrial)(const ProbePlace *place, char detail[PROBE_DETAIL_MAX]);

typedef struct ProbeFeature {
        const char *group, *name;
        bool essential;
        const char *without; /* what isola does when it is not there */
        ProbeTrial trial;
        const char *remedy; /* how to get it; NULL: nothing to advise */
} ProbeFeature;

typedef struct ProbeResult {
        const ProbeFeature *feature;
        int answer; /* 0 there, negative errno why not */
        char detail[PROBE_DETAIL_MAX];
} ProbeResult;

/* Namespaces, mounts, processes, control groups, security. */
const ProbeFeature *probe_kernel_features(size_t *ret_n);

/* Tries one feature in a child; a trial that dies counts as -EIO, one that hangs for a minute as
 * -ETIMEDOUT. */
void probe_run(const ProbeFeature *feature, const ProbePlace *place, ProbeResult *ret);
