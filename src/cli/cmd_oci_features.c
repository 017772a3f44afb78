/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The features document (runtime-spec "features.md"): what config.json may ask of this runtime. */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/oci.h"
#include "kernel/cap_name.h"
#include "kernel/memory_policy.h"
#include "kernel/ns.h"
#include "kernel/seccomp_rules.h"
#include "runtime/mount_option.h"

/* Names by number, until there is none. */
typedef const char *NameOf(size_t i);

static json_t *all_of(NameOf *name) {
        json_t *list = json_array();

        for (size_t i = 0; name(i); i++)
                json_array_append_new(list, json_string(name(i)));
        return list;
}

static const char *hook_name(size_t i) {
        static const char *const names[] = { "prestart",       "createRuntime", "createContainer",
                                             "startContainer", "poststart",     "poststop" };

        return i < sizeof names / sizeof *names ? names[i] : NULL;
}

static const char *namespace_name(size_t i) {
        return i < NS_KINDS ? ns_kinds[i].name : NULL;
}

static const char *capability_name(size_t i) {
        return cap_name((int) i);
}

static json_t *seccomp_flags(bool only_supported) {
        json_t *list = json_array();
        const char *name;
        bool supported;

        for (size_t i = 0; (name = seccomp_flag_name(i, &supported)); i++)
                if (supported || !only_supported)
                        json_array_append_new(list, json_string(name));
        return list;
}

static json_t *enabled(bool yes) {
        return json_pack("{s:b}", "enabled", yes);
}

static json_t *seccomp(void) {
        return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o}", "enabled", 1, "actions",
                         all_of(seccomp_action_name), "operators", all_of(seccomp_operator_name),
                         "archs", all_of(seccomp_arch_name), "knownFlags", seccomp_flags(false),
                         "supportedFlags", seccomp_flags(true));
}

static json_t *cgroup(void) {
        return json_pack("{s:b, s:b, s:b, s:b, s:b}", "v1", 1, "v2", 1, "systemd", 1, "systemdUser",
                         1, "rdma", 1);
}

static json_t *linux_features(void) {
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o}, s:{s:o}, s:o}",
                         "namespaces", all_of(namespace_name), "capabilities",
                         all_of(capability_name), "cgroup", cgroup(), "seccomp", seccomp(),
                         "apparmor", enabled(true), "selinux", enabled(true), "intelRdt",
                         enabled(false), "memoryPolicy", "modes", all_of(memory_policy_mode_name),
                         "flags", all_of(memory_policy_flag_name), "mountExtensions", "idmap",
                         enabled(true), "netDevices", enabled(true));
}

static int cmd_oci_features(const CommandInput *in, Err *err) {
        json_t *document = json_pack(
                "{s:s, s:s, s:o, s:o, s:o, s:{s:s}, s:[s, s]}", "ociVersionMin", "1.0.0",
                "ociVersionMax", OCI_VERSION, "hooks", all_of(hook_name), "mountOptions",
                all_of(mount_option_name), "linux", linux_features(), "annotations",
                "io.isola.version", ISOLA_VERSION,
                /* They are set on a unit of the host's systemd; files of the host's are
                 * written to. */
                "potentiallyUnsafeConfigAnnotations", "org.systemd.property.", "run.oci.hooks.");
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
