/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>

#include "cli/operands.h"

/* Docker's order: one after the other, each code on a line. */
static int wait_for(const CommandInput *in, const char *name) {
        autoptr(Container) c = NULL;
        autoerr err = {};
        int r, code;

        r = container_load(in->home, name, &c, &err);
        if (r >= 0)
                r = container_wait(c, false, &code, &err);
        if (r < 0) {
                command_complain(&err);
                return 1;
        }
        printf("%d\n", code);
        fflush(stdout);
        return 0;
}

static int cmd_wait(const CommandInput *in, Err *err) {
        int code = 0;

        for (char **name = in->args; *name; name++)
                code |= wait_for(in, *name);
        return code;
}

COMMAND(wait) = {
        .name = "wait",
        .alias = "container wait",
        .group = "Containers",
        .synopsis = "CONTAINER...",
        .summary = "Wait until containers end and print their exit codes",
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "container",
        .run = cmd_wait,
};
