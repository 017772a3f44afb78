/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/inspect_each.h"

typedef struct InspectOptions {
        const char *format;
} InspectOptions;

static const Option options[] = {
        OPT_STRING('f', "format", InspectOptions, format, "FORMAT",
                   "Print as json or a Go template"),
        {},
};

static int cmd_image_inspect(const CommandInput *in, Err *err) {
        const InspectOptions *o = in->options;

        return inspect_each(in, inspect_image, o->format, err);
}

COMMAND(image_inspect) = {
        .name = "image inspect",
        .group = "Images",
        .synopsis = "[OPTION...] IMAGE...",
        .summary = "Show all that is known of images",
        .options = options,
        .options_size = sizeof(InspectOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "image",
        .run = cmd_image_inspect,
};
