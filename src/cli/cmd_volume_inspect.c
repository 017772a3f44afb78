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

static int cmd_volume_inspect(const CommandInput *in, Err *err) {
        const InspectOptions *o = in->options;

        return inspect_each(in, inspect_volume, o->format, err);
}

COMMAND(volume_inspect) = {
        .name = "volume inspect",
        .group = "Volumes",
        .synopsis = "[OPTION...] VOLUME...",
        .summary = "Show everything about volumes",
        .options = options,
        .options_size = sizeof(InspectOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "volume",
        .run = cmd_volume_inspect,
};
