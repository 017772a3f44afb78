/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Control groups
 *
 * A Cgroup is one container's place in the machine's hierarchies.  Version 2 is
 * the design: there is always a directory in the cgroup2 hierarchy (the one
 * mounted at /sys/fs/cgroup, or at /sys/fs/cgroup/unified on a hybrid machine),
 * into which the first process is cloned (CLONE_INTO_CGROUP, 0.1 ms), and which
 * gives kill, freeze and the "populated" event even where it has no controllers.
 * On version 1 and hybrid machines a limit whose controller lives in a v1
 * hierarchy gets a directory there too; joining it costs a write (10 ms on an
 * idle machine, an RCU grace period), so it happens only where a limit asks.
 *
 * A limit that cannot be set is an error.  See cgroups(7) and the kernel's
 * admin-guide/cgroup-v2.rst and cgroup-v1/.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/auto.h"
#include "base/err.h"

/* 0 (NULL) means "not asked for" everywhere, -1 "unlimited" where it makes sense. */
typedef struct CgroupLimits {
        int64_t memory;      /* bytes */
        int64_t memory_swap; /* bytes of memory and swap together, as Docker counts; where it is not
                                said, as much swap again as memory, if the kernel counts swap */
        int64_t memory_reservation;
        uint64_t cpu_shares;                   /* 2 to 262144, 1024 is normal */
        int64_t cpu_quota;                     /* microseconds for each period */
        uint64_t cpu_period;                   /* microseconds */
        const char *cpuset_cpus, *cpuset_mems; /* "0-2,4" */
        int64_t pids;
} CgroupLimits;

typedef struct CgroupStats {
        uint64_t memory_bytes, memory_limit; /* limit: UINT64_MAX if there is none */
        uint64_t cpu_ns;
        uint64_t pids, pids_limit;
        uint64_t oom_kills;
} CgroupStats;

typedef struct Cgroup Cgroup;

/* How the machine's hierarchies are mounted. */
typedef enum CgroupLayout {
        CGROUP_NONE,    /* none that can be used */
        CGROUP_LEGACY,  /* v1 only: no v2 directory, kill and freeze by other means */
        CGROUP_HYBRID,  /* v1 controllers and a v2 hierarchy beside them */
        CGROUP_UNIFIED, /* v2 only */
} CgroupLayout;
CgroupLayout cgroup_layout(void);

/**
 * cgroup_create() - make a place and set its limits
 * @name:	below the hierarchies' root, such as "isola/<id>"; parents are made,
 *		controllers enabled on the way
 * @limits:	may be NULL
 *
 * Return: 0; -EEXIST if it is there already; -EOPNOTSUPP with a sentence that
 * names the limit and what is missing.  Nothing is left behind on failure.
 */
int cgroup_create(const char *name, const CgroupLimits *limits, Cgroup **ret, Err *err);

/*
 * Opens a place that many share, such as "isola/monitors", or makes it.  The last one
 * of them removes it with cgroup_remove(): a clone3() into it may then say ENODEV, and
 * the caller asks again.
 */
int cgroup_share(const char *name, Cgroup **ret, Err *err);

/* Finds an existing place; -ENOENT. */
int cgroup_open(const char *name, Cgroup **ret);

/* Frees the handle only; the place stays. */
Cgroup *cgroup_free(Cgroup *c);
DEFINE_AUTOPTR(Cgroup, cgroup_free)

/* The v2 directory, for CLONE_INTO_CGROUP; borrowed; -EBADF on a legacy machine. */
int cgroup_fd(const Cgroup *c);

/* True if a process must also be moved with cgroup_join(): v1 limits, or no v2. */
bool cgroup_needs_join(const Cgroup *c);
/* Moves a process into every hierarchy of this place that clone3() did not put it in. */
int cgroup_join(const Cgroup *c, pid_t pid, Err *err);

/* Sets those limits that are asked for; a v1 hierarchy that becomes necessary is joined. */
int cgroup_update(Cgroup *c, const CgroupLimits *limits, Err *err);
/* Kills every process in it (cgroup.kill, else by signal until empty). */
int cgroup_kill(const Cgroup *c, int signal);
/* Freezes or thaws and waits for it to be so, at most timeout_ms; -ETIMEDOUT. */
int cgroup_freeze(const Cgroup *c, bool frozen, int timeout_ms);
/* 1 if frozen, 0 if not, negative errno. */
int cgroup_is_frozen(const Cgroup *c);
/* Same by name, with one file opened instead of a dozen: for lists of many. */
int cgroup_name_is_frozen(const char *name);
/* 1 if any process is in it, 0 if none, negative errno. */
int cgroup_is_populated(const Cgroup *c);
int cgroup_stats(const Cgroup *c, CgroupStats *ret);
/* Process ids in it; owned by the caller; only for v2 and where cgroup_needs_join(). */
int cgroup_pids(const Cgroup *c, pid_t **ret, size_t *ret_n);

/*
 * Removes the place from every hierarchy, waiting (bounded) for the last process
 * to be gone, and its parent directory when it is the last child.  0 also when
 * there is none.
 */
int cgroup_remove(const char *name, int timeout_ms);
