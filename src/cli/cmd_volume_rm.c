/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>

#include "cli/command.h"
#include "engine/volume.h"

typedef struct RemoveOptions {
        bool force;
} RemoveOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('f', "force", RemoveOptions, force, "A volume that is not there is no failure"),
        {},
};

/* Goes on with the next one after an error, as Docker does. */
static int cmd_volume_rm(const CommandInput *in, Err *err) {
        const RemoveOptions *o = in->options;
        int code = 0;

        for (char **name = in->args; *name; name++) {
                autoerr why = {};
                int r = volume_remove(in->home, *name, &why);

                if (r >= 0 || (r == -ENOENT && o->force))
                        puts(*name);
                else {
                        command_complain(&why);
                        code = 1;
                }
        }
        return code;
}

COMMAND(volume_rm) = {
        .name = "volume rm",
        .alias = "volume remove",
        .group = "Volumes",
        .synopsis = "[OPTION...] VOLUME...",
        .summary = "Remove volumes that no container uses",
        .options = options,
        .options_size = sizeof(RemoveOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "volume",
        .run = cmd_volume_rm,
};
