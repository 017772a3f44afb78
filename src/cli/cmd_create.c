/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>

#include "cli/run_options.h"

static int cmd_create(const CommandInput *in, Err *err) {
        autoptr(Container) c = NULL;
        int r;

        r = run_create(in->home, in->options, in->args, &c, err);
        if (r < 0)
                return r;
        puts(c->id);
        return 0;
}

COMMAND(create) = {
        .name = "create",
        .alias = "container create",
        .group = "Containers",
        .synopsis = "[OPTION...] IMAGE|@host [COMMAND] [ARGUMENT...]",
        .summary = "Make a container without starting it",
        .options = create_options,
        .options_size = sizeof(RunOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .options_first = true,
        .completes = "image",
        .failure_code = 125,
        .run = cmd_create,
};
