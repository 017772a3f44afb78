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
 * Where there is no version 2 at all, every hierarchy is joined: that costs one
 * such wait in any case, and what a container uses is counted then.
 *
 * A place is named by its path below the hierarchies' root, the same in each of
 * them: "isola/<id>", "/system.slice/x.scope".  That path is all that has to be
 * remembered; later commands open the place again with cgroup_open().
 *
 *         r = cgroup_adopt("/pods/a", CGROUP_ALL_CONTROLLERS, &limits, &cgroup, err);
 *         … clone3() into cgroup_fd(), then cgroup_join() if cgroup_needs_join() …
 *         r = cgroup_open("/pods/a", &cgroup);
 *         r = cgroup_freeze(cgroup, true, 10000);
 *         r = cgroup_remove_leaf("/pods/a", 10000);
 *
 * A limit that cannot be set is an error that names the limit, the value and the
 * file; ENOENT, which callers of a runtime take for a missing program, is never
 * one of its codes.  See cgroups(7) and the kernel's admin-guide/cgroup-v2.rst
 * and cgroup-v1/.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/auto.h"
#include "base/err.h"

/* One block device's weight; 0: not said. */
typedef struct CgroupIoWeight {
        int64_t major, minor;
        unsigned weight, leaf_weight; /* 10 to 1000 */
} CgroupIoWeight;

typedef enum CgroupIoKind {
        CGROUP_READ_BPS,
        CGROUP_WRITE_BPS,
        CGROUP_READ_IOPS,
        CGROUP_WRITE_IOPS,
} CgroupIoKind;

typedef struct CgroupIoLimit {
        CgroupIoKind kind;
        int64_t major, minor;
        uint64_t rate; /* each second; 0: none */
} CgroupIoLimit;

typedef struct CgroupHugepages {
        const char *size; /* "2MB" */
        uint64_t limit;   /* bytes */
} CgroupHugepages;

typedef struct CgroupPriority {
        const char *interface;
        uint32_t priority;
} CgroupPriority;

typedef struct CgroupRdma {
        const char *device;
        bool has_handles, has_objects;
        uint32_t handles, objects;
} CgroupRdma;

/*
 * What a place may use.  All that is pointed to is borrowed.  0 and NULL mean "not asked for" but
 * where a has_ member says so; -1 is "unlimited" where that makes sense.
 */
typedef struct CgroupLimits {
        int64_t memory;        /* bytes */
        int64_t memory_swap;   /* bytes of memory and swap together, as the OCI counts */
        bool memory_swap_wish; /* our default, not the user's: no error where swap is not counted */
        int64_t memory_reservation;
        int64_t memory_kernel, memory_kernel_tcp; /* version 1 only */
        bool has_memory_swappiness;
        uint64_t memory_swappiness; /* 0 to 100; version 1 only */
        bool memory_no_oom_killer;  /* wait for memory instead; version 1 only */
        bool memory_use_hierarchy;  /* what every kernel since 5.11 does anyway */
        bool memory_check;          /* refuse a limit below what is in use, instead of killing */

        uint64_t cpu_shares; /* 2 to 262144, 1024 is normal */
        int64_t cpu_quota;   /* microseconds for each period */
        uint64_t cpu_period; /* microseconds */
        bool has_cpu_burst, has_cpu_idle;
        uint64_t cpu_burst; /* microseconds saved up at most */
        int64_t cpu_idle;   /* 1: SCHED_IDLE, which leaves shares without meaning; 0: normal */
        int64_t cpu_realtime_runtime; /* microseconds for each period; version 1 only */
        uint64_t cpu_realtime_period;
        const char *cpuset_cpus, *cpuset_mems; /* "0-2,4" */

        bool has_pids;
        int64_t pids; /* 0: those that are there may stay, none may be added */

        unsigned io_weight, io_leaf_weight; /* 10 to 1000; leaves on version 1 only */
        const CgroupIoWeight *io_weights;
        size_t n_io_weights;
        const CgroupIoLimit *io_limits;
        size_t n_io_limits;

        const CgroupHugepages *hugepages;
        size_t n_hugepages;

        bool has_class_id;
        uint32_t class_id;                /* net_cls, version 1 only */
        const CgroupPriority *priorities; /* net_prio, version 1 only */
        size_t n_priorities;

        const CgroupRdma *rdma;
        size_t n_rdma;

        char *const *unified; /* version 2 files, "memory.high=1000000"; more lines, more writes */
} CgroupLimits;

