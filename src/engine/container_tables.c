/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How containers are written: Docker's names, so that one set of tables serves everybody. */

#include "engine/container.h"

static const JsonField config_fields[] = {
        JSON_STRING(ContainerConfig, hostname, "Hostname"),
        JSON_STRING(ContainerConfig, domainname, "Domainname"),
        JSON_STRING(ContainerConfig, user, "User"),
        JSON_BOOL(ContainerConfig, attach_stdin, "AttachStdin"),
        JSON_BOOL(ContainerConfig, attach_stdout, "AttachStdout"),
        JSON_BOOL(ContainerConfig, attach_stderr, "AttachStderr"),
        JSON_SET(ContainerConfig, exposed_ports, "ExposedPorts"),
        JSON_BOOL(ContainerConfig, tty, "Tty"),
        JSON_BOOL(ContainerConfig, open_stdin, "OpenStdin"),
        JSON_BOOL(ContainerConfig, stdin_once, "StdinOnce"),
        JSON_STRINGS(ContainerConfig, env, "Env"),
        JSON_STRINGS(ContainerConfig, cmd, "Cmd", JSON_SAY_NULL),
        JSON_STRING(ContainerConfig, image, "Image"),
        JSON_SET(ContainerConfig, volumes, "Volumes", JSON_SAY_NULL),
        JSON_STRING(ContainerConfig, working_dir, "WorkingDir"),
        JSON_STRINGS(ContainerConfig, entrypoint, "Entrypoint", JSON_SAY_NULL),
        JSON_PAIRS(ContainerConfig, labels, "Labels"),
        JSON_STRING(ContainerConfig, stop_signal, "StopSignal"),
        JSON_INT(ContainerConfig, stop_timeout, "StopTimeout"),
        JSON_STRINGS(ContainerConfig, shell, "Shell"),
        JSON_POINTER(ContainerConfig, healthcheck, OciHealthcheck, "Healthcheck",
                     &oci_healthcheck_type),
        {},
};
static const JsonType config_type = { sizeof(ContainerConfig), config_fields };

static const JsonField binding_fields[] = {
        JSON_STRING(PortBinding, host_ip, "HostIp"),
        JSON_STRING(PortBinding, host_port, "HostPort"),
        {},
};
static const JsonType binding_type = { sizeof(PortBinding), binding_fields };

static const JsonField port_fields[] = {
        JSON_ARRAY(PortMap, bindings, PortBinding, "", &binding_type, JSON_SAY_NULL),
        {},
};
const JsonType port_map_type = { sizeof(PortMap), port_fields };

static const JsonField mount_fields[] = {
        JSON_STRING(ContainerMount, type, "Type"),
        JSON_STRING(ContainerMount, source, "Source"),
        JSON_STRING(ContainerMount, target, "Target"),
        JSON_BOOL(ContainerMount, read_only, "ReadOnly"),
        JSON_STRING(ContainerMount, propagation, "Propagation"),
        JSON_BOOL(ContainerMount, no_recursive, "NonRecursive"),
        JSON_I64(ContainerMount, tmpfs_size, "SizeBytes"),
        JSON_INT(ContainerMount, tmpfs_mode, "Mode"),
        JSON_STRING(ContainerMount, options, "Options"),
        JSON_BOOL(ContainerMount, no_copy, "NoCopy"),
        JSON_BOOL(ContainerMount, anonymous, "Anonymous"),
        {},
};
static const JsonType mount_type = { sizeof(ContainerMount), mount_fields };

static const JsonField ulimit_fields[] = {
        JSON_STRING(ContainerUlimit, name, "Name"),
        JSON_I64(ContainerUlimit, hard, "Hard"),
        JSON_I64(ContainerUlimit, soft, "Soft"),
        {},
};
static const JsonType ulimit_type = { sizeof(ContainerUlimit), ulimit_fields };

static const JsonField device_fields[] = {
        JSON_STRING(ContainerDevice, path_on_host, "PathOnHost"),
        JSON_STRING(ContainerDevice, path_in_container, "PathInContainer"),
        JSON_STRING(ContainerDevice, permissions, "CgroupPermissions"),
        {},
};
static const JsonType device_type = { sizeof(ContainerDevice), device_fields };

static const JsonField restart_fields[] = {
        JSON_STRING(RestartPolicy, name, "Name"),
        JSON_INT(RestartPolicy, maximum_retry_count, "MaximumRetryCount"),
        {},
};
static const JsonType restart_type = { sizeof(RestartPolicy), restart_fields };

static const JsonField log_fields[] = {
        JSON_STRING(LogConfig, type, "Type"),
        JSON_PAIRS(LogConfig, config, "Config"),
        {},
};
static const JsonType log_type = { sizeof(LogConfig), log_fields };

static const JsonField id_mappings_fields[] = {
        JSON_STRINGS(IdMappings, uids, "UidMap"),
        JSON_STRINGS(IdMappings, gids, "GidMap"),
        {},
};
static const JsonType id_mappings_type = { sizeof(IdMappings), id_mappings_fields };

