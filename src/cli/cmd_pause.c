/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/operands.h"

static int freeze(Container *c, const void *data, Err *err) {
        return container_pause(c, true, err);
}

static int cmd_pause(const CommandInput *in, Err *err) {
        return operands_each(in, freeze);
}

COMMAND(pause) = {
        .name = "pause",
        .alias = "container pause",
        .group = "Containers",
        .synopsis = "CONTAINER...",
        .summary = "Freeze all processes of containers",
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "container",
        .run = cmd_pause,
};
