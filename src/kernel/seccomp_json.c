/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "kernel/seccomp_rules.h"

static const JsonField arg_fields[] = {
        JSON_U32(SeccompArg, index, "index"),
        JSON_U64(SeccompArg, value, "value"),
        JSON_U64(SeccompArg, value_two, "valueTwo"),
        JSON_STRING(SeccompArg, op, "op", JSON_REQUIRED),
        {},
};
static const JsonType arg_type = { sizeof(SeccompArg), arg_fields };

static const JsonField condition_fields[] = {
        JSON_STRINGS(SeccompCondition, caps, "caps"),
        JSON_STRINGS(SeccompCondition, arches, "arches"),
        JSON_STRING(SeccompCondition, min_kernel, "minKernel"),
        {},
};
static const JsonType condition_type = { sizeof(SeccompCondition), condition_fields };

static const JsonField rule_fields[] = {
        JSON_STRINGS(SeccompRule, names, "names"),
        JSON_STRING(SeccompRule, name, "name"),
        JSON_STRING(SeccompRule, action, "action", JSON_REQUIRED),
        JSON_OPT_U32(SeccompRule, errno_ret, "errnoRet"),
        JSON_ARRAY(SeccompRule, args, SeccompArg, "args", &arg_type),
        JSON_POINTER(SeccompRule, includes, SeccompCondition, "includes", &condition_type),
        JSON_POINTER(SeccompRule, excludes, SeccompCondition, "excludes", &condition_type),
        {},
};
static const JsonType rule_type = { sizeof(SeccompRule), rule_fields };

static const JsonField arch_map_fields[] = {
        JSON_STRING(SeccompArchMap, architecture, "architecture", JSON_REQUIRED),
        JSON_STRINGS(SeccompArchMap, sub, "subArchitectures"),
        {},
};
static const JsonType arch_map_type = { sizeof(SeccompArchMap), arch_map_fields };

static const JsonField rules_fields[] = {
        JSON_STRING(SeccompRules, default_action, "defaultAction", JSON_REQUIRED),
        JSON_OPT_U32(SeccompRules, default_errno_ret, "defaultErrnoRet"),
        JSON_STRINGS(SeccompRules, architectures, "architectures"),
        JSON_ARRAY(SeccompRules, arch_map, SeccompArchMap, "archMap", &arch_map_type),
        JSON_STRINGS(SeccompRules, flags, "flags"),
        JSON_STRING(SeccompRules, listener_path, "listenerPath"),
        JSON_STRING(SeccompRules, listener_metadata, "listenerMetadata"),
        JSON_ARRAY(SeccompRules, rules, SeccompRule, "syscalls", &rule_type),
        {},
};
static const JsonType rules_type = { sizeof(SeccompRules), rules_fields };

int seccomp_rules_parse(const char *json, size_t size, const char *place, SeccompRules **ret,
                        Err *err) {
        autoptr(SeccompRules) rules = calloc(1, sizeof *rules);
        int r;

        if (!rules)
                return fail(err, ENOMEM, "cannot read seccomp profile '%s'", place);
        r = json_parse(&rules_type, json, size, place, rules, err);
        if (r < 0)
                return err_prefix(err, r, "cannot read seccomp profile");
        *ret = take_ptr(rules);
        return 0;
}

SeccompRules *seccomp_rules_free(SeccompRules *rules) {
        if (rules)
                json_clear(&rules_type, rules);
        free(rules);
        return NULL;
}
