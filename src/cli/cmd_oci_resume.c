/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/oci.h"

static int cmd_oci_resume(const CommandInput *in, Err *err) {
        autoptr(OciContainer) c = NULL;
        int r = oci_operand(in, &c, err);

        return r < 0 ? r : oci_pause(c, false, err);
}

COMMAND(oci_resume) = {
        .name = "oci resume",
        .group = "OCI runtime",
        .synopsis = "ID",
        .summary = "Let a paused container go on",
        .min_args = 1,
        .max_args = 1,
        .no_home = true,
        .run = cmd_oci_resume,
};
