/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The runtime specification's config.json as C structs: all of its Linux part
 *
 * Member names follow runtime-spec 1.3 (https://github.com/opencontainers/runtime-spec),
 * `container_id` for "containerID".  A string, list or section that is not said is
 * NULL.  A number whose 0 means something has a companion: has_limit says whether
 * limit is there.  Everything is owned by the struct; oci_spec_free() frees it.
 * Objects of other platforms are ignored like all unknown members.
 *
 * The tables that read and write it are in spec.c, spec_process.c, spec_resources.c
 * and spec_seccomp.c; whether the values make sense is oci/spec_check.h's business.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

/* ---- process (spec_process.c) ---- */

typedef struct OciUser {
        int64_t uid, gid;
        int64_t umask; /* -1 where not said */
        int64_t *additional_gids;
        size_t n_additional_gids;
        /* More groups, by name or number, to be looked up in the container; borrowed, not part of
         * config.json. */
        char *const *group_names;
} OciUser;

typedef struct OciCapabilities {
        char **bounding, **effective, **inheritable, **permitted, **ambient; /* "CAP_KILL" */
} OciCapabilities;

typedef struct OciRlimit {
        char *type; /* "RLIMIT_NOFILE" */
        uint64_t soft, hard;
} OciRlimit;

typedef struct OciScheduler {
        char *policy; /* "SCHED_FIFO" */
        int nice;
        int priority;                       /* of real-time policies */
        char **flags;                       /* "SCHED_FLAG_RESET_ON_FORK" */
        uint64_t runtime, deadline, period; /* nanoseconds, of SCHED_DEADLINE */
} OciScheduler;

typedef struct OciIoPriority {
        char *class_; /* "IOPRIO_CLASS_BE" */
        int priority; /* 0 (highest) to 7 */
} OciIoPriority;

typedef struct OciCpuAffinity {
        char *initial, *final; /* "0-3,7", before and after the process is in its cgroup */
} OciCpuAffinity;

typedef struct OciProcess {
        bool terminal;
        int console_height, console_width; /* 0 where not said */
        OciUser user;
        char **args, **env;
        char *cwd;
        OciCapabilities *capabilities;
        OciRlimit *rlimits;
        size_t n_rlimits;
        bool no_new_privileges;
        char *apparmor_profile, *selinux_label;
        int oom_score_adj;
        bool has_oom_score_adj;
        OciScheduler *scheduler;
        OciIoPriority *io_priority;
        OciCpuAffinity *exec_cpu_affinity; /* not for a container's first process */
} OciProcess;

/* ---- mounts and hooks (spec.c) ---- */

typedef struct OciIdMapping {
        int64_t container_id, host_id, size;
} OciIdMapping;

typedef struct OciMount {
        char *destination, *type, *source;
        char **options; /* as in runtime-spec "mounts", with the recursive ones, "idmap" and
                           "tmpcopyup" */
        OciIdMapping *uid_mappings, *gid_mappings;
        size_t n_uid_mappings, n_gid_mappings;
} OciMount;

typedef struct OciHook {
        char *path;
        char **args, **env; /* args[0] is the program's name for itself */
        int timeout;        /* seconds */
        bool has_timeout;
} OciHook;

typedef struct OciHooks {
        OciHook *prestart, *create_runtime, *create_container, *start_container, *poststart,
                *poststop;
        size_t n_prestart, n_create_runtime, n_create_container, n_start_container, n_poststart,
                n_poststop;
} OciHooks;

/* ---- linux.resources (spec_resources.c) ---- */

typedef struct OciDeviceRule {
        bool allow;
        char *type;           /* "a", "c", "b" */
        int64_t major, minor; /* -1: any */
        char *access;         /* "rwm" */
} OciDeviceRule;

typedef struct OciMemory {
        int64_t limit, reservation, kernel, kernel_tcp; /* bytes, -1 unlimited */
        int64_t swap;                                   /* memory and swap together */
        uint64_t swappiness;                            /* 0 to 100 */
        bool disable_oom_killer, use_hierarchy, check_before_update;
        bool has_limit, has_reservation, has_kernel, has_kernel_tcp, has_swap, has_swappiness;
        bool has_disable_oom_killer, has_use_hierarchy, has_check_before_update;
} OciMemory;

typedef struct OciCpu {
        uint64_t shares;
        int64_t quota;          /* microseconds for each period, -1 unlimited */
        uint64_t burst, period; /* microseconds */
        int64_t realtime_runtime;
        uint64_t realtime_period;
        char *cpus, *mems; /* "0-3,7" */
        int64_t idle;      /* 1: as SCHED_IDLE */
        bool has_shares, has_quota, has_burst, has_period, has_realtime_runtime,
                has_realtime_period, has_idle;
} OciCpu;

typedef struct OciPids {
        int64_t limit; /* -1 unlimited; 0 is a limit */
        bool has_limit;
} OciPids;

typedef struct OciWeightDevice {
        int64_t major, minor;
        uint32_t weight, leaf_weight;
        bool has_weight, has_leaf_weight;
} OciWeightDevice;

typedef struct OciThrottleDevice {
        int64_t major, minor;
        uint64_t rate; /* bytes or operations for each second */
} OciThrottleDevice;

typedef struct OciBlockIo {
        uint32_t weight, leaf_weight;
        bool has_weight, has_leaf_weight;
        OciWeightDevice *weight_device;
        OciThrottleDevice *throttle_read_bps_device, *throttle_write_bps_device,
                *throttle_read_iops_device, *throttle_write_iops_device;
        size_t n_weight_device, n_throttle_read_bps_device, n_throttle_write_bps_device,
                n_throttle_read_iops_device, n_throttle_write_iops_device;
} OciBlockIo;

typedef struct OciHugepageLimit {
        char *page_size; /* "2MB" */
        uint64_t limit;  /* bytes */
} OciHugepageLimit;

typedef struct OciInterfacePriority {
        char *name;
        uint32_t priority;
} OciInterfacePriority;

typedef struct OciNetworkClass { /* resources.network */
        uint32_t class_id;
        bool has_class_id;
        OciInterfacePriority *priorities;
        size_t n_priorities;
} OciNetworkClass;

typedef struct OciRdma {
        char *device;
        uint32_t hca_handles, hca_objects;
        bool has_hca_handles, has_hca_objects;
} OciRdma;

typedef struct OciResources {
        OciDeviceRule *devices; /* in this order */
        size_t n_devices;
        OciMemory *memory;
        OciCpu *cpu;
        OciPids *pids;
        OciBlockIo *block_io;
        OciHugepageLimit *hugepage_limits;
        size_t n_hugepage_limits;
        OciNetworkClass *network;
        OciRdma *rdma;
        size_t n_rdma;
        char **unified; /* "memory.high=1000000" */
} OciResources;

/* ---- linux.seccomp (spec_seccomp.c) ---- */

typedef struct OciSyscallArg {
        uint32_t index;
        uint64_t value, value_two;
        char *op; /* "SCMP_CMP_EQ" */
} OciSyscallArg;

typedef struct OciSyscall {
        char **names;
        char *action; /* "SCMP_ACT_ALLOW" */
        uint32_t errno_ret;
        bool has_errno_ret;
        OciSyscallArg *args;
        size_t n_args;
} OciSyscall;

typedef struct OciSeccomp {
        char *default_action;
        uint32_t default_errno_ret;
        bool has_default_errno_ret;
        char **architectures;                    /* "SCMP_ARCH_X86_64" */
        char **flags;                            /* "SECCOMP_FILTER_FLAG_LOG" */
        char *listener_path, *listener_metadata; /* of SCMP_ACT_NOTIFY */
        OciSyscall *syscalls;
        size_t n_syscalls;
} OciSeccomp;

/* ---- linux (spec.c) ---- */

typedef struct OciNamespace {
        char *type; /* pid network mount ipc uts user cgroup time */
        char *path; /* join this one; NULL: a new one */
} OciNamespace;

typedef struct OciDevice {
        char *path, *type; /* "c", "u", "b", "p" */
        int64_t major, minor;
        int64_t file_mode; /* -1 where not said */
        int64_t uid, gid;
} OciDevice;

typedef struct OciNetDevice {
        char *host_name; /* what it is called outside */
        char *name;      /* and inside; NULL: the same */
} OciNetDevice;

typedef struct OciTimeOffset {
        int64_t secs;
        int64_t nanosecs;
} OciTimeOffset;

typedef struct OciIntelRdt {
        char *clos_id;
        char **schemata;
        char *l3_cache_schema, *mem_bw_schema;
        bool enable_monitoring;
} OciIntelRdt;

typedef struct OciMemoryPolicy {
        char *mode;   /* "MPOL_BIND" */
        char *nodes;  /* "0-3,7" */
        char **flags; /* "MPOL_F_STATIC_NODES" */
} OciMemoryPolicy;

typedef struct OciPersonality {
        char *domain; /* "LINUX", "LINUX32" */
        char **flags;
} OciPersonality;

typedef struct OciLinux {
        OciNamespace *namespaces;
        size_t n_namespaces;
        OciIdMapping *uid_mappings, *gid_mappings;
        size_t n_uid_mappings, n_gid_mappings;
        OciTimeOffset *monotonic, *boottime; /* timeOffsets; NULL where not said */
        OciDevice *devices;                  /* besides the default ones */
        size_t n_devices;
        OciNetDevice *net_devices;
        size_t n_net_devices;
        char *cgroups_path;
        OciResources *resources;
        OciSeccomp *seccomp;
        char *rootfs_propagation;
        char **masked_paths, **readonly_paths;
        char *mount_label;
        char **sysctl; /* "net.ipv4.ip_forward=1" */
        OciIntelRdt *intel_rdt;
        OciMemoryPolicy *memory_policy;
        OciPersonality *personality;
} OciLinux;

typedef struct OciSpec {
        char *oci_version;
        OciProcess *process;
        char *root_path;
        bool root_readonly;
        char *hostname, *domainname;
        OciMount *mounts;
        size_t n_mounts;
        OciHooks *hooks;
        char **annotations; /* "key=value" */
        OciLinux *linux_;
} OciSpec;

/* For json_parse(), json_text() and their like: config.json, and the parts of it that are
 * documents of their own elsewhere (`exec --process`, `update --resources`, a profile). */
extern const JsonType oci_spec_type, oci_process_type, oci_resources_type, oci_seccomp_type;

OciSpec *oci_spec_free(OciSpec *spec);
DEFINE_AUTOPTR(OciSpec, oci_spec_free)
OciProcess *oci_process_free(OciProcess *process);
DEFINE_AUTOPTR(OciProcess, oci_process_free)
OciResources *oci_resources_free(OciResources *resources);
DEFINE_AUTOPTR(OciResources, oci_resources_free)

/* Returns the namespace of that type, or NULL if the container shares its maker's. */
const OciNamespace *oci_namespace(const OciSpec *spec, const char *type);

/* Appends a mount; the strings are copied, @options may be NULL; 0 or -ENOMEM. */
int oci_mount_add(OciSpec *spec, const char *destination, const char *type, const char *source,
                  char *const *options);
