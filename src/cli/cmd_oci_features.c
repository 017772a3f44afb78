/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The features document (runtime-spec "features.md"): what config.json may ask of this runtime. */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/oci.h"
#include "kernel/cap_name.h"
#include "kernel/ns.h"
#include "runtime/mount_option.h"

static const char *const hooks[] = { "prestart",       "createRuntime", "createContainer",
                                     "startContainer", "poststart",     "poststop" };
static const char *const actions[] = { "SCMP_ACT_ALLOW",       "SCMP_ACT_ERRNO",
                                       "SCMP_ACT_KILL",        "SCMP_ACT_KILL_PROCESS",
                                       "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
                                       "SCMP_ACT_TRACE",       "SCMP_ACT_TRAP" };
static const char *const operators[] = { "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",
                                         "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ",
                                         "SCMP_CMP_NE" };

static json_t *list_of(const char *const *words, size_t n) {
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(list, json_string(words[i]));
        return list;
}
#define LIST_OF(words) list_of(words, sizeof(words) / sizeof *(words))

static json_t *mount_options(void) {
        json_t *list = json_array();

        for (size_t i = 0; mount_option_name(i); i++)
                json_array_append_new(list, json_string(mount_option_name(i)));
        return list;
}

static json_t *namespaces(void) {
        json_t *list = json_array();

        for (size_t i = 0; i < NS_KINDS; i++)
                json_array_append_new(list, json_string(ns_kinds[i].name));
        return list;
}

static json_t *capabilities(void) {
        json_t *list = json_array();

        for (int i = 0; cap_name(i); i++)
                json_array_append_new(list, json_string(cap_name(i)));
        return list;
}

static json_t *seccomp(void) {
        return json_pack("{s:b, s:o, s:o}", "enabled", 1, "actions", LIST_OF(actions), "operators",
                         LIST_OF(operators));
}

static json_t *linux_features(void) {
        return json_pack("{s:o, s:o, s:{s:b, s:b, s:b, s:b}, s:o, s:{s:b}, s:{s:b}, s:{s:b}, "
                         "s:{s:{s:b}}}",
                         "namespaces", namespaces(), "capabilities", capabilities(), "cgroup", "v1",
                         1, "v2", 1, "systemd", 0, "systemdUser", 0, "seccomp", seccomp(),
                         "apparmor", "enabled", 0, "selinux", "enabled", 0, "intelRdt", "enabled",
                         0, "mountExtensions", "idmap", "enabled", 1);
}

static int cmd_oci_features(const CommandInput *in, Err *err) {
        json_t *document = json_pack("{s:s, s:s, s:o, s:o, s:o, s:{s:s}}", "ociVersionMin", "1.0.0",
                                     "ociVersionMax", OCI_VERSION, "hooks", LIST_OF(hooks),
                                     "mountOptions", mount_options(), "linux", linux_features(),
                                     "annotations", "io.isola.version", ISOLA_VERSION);
        autofree char *text = json_dumps(document, JSON_INDENT(4));

        json_decref(document);
        if (!text)
                return fail(err, ENOMEM, "cannot print the features");
        puts(text);
        return 0;
}

COMMAND(oci_features) = {
        .name = "oci features",
        .group = "OCI runtime",
        .synopsis = "",
        .summary = "Print what a configuration may ask of this runtime, as JSON",
        .no_home = true,
        .run = cmd_oci_features,
};
