/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/operands.h"

static int thaw(Container *c, const void *data, Err *err) {
        return container_pause(c, false, err);
}

static int cmd_unpause(const CommandInput *in, Err *err) {
        return operands_each(in, thaw);
}

COMMAND(unpause) = {
        .name = "unpause",
        .alias = "container unpause",
        .group = "Containers",
        .synopsis = "CONTAINER...",
        .summary = "Let frozen containers run on",
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "container",
        .run = cmd_unpause,
};
