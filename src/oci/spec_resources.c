/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "oci/spec.h"

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
        JSON_OPT_I64(OciMemory, limit, "limit"),
        JSON_OPT_I64(OciMemory, reservation, "reservation"),
        JSON_OPT_I64(OciMemory, swap, "swap"),
        JSON_OPT_I64(OciMemory, kernel, "kernel"),
        JSON_OPT_I64(OciMemory, kernel_tcp, "kernelTCP"),
        JSON_OPT_U64(OciMemory, swappiness, "swappiness"),
        JSON_OPT_BOOL(OciMemory, disable_oom_killer, "disableOOMKiller"),
        JSON_OPT_BOOL(OciMemory, use_hierarchy, "useHierarchy"),
        JSON_OPT_BOOL(OciMemory, check_before_update, "checkBeforeUpdate"),
        {},
};
static const JsonType memory_type = { sizeof(OciMemory), memory_fields };

static const JsonField cpu_fields[] = {
        JSON_OPT_U64(OciCpu, shares, "shares"),
        JSON_OPT_I64(OciCpu, quota, "quota"),
        JSON_OPT_U64(OciCpu, burst, "burst"),
        JSON_OPT_U64(OciCpu, period, "period"),
        JSON_OPT_I64(OciCpu, realtime_runtime, "realtimeRuntime"),
        JSON_OPT_U64(OciCpu, realtime_period, "realtimePeriod"),
        JSON_STRING(OciCpu, cpus, "cpus"),
        JSON_STRING(OciCpu, mems, "mems"),
        JSON_OPT_I64(OciCpu, idle, "idle"),
        {},
};
static const JsonType cpu_type = { sizeof(OciCpu), cpu_fields };

static const JsonField pids_fields[] = {
        JSON_OPT_I64(OciPids, limit, "limit"),
        {},
};
static const JsonType pids_type = { sizeof(OciPids), pids_fields };

static const JsonField weight_fields[] = {
        JSON_I64(OciWeightDevice, major, "major", JSON_REQUIRED | JSON_ALWAYS),
        JSON_I64(OciWeightDevice, minor, "minor", JSON_REQUIRED | JSON_ALWAYS),
        JSON_OPT_U32(OciWeightDevice, weight, "weight"),
        JSON_OPT_U32(OciWeightDevice, leaf_weight, "leafWeight"),
        {},
};
static const JsonType weight_type = { sizeof(OciWeightDevice), weight_fields };

static const JsonField throttle_fields[] = {
        JSON_I64(OciThrottleDevice, major, "major", JSON_REQUIRED | JSON_ALWAYS),
        JSON_I64(OciThrottleDevice, minor, "minor", JSON_REQUIRED | JSON_ALWAYS),
        JSON_U64(OciThrottleDevice, rate, "rate", JSON_ALWAYS),
        {},
};
static const JsonType throttle_type = { sizeof(OciThrottleDevice), throttle_fields };

static const JsonField block_io_fields[] = {
        JSON_OPT_U32(OciBlockIo, weight, "weight"),
        JSON_OPT_U32(OciBlockIo, leaf_weight, "leafWeight"),
        JSON_ARRAY(OciBlockIo, weight_device, OciWeightDevice, "weightDevice", &weight_type),
        JSON_ARRAY(OciBlockIo, throttle_read_bps_device, OciThrottleDevice, "throttleReadBpsDevice",
                   &throttle_type),
        JSON_ARRAY(OciBlockIo, throttle_write_bps_device, OciThrottleDevice,
                   "throttleWriteBpsDevice", &throttle_type),
        JSON_ARRAY(OciBlockIo, throttle_read_iops_device, OciThrottleDevice,
                   "throttleReadIOPSDevice", &throttle_type),
        JSON_ARRAY(OciBlockIo, throttle_write_iops_device, OciThrottleDevice,
                   "throttleWriteIOPSDevice", &throttle_type),
        {},
};
static const JsonType block_io_type = { sizeof(OciBlockIo), block_io_fields };

static const JsonField hugepage_fields[] = {
        JSON_STRING(OciHugepageLimit, page_size, "pageSize", JSON_REQUIRED),
        JSON_U64(OciHugepageLimit, limit, "limit", JSON_REQUIRED | JSON_ALWAYS),
        {},
};
static const JsonType hugepage_type = { sizeof(OciHugepageLimit), hugepage_fields };

static const JsonField priority_fields[] = {
        JSON_STRING(OciInterfacePriority, name, "name", JSON_REQUIRED),
        JSON_U32(OciInterfacePriority, priority, "priority", JSON_REQUIRED | JSON_ALWAYS),
        {},
};
static const JsonType priority_type = { sizeof(OciInterfacePriority), priority_fields };

static const JsonField network_fields[] = {
        JSON_OPT_U32(OciNetworkClass, class_id, "classID"),
        JSON_ARRAY(OciNetworkClass, priorities, OciInterfacePriority, "priorities", &priority_type),
        {},
};
static const JsonType network_type = { sizeof(OciNetworkClass), network_fields };

static const JsonField rdma_fields[] = {
        JSON_OPT_U32(OciRdma, hca_handles, "hcaHandles"),
        JSON_OPT_U32(OciRdma, hca_objects, "hcaObjects"),
        {},
};
static const JsonType rdma_type = { sizeof(OciRdma), rdma_fields };

static const JsonField resources_fields[] = {
        JSON_ARRAY(OciResources, devices, OciDeviceRule, "devices", &device_rule_type),
        JSON_POINTER(OciResources, memory, OciMemory, "memory", &memory_type),
        JSON_POINTER(OciResources, cpu, OciCpu, "cpu", &cpu_type),
        JSON_POINTER(OciResources, pids, OciPids, "pids", &pids_type),
        JSON_POINTER(OciResources, block_io, OciBlockIo, "blockIO", &block_io_type),
        JSON_ARRAY(OciResources, hugepage_limits, OciHugepageLimit, "hugepageLimits",
                   &hugepage_type),
        JSON_POINTER(OciResources, network, OciNetworkClass, "network", &network_type),
        JSON_MAP(OciResources, rdma, OciRdma, "rdma", &rdma_type),
        JSON_PAIRS(OciResources, unified, "unified"),
        {},
};
const JsonType oci_resources_type = { sizeof(OciResources), resources_fields };

OciResources *oci_resources_free(OciResources *resources) {
        if (resources)
                json_clear(&oci_resources_type, resources);
        free(resources);
        return NULL;
}
