/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The hooks around a container's life that its commands run, with the state as it is then. */

#include <fcntl.h>

#include "base/str.h"
#include "runtime/oci_internal.h"

bool oci_has_late_hooks(const OciSpec *spec) {
        return hooks_any(spec->hooks, HOOK_POSTSTART) || hooks_any(spec->hooks, HOOK_POSTSTOP);
}

int oci_hooks_run(const OciContainer *c, const OciSpec *spec, HookKind kind, OciStatus status,
                  Err *err) {
        autohookoutput output = { -EBADF, -EBADF };
        autoclose int directory = -EBADF;
        autofree char *text = NULL;
        OciState state;
        int r;

        if (!hooks_any(spec->hooks, kind))
                return 0;
        r = annotations_open_output(spec, &output, err);
        if (r >= 0)
                r = oci_container_state(c, status, &state, err);
        if (r < 0)
                return r;
        text = hooks_state(&state, state.status, state.pid);
        json_clear(&oci_state_type, &state);
        if (!text)
                return fail(err, ENOMEM, "cannot run the hooks of container '%s'", c->id);
        /* A bundle that has been removed meanwhile is no reason to run no hooks. */
        directory = open(c->record.bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return hooks_run(spec->hooks, kind, &(HookWorld){ text, environ, directory, &output }, err);
}
