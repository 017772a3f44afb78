/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola manifest rm: forget indexes in the making. */

#include "cli/command.h"
#include "transfer/manifest_list.h"

static int cmd_manifest_rm(const CommandInput *in, Err *err) {
        int r = 0;

        for (char **name = in->args; *name && r >= 0; name++)
                r = manifest_list_remove(in->home, *name, err);
        return r;
}

COMMAND(manifest_rm) = {
        .name = "manifest rm",
        .group = "Images",
        .synopsis = "INDEX...",
        .summary = "Forget indexes in the making",
        .min_args = 1,
        .max_args = ARGS_ANY,
        .run = cmd_manifest_rm,
};
