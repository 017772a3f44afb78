/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/str.h"
#include "oci/spec.h"

static const JsonField mapping_fields[] = {
        JSON_I64(OciIdMapping, container_id, "containerID", JSON_REQUIRED | JSON_ALWAYS),
        JSON_I64(OciIdMapping, host_id, "hostID", JSON_REQUIRED | JSON_ALWAYS),
        JSON_I64(OciIdMapping, size, "size", JSON_REQUIRED | JSON_ALWAYS),
        {},
};
static const JsonType mapping_type = { sizeof(OciIdMapping), mapping_fields };

static const JsonField mount_fields[] = {
        JSON_STRING(OciMount, destination, "destination", JSON_REQUIRED),
        JSON_STRING(OciMount, type, "type"),
        JSON_STRING(OciMount, source, "source"),
        JSON_STRINGS(OciMount, options, "options"),
        JSON_ARRAY(OciMount, uid_mappings, OciIdMapping, "uidMappings", &mapping_type),
        JSON_ARRAY(OciMount, gid_mappings, OciIdMapping, "gidMappings", &mapping_type),
        {},
};
static const JsonType mount_type = { sizeof(OciMount), mount_fields };

static const JsonField hook_fields[] = {
        JSON_STRING(OciHook, path, "path", JSON_REQUIRED),
        JSON_STRINGS(OciHook, args, "args"),
        JSON_STRINGS(OciHook, env, "env"),
        JSON_OPT_INT(OciHook, timeout, "timeout"),
        {},
};
static const JsonType hook_type = { sizeof(OciHook), hook_fields };

static const JsonField hooks_fields[] = {
        JSON_ARRAY(OciHooks, prestart, OciHook, "prestart", &hook_type),
        JSON_ARRAY(OciHooks, create_runtime, OciHook, "createRuntime", &hook_type),
        JSON_ARRAY(OciHooks, create_container, OciHook, "createContainer", &hook_type),
        JSON_ARRAY(OciHooks, start_container, OciHook, "startContainer", &hook_type),
        JSON_ARRAY(OciHooks, poststart, OciHook, "poststart", &hook_type),
        JSON_ARRAY(OciHooks, poststop, OciHook, "poststop", &hook_type),
        {},
};
static const JsonType hooks_type = { sizeof(OciHooks), hooks_fields };

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
        JSON_I64(OciDevice, file_mode, "fileMode", JSON_MINUS),
        JSON_I64(OciDevice, uid, "uid"),
        JSON_I64(OciDevice, gid, "gid"),
        {},
};
static const JsonType device_type = { sizeof(OciDevice), device_fields };

static const JsonField net_device_fields[] = {
        JSON_STRING(OciNetDevice, name, "name"),
        {},
};
static const JsonType net_device_type = { sizeof(OciNetDevice), net_device_fields };

static const JsonField offset_fields[] = {
        JSON_I64(OciTimeOffset, secs, "secs"),
        JSON_I64(OciTimeOffset, nanosecs, "nanosecs"),
        {},
};
static const JsonType offset_type = { sizeof(OciTimeOffset), offset_fields };

static const JsonField offsets_fields[] = {
        JSON_POINTER(OciLinux, monotonic, OciTimeOffset, "monotonic", &offset_type),
        JSON_POINTER(OciLinux, boottime, OciTimeOffset, "boottime", &offset_type),
        {},
};
static const JsonType offsets_type = { 0, offsets_fields };

static const JsonField intel_rdt_fields[] = {
        JSON_STRING(OciIntelRdt, clos_id, "closID"),
        JSON_STRINGS(OciIntelRdt, schemata, "schemata"),
        JSON_STRING(OciIntelRdt, l3_cache_schema, "l3CacheSchema"),
        JSON_STRING(OciIntelRdt, mem_bw_schema, "memBwSchema"),
        JSON_BOOL(OciIntelRdt, enable_monitoring, "enableMonitoring"),
        {},
};
static const JsonType intel_rdt_type = { sizeof(OciIntelRdt), intel_rdt_fields };

static const JsonField memory_policy_fields[] = {
        JSON_STRING(OciMemoryPolicy, mode, "mode", JSON_REQUIRED),
        JSON_STRING(OciMemoryPolicy, nodes, "nodes"),
        JSON_STRINGS(OciMemoryPolicy, flags, "flags"),
        {},
};
static const JsonType memory_policy_type = { sizeof(OciMemoryPolicy), memory_policy_fields };

static const JsonField personality_fields[] = {
        JSON_STRING(OciPersonality, domain, "domain", JSON_REQUIRED),
        JSON_STRINGS(OciPersonality, flags, "flags"),
        {},
};
static const JsonType personality_type = { sizeof(OciPersonality), personality_fields };

static const JsonField linux_fields[] = {
        JSON_ARRAY(OciLinux, namespaces, OciNamespace, "namespaces", &namespace_type),
        JSON_ARRAY(OciLinux, uid_mappings, OciIdMapping, "uidMappings", &mapping_type),
        JSON_ARRAY(OciLinux, gid_mappings, OciIdMapping, "gidMappings", &mapping_type),
        JSON_WITHIN("timeOffsets", &offsets_type),
        JSON_ARRAY(OciLinux, devices, OciDevice, "devices", &device_type),
        JSON_MAP(OciLinux, net_devices, OciNetDevice, "netDevices", &net_device_type),
        JSON_STRING(OciLinux, cgroups_path, "cgroupsPath"),
        JSON_POINTER(OciLinux, resources, OciResources, "resources", &oci_resources_type),
        JSON_POINTER(OciLinux, seccomp, OciSeccomp, "seccomp", &oci_seccomp_type),
        JSON_STRING(OciLinux, rootfs_propagation, "rootfsPropagation"),
        JSON_STRINGS(OciLinux, masked_paths, "maskedPaths"),
        JSON_STRINGS(OciLinux, readonly_paths, "readonlyPaths"),
        JSON_STRING(OciLinux, mount_label, "mountLabel"),
        JSON_PAIRS(OciLinux, sysctl, "sysctl"),
        JSON_POINTER(OciLinux, intel_rdt, OciIntelRdt, "intelRdt", &intel_rdt_type),
        JSON_POINTER(OciLinux, memory_policy, OciMemoryPolicy, "memoryPolicy", &memory_policy_type),
        JSON_POINTER(OciLinux, personality, OciPersonality, "personality", &personality_type),
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
        JSON_POINTER(OciSpec, hooks, OciHooks, "hooks", &hooks_type),
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
