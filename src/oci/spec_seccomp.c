/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "oci/spec.h"

static const JsonField arg_fields[] = {
        JSON_U32(OciSyscallArg, index, "index", JSON_REQUIRED | JSON_ALWAYS),
        JSON_U64(OciSyscallArg, value, "value", JSON_REQUIRED | JSON_ALWAYS),
        JSON_U64(OciSyscallArg, value_two, "valueTwo"),
        JSON_STRING(OciSyscallArg, op, "op", JSON_REQUIRED),
        {},
};
static const JsonType arg_type = { sizeof(OciSyscallArg), arg_fields };

static const JsonField syscall_fields[] = {
        JSON_STRINGS(OciSyscall, names, "names", JSON_REQUIRED),
        JSON_STRING(OciSyscall, action, "action", JSON_REQUIRED),
        JSON_OPT_U32(OciSyscall, errno_ret, "errnoRet"),
        JSON_ARRAY(OciSyscall, args, OciSyscallArg, "args", &arg_type),
        {},
};
static const JsonType syscall_type = { sizeof(OciSyscall), syscall_fields };

static const JsonField seccomp_fields[] = {
        JSON_STRING(OciSeccomp, default_action, "defaultAction", JSON_REQUIRED),
        JSON_OPT_U32(OciSeccomp, default_errno_ret, "defaultErrnoRet"),
        JSON_STRINGS(OciSeccomp, architectures, "architectures"),
        JSON_STRINGS(OciSeccomp, flags, "flags"),
        JSON_STRING(OciSeccomp, listener_path, "listenerPath"),
        JSON_STRING(OciSeccomp, listener_metadata, "listenerMetadata"),
        JSON_ARRAY(OciSeccomp, syscalls, OciSyscall, "syscalls", &syscall_type),
        {},
};
const JsonType oci_seccomp_type = { sizeof(OciSeccomp), seccomp_fields };
