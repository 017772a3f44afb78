/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/command.h"
#include "cli/lab_filter.h"

typedef struct SetOptions {
        const char *at, *lab;
} SetOptions;

static const Option options[] COMMAND_DATA = {
        OPT_AT(SetOptions, at),
        OPT_LAB(SetOptions, lab),
        {},
};

static int cmd_lab_filter_map_set(const CommandInput *in, Err *err) {
        const SetOptions *o = in->options;
        autoptr(FilterMap) map = NULL;
        autoptr(Lab) lab = NULL;
        int r = lab_operand_open(in->home, o->lab, &lab, err);

        if (r >= 0)
                r = lab_filter_map(lab, o->at, in->args[0], in->args[1], &map, err);
        if (r >= 0)
                r = filter_map_set(map, in->args + 2, err);
        return r;
}

COMMAND(lab_filter_map_set) = {
        .name = "lab filter map set",
        .group = "Labs",
        .synopsis = "[OPTION...] FILTER MAP key.MEMBER=KEY... value.MEMBER=VALUE...",
        .summary = "Write an entry of a filter's map",
        .options = options,
        .options_size = sizeof(SetOptions),
        .min_args = 3,
        .max_args = ARGS_ANY,
        .run = cmd_lab_filter_map_set,
};