/* cpu.weight (1 to 10000) for cpu.shares (2 to 262144) so that 1024 becomes 100. */
unsigned cgroup_weight(uint64_t shares);
/* The first limit that is asked for, in words ("memory limit"); NULL if there is none; borrowed. */
const char *cgroup_first_limit(const CgroupLimits *limits);

typedef struct Cgroup Cgroup;

/* How the machine's hierarchies are mounted. */
typedef enum CgroupLayout {
        CGROUP_NONE,    /* none that can be used */
        CGROUP_LEGACY,  /* v1 only: no v2 directory, kill and freeze by other means */
        CGROUP_HYBRID,  /* v1 controllers and a v2 hierarchy beside them */
        CGROUP_UNIFIED, /* v2 only */
} CgroupLayout;
CgroupLayout cgroup_layout(void);
/* Whether it certainly is CGROUP_UNIFIED: one system call where cgroup_layout() takes up to ten. */
bool cgroup_is_unified(void);

/* False if we may not make a place at the top of the hierarchies. */
bool cgroup_root_is_writable(void);

/**
 * cgroup_clean_path() - bring a path into the form that names a place
 * @path:	such as "/a//b/../c" or "a/c"; ".." cannot lead above the root
 * @ret:	"a/c", owned by the caller
 *
 * Return: 0; -EINVAL for the root itself; -ENOMEM.
 */
int cgroup_clean_path(const char *path, char **ret);

/* The name of our own version 2 cgroup, "" for the root; owned by the caller.  -EOPNOTSUPP without
 * version 2. */
int cgroup_own_path(char **ret);

/*
 * The name of a place beside our own version 2 cgroup: in our own there are processes, so that it
 * could not pass controllers on (cgroup-v2.rst, "no internal process constraint").  @ret: owned by
 * the caller.  -EOPNOTSUPP without version 2.
 */
int cgroup_beside_us(const char *name, char **ret);
/* Whether the directory above our own version 2 cgroup is ours to divide, and not a service
 * manager's, which divides its slices itself. */
bool cgroup_above_is_ours(void);

/**
 * cgroup_create() - make a place of our own and set its limits
 * @name:	such as "isola/<id>"; parents are made, controllers enabled on the way
 * @limits:	may be NULL
 *
 * Return: 0; -EEXIST if it is there already; -EACCES, -EPERM or -EROFS if no place can be made
 * here; -EOPNOTSUPP with a sentence that names the limit and what is missing.  Nothing is left
 * behind on failure.
 */
int cgroup_create(const char *name, const CgroupLimits *limits, Cgroup **ret, Err *err);

enum {
        CGROUP_ALL_CONTROLLERS =
                1,             /* v2: enable cpu, io, memory and pids, so that all is counted */
        CGROUP_NAMED = 2,      /* v1: also join the service manager's "name=systemd" */
        CGROUP_INHABITED = 4,  /* the process in there is known, see cgroup_set_keeper() */
        CGROUP_OWN_PARENT = 8, /* nobody has set limits above: no v1 hierarchy for their sake */
};

/**
 * cgroup_adopt() - make a place that somebody else has named, or take the one that is there
 * @path:	such as the specification's "cgroupsPath"; parents are made
 * @flags:	as above
 *
 * A place that holds a process or is frozen is refused (-EBUSY), as runc does: two containers in
 * one place would be limited, paused and killed together.  Every v1 hierarchy in which the place
 * or its parent is there already is joined, since its limits are meant for this one, too.
 *
 * Return: as cgroup_create(); what was there before is there afterwards, also on failure.
 */
int cgroup_adopt(const char *path, int flags, const CgroupLimits *limits, Cgroup **ret, Err *err);

/*
 * Opens a place that many share, such as "isola/monitors", or makes it.  The last one
 * of them removes it with cgroup_remove(): a clone3() into it may then say ENODEV, and
 * the caller asks again.
 */
int cgroup_share(const char *name, Cgroup **ret, Err *err);

/* Finds an existing place; -ENOENT only if there is none in any hierarchy. */
int cgroup_open(const char *name, Cgroup **ret);

/**
 * cgroup_set_keeper() - have a process hold the place open until the container is in
 * @pidfd:	of a child of the caller, which takes it over
 *
 * A service manager's scope ends when it is empty, so a process waits in there for the first one.
 * cgroup_join() and cgroup_free() end it and take its status.
 */
void cgroup_set_keeper(Cgroup *c, int pidfd);

/* Names of the places below one, in whatever hierarchies they are; *ret owned by the caller, NULL
 * where there are none. */
int cgroup_children(const char *name, char ***ret);

/* Frees the handle only; the place stays. */
Cgroup *cgroup_free(Cgroup *c);
DEFINE_AUTOPTR(Cgroup, cgroup_free)

