/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>

#include "base/log.h"
#include "base/str.h"
#include "runtime/annotation.h"

bool annotation_is_true(const OciSpec *spec, const char *name) {
        const char *value = strv_env_get(spec->annotations, name);
        bool yes = false;

        return value && parse_bool(value, &yes) >= 0 && yes;
}

int annotations_check(const OciSpec *spec, Err *err) {
        static const struct {
                const char *name;
                bool refused; /* the container would be another one without */
        } unknown[] = {
                { "run.oci.handler", true },
                { "run.oci.seccomp_bpf_data", true },
                { "run.oci.seccomp.plugins", true },
                { "run.oci.delegate-cgroup", false },
                { "run.oci.mount_context_type", false },
                { "run.oci.systemd.force_cgroup_v1", false },
                { "run.oci.systemd.subgroup", false },
        };

        for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
                const char *name = unknown[i].name, *value = strv_env_get(spec->annotations, name);

                if (str_empty(value))
                        continue;
                if (unknown[i].refused)
                        return refuse(err, EOPNOTSUPP,
                                      "the annotation '%s=%s' cannot be carried out by this "
                                      "runtime",
                                      name, value);
                log_warn("the annotation '%s=%s' is not carried out", name, value);
        }
        return 0;
}

static int open_for_hooks(const OciSpec *spec, const char *name, int *ret, Err *err) {
        const char *path = strv_env_get(spec->annotations, name);

        *ret = -EBADF;
        if (str_empty(path))
                return 0;
        *ret = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
        return *ret < 0 ? fail(err, errno, "cannot open '%s' for the output of hooks", path) : 0;
}

int annotations_open_output(const OciSpec *spec, HookOutput *ret, Err *err) {
        int r = open_for_hooks(spec, "run.oci.hooks.stdout", &ret->out, err);

        ret->error = -EBADF;
        return r < 0 ? r : open_for_hooks(spec, "run.oci.hooks.stderr", &ret->error, err);
}

void hook_output_close(HookOutput *output) {
        output->out = close_fd(output->out);
        output->error = close_fd(output->error);
}
