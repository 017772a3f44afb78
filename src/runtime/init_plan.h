/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What is worked out before a container's first process exists
 *
 * The parent makes the plan: it checks the specification, opens everything that
 * lies outside (layers, bind sources, devices) as detached mounts and makes
 * those file systems that only it may mount.  The first process inherits the
 * plan by fork, descriptors included, so nothing is sent to it; the parent then
 * maps the owners of the very same mounts (mount_idmap()), which the process
 * sees at once, and closes its copies.
 */

#include "kernel/idmap.h"
#include "kernel/ns.h"
#include "runtime/mount_option.h"
#include "runtime/runtime.h"

typedef struct InitMount {
        const OciMount *mount;
        char *place; /* its destination: absolute, without "." and ".." and double slashes */
        MountOptions options; /* of a bind mount with a propagation always */
        int tree;             /* made outside, or -EBADF: made inside */
        char *source;         /* of a bind mount that init is to open; or NULL */
        char *link;           /* the text of a link that is to be made instead, or NULL */
        const char *label;    /* SELinux: for its root, where no option says it; borrowed */
        bool directory;       /* what it is to be attached to */
} InitMount;

/* A device that is to be there. */
typedef struct DeviceNode {
        char *path;   /* absolute and clean */
        mode_t mode;  /* with its kind */
        dev_t number; /* 0 for a fifo */
        uid_t uid;    /* in the container */
        gid_t gid;
        bool in_tmpfs; /* made by the parent in the tmpfs for /dev; else by init in the root */
        int tree;      /* the machine's, to be bound where none can be made; or -EBADF */
} DeviceNode;

/* What is at /dev (devices.c). */
typedef enum DevKind {
        DEV_ROOT,  /* a directory of the root or a file system that is no tmpfs */
        DEV_TMPFS, /* made here, with the devices */
        DEV_HOST,  /* bound: left alone */
} DevKind;

typedef struct InitPlan {
        const OciSpec *spec;
        const RuntimeOptions *options;

        int new_namespaces;   /* CLONE_NEW* the container gets for itself */
        int joins[NS_KINDS];  /* opened `path` namespaces in ns_kinds' order, else -EBADF */
        int joined;           /* their CLONE_NEW* */
        IdRange *uids, *gids; /* of its user namespace; those of a joined one once they are known */
        size_t n_uids, n_gids;

        InitMount *mounts; /* as many as in the spec */
        int *lowers;       /* detached clones of the layers */
        size_t n_lowers;
        int storage;     /* clone of what holds upper and work; or of root.path; or the overlay */
        bool is_private; /* storage has no peers among the host's mounts already */
        const char *upper, *work; /* names in storage; NULL: storage (or the only layer) is root */
        int devices;              /* a new tmpfs with the devices, for /dev; or -EBADF */
        DevKind dev;
        DeviceNode *nodes;
        size_t n_nodes, n_inside; /* n_inside: those not in the tmpfs */
        bool unprivileged;        /* an ordinary user's: what takes rights outside is left to init,
                                     which has them in its own user namespace */
        bool confined; /* its maker has no rights over the machine, and so none over the files in
                          /proc of a process that is protected: it protects itself when it is mapped
                        */
        bool hooks_outside;  /* prestart or createRuntime */
        bool hooks_see_root; /* they or createContainer: the root is to be found at its path */
        int null;            /* the host's, where streams are not given; or -EBADF */
        int proc;            /* the host's /proc, or -EBADF: see attributes_need_proc() */
        bool keep_groups;    /* of the caller, instead of the specification's */

        const SeccompFilter *seccomp; /* or NULL: none */
        SeccompFilter *own_seccomp;   /* that, if it is the plan's */
} InitPlan;

int init_plan_make(const OciSpec *spec, const RuntimeOptions *options, InitPlan **ret, Err *err);
InitPlan *init_plan_free(InitPlan *plan);
DEFINE_AUTOPTR(InitPlan, init_plan_free)

/* Opens the source of a bind mount. */
int plan_open_source(const InitMount *m, const char *source, Err *err);
/* The part of it in plan_mounts.c. */
int plan_mounts_make(InitPlan *plan, Err *err);
void plan_mounts_free(InitPlan *plan);
/* @userns: the container's, or negative: then all that are mapped have ids of their own. */
int plan_mounts_idmap(InitPlan *plan, int userns, Err *err);
/* Maps one tree, and says for the user why that cannot be. */
int plan_map_tree(int tree, const MountAttr *attr, int userns, const char *path, Err *err);

/*
 * Makes what shows a namespace that the container does not own: whoever has no
 * rights over, say, the host's network cannot mount its sysfs.  Runs in a
 * process that is in the joined namespaces but still in the caller's user
 * namespace.
 */
int init_plan_mount_outside(InitPlan *plan, Err *err);

/* Maps the owners of everything that is the container's own. */
int init_plan_idmap(InitPlan *plan, int userns, Err *err);

/* Whether the container has a user namespace that is not the caller's. */
bool init_plan_has_userns(const InitPlan *plan);
/* CLONE_NEW* that must be made by the process itself: cgroup, and with a user namespace IPC. */
int init_plan_late_namespaces(const InitPlan *plan);
/* CLONE_NEW* of which the container is not the owner: left to the host, or joined from outside. */
bool init_plan_is_foreign(const InitPlan *plan, int namespace_flag);

/* Attaches the specification's device rules to the cgroup, the standard devices being allowed. */
int devices_filter(const InitPlan *plan, Err *err);
/*
 * Plans the devices, given what is mounted at /dev or NULL, and opens those of the machine that are
 * to be bound.  A tmpfs is made with its nodes, as the mount's tree.
 */
int devices_make(InitPlan *plan, InitMount *mount, Err *err);
void devices_free(InitPlan *plan);
/* For a tmpfs that cannot be idmapped (before Linux 6.3): owners by the map instead. */
int devices_give(const InitPlan *plan);
/* Binds those devices that could not be made, once /dev is attached; runs in init. */
int devices_bind(const InitPlan *plan, Err *err);
/* Makes those that are not in a tmpfs, and the links beside them; runs in init. */
int devices_make_inside(const InitPlan *plan, int root, Err *err);

/* Makes "a//b/./../c/" "/a/c": relative to "/", where ".." stops.  Owned by the caller; NULL
 * without memory. */
char *init_plan_clean_path(const char *path);
