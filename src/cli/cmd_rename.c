/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/command.h"
#include "engine/container.h"

static int cmd_rename(const CommandInput *in, Err *err) {
        autoptr(Container) c = NULL;
        int r = container_load(in->home, in->args[0], &c, err);

        return r < 0 ? r : container_rename(c, in->args[1], err);
}

COMMAND(rename) = {
        .name = "rename",
        .alias = "container rename",
        .group = "Containers",
        .synopsis = "CONTAINER NAME",
        .summary = "Give a container another name",
        .min_args = 2,
        .max_args = 2,
        .completes = "container",
        .run = cmd_rename,
};
