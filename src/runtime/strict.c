/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "runtime/strict.h"
#include "base/str.h"
#include "kernel/cap_name.h"
#include "runtime/annotation.h"

bool strict_is_wanted(const OciSpec *spec) {
        return annotation_is_true(spec, "org.isola.strict");
}

void strict_apply(const OciSpec *spec, OciProcess *process) {
        if (process && strict_is_wanted(spec))
                process->no_new_privileges = true;
}

const LandlockWalls *strict_walls(const OciSpec *spec) {
        /* Which sockets and processes others have is visible only in namespaces of the host. */
        static const LandlockWalls walls[2][2] = {
                { { false, false }, { false, true } },
                { { true, false }, { true, true } },
        };

        if (!strict_is_wanted(spec))
                return NULL;
        return &walls[!oci_namespace(spec, "network")][!oci_namespace(spec, "pid")];
}

int strict_filter(const OciSpec *spec, const OciProcess *process, const SeccompFilter **ret,
                  SeccompFilter **ret_own, Err *err) {
        SeccompChoice choice = { .strict = true };

        *ret = NULL;
        *ret_own = NULL;
        if (!strict_is_wanted(spec) || (spec->linux_ && spec->linux_->seccomp))
                return 0;
        strv_foreach(name, process->capabilities ? process->capabilities->bounding : NULL) {
                int cap = cap_from_name(*name);

                if (cap >= 0)
                        choice.caps |= UINT64_C(1) << cap;
        }
        return seccomp_builtin(&choice, ret, ret_own, err);
}
