/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/str.h"
#include "oci/spec.h"

/*
 * The specification nests deeper than the structs do ("resources.memory.limit"
 * is OciResources.memory_limit).  A JSON_WITHIN row is an object whose members
 * lie in the same struct: its type has size 0, so that clearing it leaves the
 * other members alone.
 */
#define JSON_WITHIN(name, type) \
        { JSON_KIND_STRUCT, 0, name, 0, 0, type }

static const JsonField user_fields[] = {
        JSON_I64(OciUser, uid, "uid", JSON_ALWAYS),
        JSON_I64(OciUser, gid, "gid", JSON_ALWAYS),
        JSON_I64(OciUser, umask, "umask", JSON_MINUS),
        JSON_NUMBERS(OciUser, additional_gids, "additionalGids"),
        {},
};
static const JsonType user_type = { sizeof(OciUser), user_fields };

static const JsonField capabilities_fields[] = {
        JSON_STRINGS(OciCapabilities, bounding, "bounding"),
        JSON_STRINGS(OciCapabilities, effective, "effective"),
        JSON_STRINGS(OciCapabilities, inheritable, "inheritable"),
        JSON_STRINGS(OciCapabilities, permitted, "permitted"),
        JSON_STRINGS(OciCapabilities, ambient, "ambient"),
        {},
};
static const JsonType capabilities_type = { sizeof(OciCapabilities), capabilities_fields };

static const JsonField rlimit_fields[] = {
        JSON_STRING(OciRlimit, type, "type", JSON_REQUIRED),
        JSON_U64(OciRlimit, hard, "hard", JSON_ALWAYS),
        JSON_U64(OciRlimit, soft, "soft", JSON_ALWAYS),
        {},
};
static const JsonType rlimit_type = { sizeof(OciRlimit), rlimit_fields };

static const JsonField console_fields[] = {
        JSON_INT(OciProcess, console_height, "height"),
        JSON_INT(OciProcess, console_width, "width"),
        {},
};
static const JsonType console_type = { 0, console_fields };

static const JsonField process_fields[] = {
        JSON_BOOL(OciProcess, terminal, "terminal"),
        JSON_WITHIN("consoleSize", &console_type),
        JSON_STRUCT(OciProcess, user, OciUser, "user", &user_type, JSON_REQUIRED),
        JSON_STRINGS(OciProcess, args, "args"),
        JSON_STRINGS(OciProcess, env, "env"),
        JSON_STRING(OciProcess, cwd, "cwd", JSON_REQUIRED),
        JSON_POINTER(OciProcess, capabilities, OciCapabilities, "capabilities", &capabilities_type),
        JSON_ARRAY(OciProcess, rlimits, OciRlimit, "rlimits", &rlimit_type),
        JSON_BOOL(OciProcess, no_new_privileges, "noNewPrivileges"),
        JSON_INT(OciProcess, oom_score_adj, "oomScoreAdj"),
        JSON_PRESENT(OciProcess, has_oom_score_adj, "oomScoreAdj"),
        {},
};
const JsonType oci_process_type = { sizeof(OciProcess), process_fields };

static const JsonField mapping_fields[] = {
        JSON_I64(OciIdMapping, container_id, "containerID", JSON_ALWAYS),
        JSON_I64(OciIdMapping, host_id, "hostID", JSON_ALWAYS),
        JSON_I64(OciIdMapping, size, "size", JSON_ALWAYS),
        {},
};
static const JsonType mapping_type = { sizeof(OciIdMapping), mapping_fields };

static const JsonField mount_fields[] = {
        JSON_STRING(OciMount, destination, "destination", JSON_REQUIRED),
        JSON_STRING(OciMount, type, "type"),
        JSON_STRING(OciMount, source, "source"),
        JSON_STRINGS(OciMount, options, "options"),
        {},
};
static const JsonType mount_type = { sizeof(OciMount), mount_fields };

static const JsonField namespace_fields[] = {
        JSON_STRING(OciNamespace, type, "type", JSON_REQUIRED),
        JSON_STRING(OciNamespace, path, "path"),
        {},
};
static const JsonType namespace_type = { sizeof(OciNamespace), namespace_fields };

static const JsonField device_fields[] = {
        JSON_STRING(OciDevice, path, "path", JSON_REQUIRED),
        JSON_STRING(OciDevice, type, "type", JSON_REQUIRED),
        JSON_I64(OciDevice, major, "major"),
        JSON_I64(OciDevice, minor, "minor"),
        JSON_INT(OciDevice, file_mode, "fileMode"),
        JSON_I64(OciDevice, uid, "uid"),
        JSON_I64(OciDevice, gid, "gid"),
        {},
};
static const JsonType device_type = { sizeof(OciDevice), device_fields };

static const JsonField device_rule_fields[] = {
        JSON_BOOL(OciDeviceRule, allow, "allow", JSON_ALWAYS),
        JSON_STRING(OciDeviceRule, type, "type"),
        JSON_I64(OciDeviceRule, major, "major", JSON_MINUS),
        JSON_I64(OciDeviceRule, minor, "minor", JSON_MINUS),
        JSON_STRING(OciDeviceRule, access, "access"),
        {},
};
static const JsonType device_rule_type = { sizeof(OciDeviceRule), device_rule_fields };

