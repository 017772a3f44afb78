/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Between cgroup.c (places), cgroup_limits.c (numbers), cgroup_v1.c and cgroup_v2.c
 *
 * A limit is turned into settings first, by pure functions: which file of which
 * controller gets which text.  Placing the files is the same for both versions
 * then; what differs is how a controller's directory comes to be.
 */

#include "kernel/cgroup.h"

/* What limits need, and the freezer, which stands for "all processes" on legacy machines. */
typedef enum CgroupController {
        CGROUP_MEMORY,
        CGROUP_CPU,
        CGROUP_CPUSET,
        CGROUP_PIDS,
        CGROUP_FREEZER,
        CGROUP_N_CONTROLLERS,
} CgroupController;
const char *cgroup_controller_name(CgroupController controller);

struct Cgroup {
        char *name;                   /* below the root of every hierarchy */
        int root;                     /* of the v2 hierarchy, or -EBADF */
        int v2;                       /* its directory there, or -EBADF */
        int v1[CGROUP_N_CONTROLLERS]; /* its directories, or -EBADF */
};

typedef struct CgroupSetting {
        CgroupController controller;
        const char *limit; /* in words */
        const char *file;
        const char *text; /* what to write, or NULL for .number */
        char number[48];
        bool wish; /* our default, not the user's: what the kernel lacks is skipped */
} CgroupSetting;
#define CGROUP_SETTINGS_MAX 12

/* Fill @settings in the order in which they are to be written; return their count. */
size_t cgroup_v1_settings(const CgroupLimits *limits, CgroupSetting *settings);
size_t cgroup_v2_settings(const CgroupLimits *limits, CgroupSetting *settings);

/* cpu.weight (1 to 10000) for cpu.shares (2 to 262144) so that 1024 becomes 100. */
unsigned cgroup_weight(uint64_t shares);

/* Opens the root of the v2 hierarchy; -ENOENT if there is none. */
int cgroup_v2_root(void);
/* Opens the root of a controller's v1 hierarchy; -ENOENT if there is none. */
int cgroup_v1_root(CgroupController controller);

/* mkdir -p, safe against cgroup_remove() of a neighbour taking an empty parent away.  -EEXIST. */
int cgroup_make_directory(int root, const char *name);
/* rmdir, children first, waiting for processes to be gone; parents that are empty go too. */
int cgroup_remove_directory(int root, const char *name, int timeout_ms);

/* Makes the place in one v1 hierarchy and opens it; 1 if it was there. */
int cgroup_v1_make(Cgroup *c, CgroupController controller);
int cgroup_v1_apply(Cgroup *c, CgroupSetting *settings, size_t n, Err *err);
int cgroup_v1_freeze(const Cgroup *c, bool frozen, int timeout_ms);
int cgroup_v1_is_frozen(const Cgroup *c);

int cgroup_v2_apply(Cgroup *c, const CgroupSetting *setting, Err *err);
/* Reads "key N" out of cgroup.events and the like; -ENOENT if there is no such key. */
int cgroup_read_key(int dir, const char *file, const char *key, uint64_t *ret);
/* Waits until cgroup.events says so; -ETIMEDOUT. */
int cgroup_v2_wait(int dir, const char *key, uint64_t wanted, int timeout_ms);
