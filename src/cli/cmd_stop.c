/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/operands.h"

typedef struct StopOptions {
        const char *timeout, *signal;
} StopOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('t', "timeout", StopOptions, timeout, "SECONDS",
                   "Kill it if it still runs after SECONDS; -1: never (10)"),
        OPT_STRING(0, "time", StopOptions, timeout, "SECONDS", NULL),
        OPT_STRING('s', "signal", StopOptions, signal, "SIGNAL",
                   "Send SIGNAL first (the image's, or SIGTERM)"),
        {},
};

static int stop(Container *c, const void *data, Err *err) {
        const StopOptions *o = data;
        int64_t timeout_ms;
        int r, number;

        r = operand_stop_timeout(c, o->timeout, &timeout_ms, err);
        if (r >= 0 && o->signal)
                r = operand_signal(o->signal, &number, err);
        if (r >= 0)
                r = container_stop(c, o->signal, timeout_ms, err);
        if (r >= 0)
                network_sweep_idle(c->home);
        return r;
}

static int cmd_stop(const CommandInput *in, Err *err) {
        return operands_all(in, stop);
}

COMMAND(stop) = {
        .name = "stop",
        .alias = "container stop",
        .group = "Containers",
        .synopsis = "[OPTION...] CONTAINER...",
        .summary = "Stop running containers",
        .options = options,
        .options_size = sizeof(StopOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "container",
        .run = cmd_stop,
};
