/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>

#include "cli/command.h"
#include "engine/network.h"

typedef struct RemoveOptions {
        bool force;
} RemoveOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('f', "force", RemoveOptions, force, "A network that is not there is no failure"),
        {},
};

/* Goes on with the next one after an error, as Docker does. */
static int cmd_network_rm(const CommandInput *in, Err *err) {
        const RemoveOptions *o = in->options;
        int code = 0;

        for (char **name = in->args; *name; name++) {
                autoerr why = {};
                int r = network_remove(in->home, *name, &why);

                if (r >= 0)
                        puts(*name);
                else {
                        command_complain(&why);
                        code = r == -ENOENT && o->force ? code : 1;
                }
        }
        return code;
}

COMMAND(network_rm) = {
        .name = "network rm",
        .alias = "network remove",
        .group = "Networks",
        .synopsis = "[OPTION...] NETWORK...",
        .summary = "Remove networks",
        .options = options,
        .options_size = sizeof(RemoveOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "network",
        .run = cmd_network_rm,
};
