/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/oci.h"
#include "runtime/notify.h"

static int cmd_oci_start(const CommandInput *in, Err *err) {
        autoptr(OciContainer) c = NULL;
        int r = oci_operand(in, &c, err);

        if (r >= 0)
                r = notify_listen(c, err);
        if (r >= 0)
                r = oci_start(c, err);
        return r < 0 ? r : notify_wait(c, err);
}

COMMAND(oci_start) = {
        .name = "oci start",
        .group = "OCI runtime",
        .synopsis = "ID",
        .summary = "Start a container that was created",
        .min_args = 1,
        .max_args = 1,
        .no_home = true,
        .run = cmd_oci_start,
};