static const JsonField memory_fields[] = {
        JSON_I64(OciResources, memory_limit, "limit"),
        JSON_I64(OciResources, memory_reservation, "reservation"),
        JSON_I64(OciResources, memory_swap, "swap"),
        {},
};
static const JsonType memory_type = { 0, memory_fields };

static const JsonField cpu_fields[] = {
        JSON_U64(OciResources, cpu_shares, "shares"),
        JSON_I64(OciResources, cpu_quota, "quota"),
        JSON_U64(OciResources, cpu_period, "period"),
        JSON_STRING(OciResources, cpuset_cpus, "cpus"),
        JSON_STRING(OciResources, cpuset_mems, "mems"),
        {},
};
static const JsonType cpu_type = { 0, cpu_fields };

static const JsonField pids_fields[] = {
        JSON_I64(OciResources, pids_limit, "limit"),
        {},
};
static const JsonType pids_type = { 0, pids_fields };

static const JsonField resources_fields[] = {
        JSON_ARRAY(OciResources, devices, OciDeviceRule, "devices", &device_rule_type),
        JSON_WITHIN("memory", &memory_type),
        JSON_WITHIN("cpu", &cpu_type),
        JSON_WITHIN("pids", &pids_type),
        {},
};
static const JsonType resources_type = { sizeof(OciResources), resources_fields };

static const JsonField offset_fields[] = {
        JSON_I64(OciTimeOffset, secs, "secs", JSON_ALWAYS),
        JSON_I64(OciTimeOffset, nanosecs, "nanosecs", JSON_ALWAYS),
        {},
};
static const JsonType offset_type = { sizeof(OciTimeOffset), offset_fields };

static const JsonField offsets_fields[] = {
        JSON_POINTER(OciLinux, monotonic, OciTimeOffset, "monotonic", &offset_type),
        JSON_POINTER(OciLinux, boottime, OciTimeOffset, "boottime", &offset_type),
        {},
};
static const JsonType offsets_type = { 0, offsets_fields };

static const JsonField linux_fields[] = {
        JSON_ARRAY(OciLinux, namespaces, OciNamespace, "namespaces", &namespace_type),
        JSON_ARRAY(OciLinux, uid_mappings, OciIdMapping, "uidMappings", &mapping_type),
        JSON_ARRAY(OciLinux, gid_mappings, OciIdMapping, "gidMappings", &mapping_type),
        JSON_WITHIN("timeOffsets", &offsets_type),
        JSON_ARRAY(OciLinux, devices, OciDevice, "devices", &device_type),
        JSON_STRING(OciLinux, cgroups_path, "cgroupsPath"),
        JSON_POINTER(OciLinux, resources, OciResources, "resources", &resources_type),
        JSON_STRING(OciLinux, rootfs_propagation, "rootfsPropagation"),
        JSON_STRINGS(OciLinux, masked_paths, "maskedPaths"),
        JSON_STRINGS(OciLinux, readonly_paths, "readonlyPaths"),
        JSON_PAIRS(OciLinux, sysctl, "sysctl"),
        {},
};
static const JsonType linux_type = { sizeof(OciLinux), linux_fields };

static const JsonField root_fields[] = {
        JSON_STRING(OciSpec, root_path, "path", JSON_REQUIRED),
        JSON_BOOL(OciSpec, root_readonly, "readonly"),
        {},
};
static const JsonType root_type = { 0, root_fields };

static const JsonField spec_fields[] = {
        JSON_STRING(OciSpec, oci_version, "ociVersion", JSON_REQUIRED),
        JSON_POINTER(OciSpec, process, OciProcess, "process", &oci_process_type),
        JSON_WITHIN("root", &root_type),
        JSON_STRING(OciSpec, hostname, "hostname"),
        JSON_STRING(OciSpec, domainname, "domainname"),
        JSON_ARRAY(OciSpec, mounts, OciMount, "mounts", &mount_type),
        JSON_PAIRS(OciSpec, annotations, "annotations"),
        JSON_POINTER(OciSpec, linux_, OciLinux, "linux", &linux_type),
        {},
};
const JsonType oci_spec_type = { sizeof(OciSpec), spec_fields };

OciSpec *oci_spec_free(OciSpec *spec) {
        if (spec)
                json_clear(&oci_spec_type, spec);
        free(spec);
        return NULL;
}

OciProcess *oci_process_free(OciProcess *process) {
        if (process)
                json_clear(&oci_process_type, process);
        free(process);
        return NULL;
}

const OciNamespace *oci_namespace(const OciSpec *spec, const char *type) {
        if (!spec->linux_)
                return NULL;
        for (size_t i = 0; i < spec->linux_->n_namespaces; i++)
                if (strcmp(spec->linux_->namespaces[i].type, type) == 0)
                        return &spec->linux_->namespaces[i];
        return NULL;
}

int oci_mount_add(OciSpec *spec, const char *destination, const char *type, const char *source,
                  char *const *options) {
        OciMount mount = {}, *added;

        mount.destination = strdup(destination);
        mount.type = type ? strdup(type) : NULL;
        mount.source = source ? strdup(source) : NULL;
        if (!mount.destination || (type && !mount.type) || (source && !mount.source) ||
            strv_copy(options, &mount.options) < 0 ||
            !(added = json_grow(&spec->mounts, &spec->n_mounts, sizeof *added))) {
                json_clear(&mount_type, &mount);
                return -ENOMEM;
        }
        *added = mount;
        return 0;
}
