/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/operands.h"

typedef struct RemoveOptions {
        bool force, volumes;
} RemoveOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('f', "force", RemoveOptions, force, "Kill it first if it runs"),
        OPT_FLAG('v', "volumes", RemoveOptions, volumes, "Remove its volumes without a name too"),
        {},
};

static int take_away(Container *c, const void *data, Err *err) {
        const RemoveOptions *o = data;

        return container_remove(c, o->force, o->volumes, err);
}

static int cmd_rm(const CommandInput *in, Err *err) {
        const RemoveOptions *o = in->options;

        /* Docker's rule: --force wants it gone, and it is. */
        return o->force ? operands_all_if_there(in, take_away) : operands_all(in, take_away);
}

COMMAND(rm) = {
        .name = "rm",
        .alias = "container rm,container remove",
        .group = "Containers",
        .synopsis = "[OPTION...] CONTAINER...",
        .summary = "Remove containers",
        .options = options,
        .options_size = sizeof(RemoveOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "container",
        .run = cmd_rm,
};
