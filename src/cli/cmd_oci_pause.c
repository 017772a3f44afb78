/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/oci.h"

static int cmd_oci_pause(const CommandInput *in, Err *err) {
        autoptr(OciContainer) c = NULL;
        int r = oci_operand(in, &c, err);

        return r < 0 ? r : oci_pause(c, true, err);
}

COMMAND(oci_pause) = {
        .name = "oci pause",
        .group = "OCI runtime",
        .synopsis = "ID",
        .summary = "Freeze all processes of a container",
        .min_args = 1,
        .max_args = 1,
        .no_home = true,
        .run = cmd_oci_pause,
};