/* The path that names it, without a leading slash; borrowed. */
const char *cgroup_path(const Cgroup *c);

/* The v2 directory; borrowed; -EBADF on a legacy machine. */
int cgroup_fd(const Cgroup *c);
/* The same for CLONE_INTO_CGROUP; -EBADF also where processes are put by somebody else, see
 * cgroup_set_mover(). */
int cgroup_birth_fd(const Cgroup *c);

/* The directory of version 1's devices controller; borrowed; -EBADF where it is not joined. */
int cgroup_devices_fd(const Cgroup *c);

/* True if a process must also be moved with cgroup_join(): v1 limits, or no v2, or a limit on
 * processes under which none could have been cloned, or a keeper. */
bool cgroup_needs_join(const Cgroup *c);
/* Whether no hierarchy of version 1 has it, as far as @c has found or made; cgroup_update() may
 * make it there. */
bool cgroup_is_in_v2_alone(const Cgroup *c);
/* Moves a process into every hierarchy of this place that clone3() did not put it in. */
int cgroup_join(const Cgroup *c, pid_t pid, Err *err);
/* cgroup_join() for a process that was born elsewhere: also into version 2's. */
int cgroup_move(const Cgroup *c, pid_t pid, Err *err);

/**
 * cgroup_is_within_reach() - whether we may put processes of ours into the place
 *
 * Having it is not enough: the kernel also wants the nearest place that is above both it and ours
 * to be ours (cgroup-v2.rst, "Delegation Containment").  So somebody who has logged in cannot put a
 * process into a place of the user's own service manager, though it is his.
 */
bool cgroup_is_within_reach(const Cgroup *c);

/**
 * cgroup_set_mover() - have somebody else put processes into the version 2 directory
 * @move:	puts @pid into the place @path, or explains why not
 *
 * For a place that is out of reach: cgroup_join() calls it.
 */
typedef int (*CgroupMover)(const char *path, pid_t pid, Err *err);
void cgroup_set_mover(Cgroup *c, CgroupMover move);

/**
 * cgroup_follow() - have further processes born where one of the place's is
 * @pid:	the container's first process
 *
 * A service manager in the container moves itself into a group of its own and passes controllers on
 * to it; after that no process can be in the place itself (cgroup-v2.rst, "no internal process
 * constraint").  Without that nothing changes.
 */
int cgroup_follow(Cgroup *c, pid_t pid);

/* Sets those limits that are asked for; a v1 hierarchy that becomes necessary is joined.  What was
 * set before one that fails stays set. */
int cgroup_update(Cgroup *c, const CgroupLimits *limits, Err *err);

/*
 * Gives the v2 directory to the owner of a container's root, so that a service manager in there can
 * make groups of its own: the directory and the files of /sys/kernel/cgroup/delegate, no others
 * (runtime-spec config-linux.md, "Cgroup ownership").  0 where there is no v2.
 */
int cgroup_delegate(const Cgroup *c, uid_t uid, gid_t gid);

/* Kills every process in it (cgroup.kill, else by signal until empty). */
int cgroup_kill(const Cgroup *c, int signal);
/* Freezes or thaws and waits for it to be so, at most timeout_ms; -ETIMEDOUT, and then it is
 * thawed. */
int cgroup_freeze(const Cgroup *c, bool frozen, int timeout_ms);
/* 1 if frozen, 0 if not, negative errno. */
int cgroup_is_frozen(const Cgroup *c);
/* Same by name, with one file opened instead of a dozen: for lists of many. */
int cgroup_name_is_frozen(const char *name);
/* 1 if any process is in it or below, 0 if none, negative errno. */
int cgroup_is_populated(const Cgroup *c);
/* Process ids in it and below; owned by the caller; only for v2 and where cgroup_needs_join().
 * -ELOOP if a container has nested cgroups deeper than it is looked (128). */
int cgroup_pids(const Cgroup *c, pid_t **ret, size_t *ret_n);

/*
 * Removes the place from every hierarchy, waiting (bounded) for the last process
 * to be gone, and its parent directory when it is the last child.  0 also when
 * there is none; -EBUSY after the time.
 */
int cgroup_remove(const char *name, int timeout_ms);
/* The same for a place from cgroup_adopt(): what is above it stays, even if it is empty. */
int cgroup_remove_leaf(const char *name, int timeout_ms);
/* Removes an empty one for which cgroup_is_in_v2_alone(); with @parents those that are empty, too.
 * Any error, -EBUSY and -ENOENT among them, means that another of these functions is to do it. */
int cgroup_remove_unified(const char *name, bool parents);
