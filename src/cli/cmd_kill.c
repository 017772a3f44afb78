/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/operands.h"

typedef struct KillOptions {
        const char *signal;
} KillOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('s', "signal", KillOptions, signal, "SIGNAL", "Send SIGNAL (SIGKILL)"),
        {},
};

static int send_signal(Container *c, const void *data, Err *err) {
        const KillOptions *o = data;
        int r, number;

        r = operand_signal(o->signal ? o->signal : "KILL", &number, err);
        if (r >= 0)
                r = container_kill(c, number, err);
        if (r >= 0)
                network_sweep_idle(c->home);
        return r;
}

static int cmd_kill(const CommandInput *in, Err *err) {
        return operands_all(in, send_signal);
}

COMMAND(kill) = {
        .name = "kill",
        .alias = "container kill",
        .group = "Containers",
        .synopsis = "[OPTION...] CONTAINER...",
        .summary = "Send a signal to running containers",
        .options = options,
        .options_size = sizeof(KillOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "container",
        .run = cmd_kill,
};
