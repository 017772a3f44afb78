/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "base/str.h"
#include "cli/oci_create_options.h"
#include "cli/oci_foreground.h"
#include "runtime/runtime.h"
#include "runtime/strict.h"

int oci_create_options(const CommandInput *in, const OciCreateOptions *o, Bundle **ret_bundle,
                       OciCreate *ret, Err *err) {
        autoptr(Bundle) bundle = NULL;
        int r = bundle_load(o->bundle, o->config, &bundle, err);

        if (r < 0)
                return r;
        *ret = (OciCreate){
                .id = in->args[0],
                .bundle = bundle,
                .manager = in->oci->manager,
                .pid_file = o->pid_file,
                .console_socket = o->console_socket,
                .pidfd_socket = o->pidfd_socket ? o->pidfd_socket
                                                : strv_env_get(bundle->spec->annotations,
                                                               "run.oci.pidfd_receiver"),
                .no_pivot = o->no_pivot,
                .keep_keyring = o->no_new_keyring,
                .detached = o->detach,
        };
        if (!bundle->spec->process)
                return refuse(err, EINVAL, "config.json: process: missing");
        strict_apply(bundle->spec, bundle->spec->process);
        r = oci_inherited(o->preserve_fds, bundle->spec->process, &ret->preserve_fds, err);
        /* Before anything else is done: it executes this program again. */
        if (r >= 0)
                r = runtime_seal_for(bundle->spec, err);
        if (r < 0)
                return r;
        *ret_bundle = take_ptr(bundle);
        return 0;
}
