/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/operands.h"

typedef struct RestartOptions {
        const char *timeout, *signal;
} RestartOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('t', "timeout", RestartOptions, timeout, "SECONDS",
                   "Kill it if it still runs after SECONDS; -1: never (10)"),
        OPT_STRING(0, "time", RestartOptions, timeout, "SECONDS", NULL),
        OPT_STRING('s', "signal", RestartOptions, signal, "SIGNAL",
                   "Send SIGNAL first (the image's, or SIGTERM)"),
        {},
};

static int restart(Container *c, const void *data, Err *err) {
        const RestartOptions *o = data;
        int64_t timeout_ms;
        int r, number;

        r = operand_stop_timeout(c, o->timeout, &timeout_ms, err);
        if (r >= 0 && o->signal)
                r = operand_signal(o->signal, &number, err);
        return r < 0 ? r : container_restart(c, o->signal, timeout_ms, err);
}

static int cmd_restart(const CommandInput *in, Err *err) {
        return operands_all(in, restart);
}

COMMAND(restart) = {
        .name = "restart",
        .alias = "container restart",
        .group = "Containers",
        .synopsis = "[OPTION...] CONTAINER...",
        .summary = "Stop containers, where they run, and start them",
        .options = options,
        .options_size = sizeof(RestartOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "container",
        .run = cmd_restart,
};