static const JsonField host_fields[] = {
        JSON_STRINGS(HostConfig, binds, "Binds", JSON_SAY_NULL),
        JSON_STRING(HostConfig, container_id_file, "ContainerIDFile"),
        JSON_STRINGS(HostConfig, volumes_from, "VolumesFrom", JSON_SAY_NULL),
        JSON_STRUCT(HostConfig, log_config, LogConfig, "LogConfig", &log_type),
        JSON_STRING(HostConfig, network_mode, "NetworkMode"),
        JSON_MAP(HostConfig, port_bindings, PortMap, "PortBindings", &port_map_type),
        JSON_STRUCT(HostConfig, restart_policy, RestartPolicy, "RestartPolicy", &restart_type),
        JSON_BOOL(HostConfig, auto_remove, "AutoRemove"),
        JSON_STRINGS(HostConfig, cap_add, "CapAdd", JSON_SAY_NULL),
        JSON_STRINGS(HostConfig, cap_drop, "CapDrop", JSON_SAY_NULL),
        JSON_STRING(HostConfig, cgroupns_mode, "CgroupnsMode"),
        JSON_STRINGS(HostConfig, dns, "Dns"),
        JSON_STRINGS(HostConfig, dns_options, "DnsOptions"),
        JSON_STRINGS(HostConfig, dns_search, "DnsSearch"),
        JSON_STRINGS(HostConfig, extra_hosts, "ExtraHosts", JSON_SAY_NULL),
        JSON_STRING(HostConfig, hosts_file, "HostsFile"),
        JSON_STRINGS(HostConfig, group_add, "GroupAdd", JSON_SAY_NULL),
        JSON_STRING(HostConfig, ipc_mode, "IpcMode"),
        JSON_INT(HostConfig, oom_score_adj, "OomScoreAdj"),
        JSON_STRING(HostConfig, pid_mode, "PidMode"),
        JSON_BOOL(HostConfig, privileged, "Privileged"),
        JSON_BOOL(HostConfig, publish_all_ports, "PublishAllPorts"),
        JSON_BOOL(HostConfig, readonly_rootfs, "ReadonlyRootfs"),
        JSON_STRINGS(HostConfig, security_opt, "SecurityOpt", JSON_SAY_NULL),
        JSON_STRING(HostConfig, uts_mode, "UTSMode"),
        JSON_STRING(HostConfig, userns_mode, "UsernsMode"),
        JSON_STRUCT(HostConfig, id_mappings, IdMappings, "IDMappings", &id_mappings_type),
        JSON_STRING(HostConfig, subuid_name, "SubUIDName"),
        JSON_STRING(HostConfig, subgid_name, "SubGIDName"),
        JSON_I64(HostConfig, shm_size, "ShmSize"),
        JSON_PAIRS(HostConfig, sysctls, "Sysctls"),
        JSON_ARRAY(HostConfig, mounts, ContainerMount, "Mounts", &mount_type),
        JSON_ARRAY(HostConfig, ulimits, ContainerUlimit, "Ulimits", &ulimit_type),
        JSON_ARRAY(HostConfig, devices, ContainerDevice, "Devices", &device_type),
        JSON_I64(HostConfig, memory, "Memory"),
        JSON_I64(HostConfig, memory_reservation, "MemoryReservation"),
        JSON_I64(HostConfig, memory_swap, "MemorySwap"),
        JSON_I64(HostConfig, nano_cpus, "NanoCpus"),
        JSON_I64(HostConfig, cpu_shares, "CpuShares"),
        JSON_STRING(HostConfig, cpuset_cpus, "CpusetCpus"),
        JSON_STRING(HostConfig, cpuset_mems, "CpusetMems"),
        JSON_I64(HostConfig, pids_limit, "PidsLimit"),
        JSON_BOOL(HostConfig, init, "Init"),
        JSON_BOOL(HostConfig, has_time_offset, "TimeOffset"),
        JSON_I64(HostConfig, time_monotonic_ns, "TimeMonotonicNs"),
        JSON_I64(HostConfig, time_boottime_ns, "TimeBoottimeNs"),
        {},
};
static const JsonType host_type = { sizeof(HostConfig), host_fields };

static const JsonField container_fields[] = {
        JSON_STRING(Container, id, "Id", JSON_REQUIRED),
        JSON_STRING(Container, created, "Created"),
        JSON_STRING(Container, path, "Path"),
        JSON_STRINGS(Container, args, "Args", JSON_ALWAYS),
        JSON_STRING(Container, image, "Image"),
        JSON_STRING(Container, name, "Name"),
        JSON_STRUCT(Container, config, ContainerConfig, "Config", &config_type),
        JSON_STRUCT(Container, host, HostConfig, "HostConfig", &host_type),
        JSON_STRINGS(Container, lowers, "Lowers"),
        JSON_STRING(Container, ip, "WantedIp"),
        JSON_STRING(Container, ip6, "WantedIp6"),
        JSON_STRINGS(Container, aliases, "NetworkAliases"),
        {},
};
const JsonType container_type = { sizeof(Container), container_fields };

static const JsonField state_fields[] = {
        JSON_STRING(ContainerState, boot_id, "BootId"),
        JSON_STRING(ContainerState, status, "Status"),
        JSON_INT(ContainerState, pid, "Pid"),
        JSON_U64(ContainerState, pid_start, "PidStart"),
        JSON_INT(ContainerState, monitor_pid, "MonitorPid"),
        JSON_U64(ContainerState, monitor_start, "MonitorStart"),
        JSON_INT(ContainerState, exit_code, "ExitCode"),
        JSON_BOOL(ContainerState, oom_killed, "OOMKilled"),
        JSON_STRING(ContainerState, error, "Error"),
        JSON_STRING(ContainerState, started_at, "StartedAt"),
        JSON_STRING(ContainerState, finished_at, "FinishedAt"),
        JSON_INT(ContainerState, restart_count, "RestartCount"),
        JSON_ARRAY(ContainerState, networks, Endpoint, "Networks", &endpoint_type),
        JSON_MAP(ContainerState, ports, PortMap, "Ports", &port_map_type),
        JSON_U64(ContainerState, userns_base, "UsernsBase"),
        JSON_STRING(ContainerState, cgroup, "Cgroup"),
        {},
};
const JsonType container_state_type = { sizeof(ContainerState), state_fields };
