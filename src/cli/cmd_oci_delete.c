/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "cli/oci.h"

typedef struct OciDeleteOptions {
        bool force;
} OciDeleteOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('f', "force", OciDeleteOptions, force,
                 "Kill it if it runs; be content if there is none"),
        {},
};

static int cmd_oci_delete(const CommandInput *in, Err *err) {
        const OciDeleteOptions *o = in->options;
        autoptr(OciContainer) c = NULL;
        int r = oci_operand(in, &c, err);

        if (r == -ENOENT && o->force) {
                err_clear(err);
                return 0;
        }
        return r < 0 ? r : oci_delete(c, o->force, err);
}

COMMAND(oci_delete) = {
        .name = "oci delete",
        .group = "OCI runtime",
        .synopsis = "[OPTION...] ID",
        .summary = "Delete a container that has stopped or was never started",
        .options = options,
        .options_size = sizeof(OciDeleteOptions),
        .min_args = 1,
        .max_args = 1,
        .no_home = true,
        .run = cmd_oci_delete,
};
