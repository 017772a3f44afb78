/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola top: the processes of a container. */

#include <stdlib.h>

#include "base/auto.h"
#include "cli/command.h"
#include "cli/ps_table.h"
#include "engine/usage.h"

static int cmd_top(const CommandInput *in, Err *err) {
        autoptr(Container) c = NULL;
        autofree pid_t *pids = NULL;
        size_t n;
        int r = container_load(in->home, in->args[0], &c, err);

        if (r >= 0)
                r = container_processes(c, &pids, &n, err);
        return r < 0 ? r : ps_table_print(pids, n, in->args + 1, err);
}

COMMAND(top) = {
        .name = "top",
        .alias = "container top",
        .group = "Containers",
        .synopsis = "CONTAINER [PS-OPTION...]",
        .summary = "List the processes of a container",
        .min_args = 1,
        .max_args = ARGS_ANY,
        .options_first = true,
        .completes = "container",
        .run = cmd_top,
};
