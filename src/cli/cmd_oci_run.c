/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/log.h"
#include "cli/oci_create_options.h"
#include "cli/oci_foreground.h"
#include "runtime/notify.h"

static const Option options[] COMMAND_DATA = {
        OCI_CREATE_OPTIONS,
        OPT_FLAG('d', "detach", OciCreateOptions, detach, "Let it run in the background"),
        OPT_FLAG(0, "keep", OciCreateOptions, keep, "Do not delete it when it has ended"),
        OPT_FLAG(0, "no-subreaper", OciCreateOptions, no_subreaper, NULL),
        {},
};

static int in_foreground(const CommandInput *in, const OciCreateOptions *o, const OciCreate *create,
                         Err *err) {
        autoptr(OciContainer) c = NULL;
        autoptr(Runtime) runtime = NULL;
        autoerr silence = {};
        autorelay relay;
        int r, code;

        relay_init(&relay);
        r = relay_signals(&relay);
        if (r < 0)
                return fail(err, r, "cannot receive signals");
        r = oci_run(in->oci->root, create, &c, &runtime, err);
        if (r < 0)
                return r;
        log_release(false);
        if (notify_wait_aside(c, &silence) < 0)
                log_warn("%s", silence.message);
        code = oci_wait_for(&relay, runtime_take_pidfd(runtime), runtime_take_console(runtime),
                            err);
        if (!o->keep) {
                autoerr problem = {};

                if (oci_delete(c, true, &problem) < 0)
                        log_warn("container '%s' was not deleted: %s", c->id, problem.message);
        }
        return code;
}

static int cmd_oci_run(const CommandInput *in, Err *err) {
        const OciCreateOptions *o = in->options;
        autoptr(OciContainer) c = NULL;
        autoptr(Runtime) runtime = NULL;
        autoptr(Bundle) bundle = NULL;
        OciCreate create;
        int r;

        r = oci_create_options(in, o, &bundle, &create, err);
        if (r < 0)
                return r;
        if (!o->detach)
                return in_foreground(in, o, &create, err);
        r = oci_run(in->oci->root, &create, &c, &runtime, err);
        return r < 0 ? r : notify_wait(c, err);
}

COMMAND(oci_run) = {
        .name = "oci run",
        .group = "OCI runtime",
        .synopsis = "[OPTION...] ID",
        .summary = "Make a container of a bundle, start it, wait for it and delete it",
        .options = options,
        .options_size = sizeof(OciCreateOptions),
        .min_args = 1,
        .max_args = 1,
        .no_home = true,
        .run = cmd_oci_run,
};
