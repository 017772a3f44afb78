/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The runtime specification's config.json as C structs
 *
 * Member names follow runtime-spec 1.2 (https://github.com/opencontainers/runtime-spec).
 * Everything is owned by the struct; oci_spec_free() frees it.  The tables that
 * read and write it are in spec.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

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
        int oom_score_adj;
        bool has_oom_score_adj;
} OciProcess;

typedef struct OciIdMapping {
        int64_t container_id, host_id, size;
} OciIdMapping;

typedef struct OciMount {
        char *destination, *type, *source;
        char **options; /* as in runtime-spec "mounts", with the recursive ones, "idmap" and
                           "tmpcopyup" */
} OciMount;

typedef struct OciNamespace {
        char *type; /* pid network mount ipc uts user cgroup time */
        char *path; /* join this one; NULL: a new one */
} OciNamespace;

typedef struct OciDevice {
        char *path, *type; /* "c", "b", "p" */
        int64_t major, minor;
        int file_mode; /* 0 where not said */
        int64_t uid, gid;
} OciDevice;

typedef struct OciDeviceRule {
        bool allow;
        char *type;           /* "a", "c", "b" */
        int64_t major, minor; /* -1: any */
        char *access;         /* "rwm" */
} OciDeviceRule;

typedef struct OciResources {
        OciDeviceRule *devices;
        size_t n_devices;
        int64_t memory_limit, memory_reservation, memory_swap; /* bytes; 0 not said, -1 unlimited */
        uint64_t cpu_shares, cpu_period;
        int64_t cpu_quota; /* microseconds for each period */
        char *cpuset_cpus, *cpuset_mems;
        int64_t pids_limit; /* 0 not said, -1 unlimited */
} OciResources;

typedef struct OciTimeOffset {
        int64_t secs;
        int64_t nanosecs;
} OciTimeOffset;

typedef struct OciLinux {
        OciNamespace *namespaces;
        size_t n_namespaces;
        OciIdMapping *uid_mappings, *gid_mappings;
        size_t n_uid_mappings, n_gid_mappings;
        OciTimeOffset *monotonic, *boottime; /* timeOffsets; NULL where not said */
        OciDevice *devices;                  /* besides the default ones */
        size_t n_devices;
        char *cgroups_path;
        OciResources *resources;
        char *rootfs_propagation;
        char **masked_paths, **readonly_paths;
        char **sysctl; /* "net.ipv4.ip_forward=1" */
} OciLinux;

typedef struct OciSpec {
        char *oci_version;
        OciProcess *process;
        char *root_path;
        bool root_readonly;
        char *hostname, *domainname;
        OciMount *mounts;
        size_t n_mounts;
        char **annotations; /* "key=value" */
        OciLinux *linux_;
} OciSpec;

/* For json_parse(), json_text() and their like. */
extern const JsonType oci_spec_type, oci_process_type;

OciSpec *oci_spec_free(OciSpec *spec);
DEFINE_AUTOPTR(OciSpec, oci_spec_free)
OciProcess *oci_process_free(OciProcess *process);
DEFINE_AUTOPTR(OciProcess, oci_process_free)

/* Returns the namespace of that type, or NULL if the container shares its maker's. */
const OciNamespace *oci_namespace(const OciSpec *spec, const char *type);

/* Appends a mount; the strings are copied, @options may be NULL; 0 or -ENOMEM. */
int oci_mount_add(OciSpec *spec, const char *destination, const char *type, const char *source,
                  char *const *options);
