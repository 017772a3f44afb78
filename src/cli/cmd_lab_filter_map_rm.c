/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/command.h"
#include "cli/lab_filter.h"

typedef struct RmOptions {
        const char *at, *lab;
} RmOptions;

static const Option options[] COMMAND_DATA = {
        OPT_AT(RmOptions, at),
        OPT_LAB(RmOptions, lab),
        {},
};

static int cmd_lab_filter_map_rm(const CommandInput *in, Err *err) {
        const RmOptions *o = in->options;
        autoptr(FilterMap) map = NULL;
        autoptr(Lab) lab = NULL;
        int r = lab_operand_open(in->home, o->lab, &lab, err);

        if (r >= 0)
                r = lab_filter_map(lab, o->at, in->args[0], in->args[1], &map, err);
        if (r >= 0)
                r = filter_map_delete(map, in->args + 2, err);
        return r;
}

COMMAND(lab_filter_map_rm) = {
        .name = "lab filter map rm",
        .group = "Labs",
        .synopsis = "[OPTION...] FILTER MAP key.MEMBER=KEY...",
        .summary = "Remove an entry of a filter's map",
        .options = options,
        .options_size = sizeof(RmOptions),
        .min_args = 3,
        .max_args = ARGS_ANY,
        .run = cmd_lab_filter_map_rm,
};
