/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/inspect_each.h"

typedef struct InspectOptions {
        const char *format;
} InspectOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('f', "format", InspectOptions, format, "FORMAT",
                   "Print as json or a Go template"),
        {},
};

static int cmd_network_inspect(const CommandInput *in, Err *err) {
        const InspectOptions *o = in->options;

        return inspect_each(in, inspect_network, o->format, err);
}

COMMAND(network_inspect) = {
        .name = "network inspect",
        .group = "Networks",
        .synopsis = "[OPTION...] NETWORK...",
        .summary = "Show everything about networks, and who is in them",
        .options = options,
        .options_size = sizeof(InspectOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "network",
        .run = cmd_network_inspect,
};
