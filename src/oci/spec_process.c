/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "oci/spec.h"

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
        JSON_U64(OciRlimit, hard, "hard", JSON_REQUIRED | JSON_ALWAYS),
        JSON_U64(OciRlimit, soft, "soft", JSON_REQUIRED | JSON_ALWAYS),
        {},
};
static const JsonType rlimit_type = { sizeof(OciRlimit), rlimit_fields };

static const JsonField scheduler_fields[] = {
        JSON_STRING(OciScheduler, policy, "policy", JSON_REQUIRED),
        JSON_INT(OciScheduler, nice, "nice"),
        JSON_INT(OciScheduler, priority, "priority"),
        JSON_STRINGS(OciScheduler, flags, "flags"),
        JSON_U64(OciScheduler, runtime, "runtime"),
        JSON_U64(OciScheduler, deadline, "deadline"),
        JSON_U64(OciScheduler, period, "period"),
        {},
};
static const JsonType scheduler_type = { sizeof(OciScheduler), scheduler_fields };

static const JsonField io_priority_fields[] = {
        JSON_STRING(OciIoPriority, class_, "class", JSON_REQUIRED),
        JSON_INT(OciIoPriority, priority, "priority", JSON_REQUIRED | JSON_ALWAYS),
        {},
};
static const JsonType io_priority_type = { sizeof(OciIoPriority), io_priority_fields };

static const JsonField affinity_fields[] = {
        JSON_STRING(OciCpuAffinity, initial, "initial"),
        JSON_STRING(OciCpuAffinity, final, "final"),
        {},
};
static const JsonType affinity_type = { sizeof(OciCpuAffinity), affinity_fields };

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
        JSON_STRING(OciProcess, apparmor_profile, "apparmorProfile"),
        JSON_OPT_INT(OciProcess, oom_score_adj, "oomScoreAdj"),
        JSON_POINTER(OciProcess, scheduler, OciScheduler, "scheduler", &scheduler_type),
        JSON_STRING(OciProcess, selinux_label, "selinuxLabel"),
        JSON_POINTER(OciProcess, io_priority, OciIoPriority, "ioPriority", &io_priority_type),
        JSON_POINTER(OciProcess, exec_cpu_affinity, OciCpuAffinity, "execCPUAffinity",
                     &affinity_type),
        {},
};
const JsonType oci_process_type = { sizeof(OciProcess), process_fields };

OciProcess *oci_process_free(OciProcess *process) {
        if (process)
                json_clear(&oci_process_type, process);
        free(process);
        return NULL;
}
