/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>

#include "cli/lab_operand.h"

typedef struct DownOptions {
        bool all;
} DownOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('a', "all", DownOptions, all, "All labs"),
        {},
};

static int take_down(const CommandInput *in, const char *text, Err *err) {
        autofree char *name = NULL;
        autoptr(Lab) lab = NULL;
        int r = lab_operand_name(in->home, text, &name, err);

        if (r >= 0)
                r = lab_open_state(in->home, name, &lab, err);
        if (r >= 0)
                r = lab_down(lab, err);
        if (r >= 0)
                puts(lab->name);
        return r;
}

static int take_all_down(const CommandInput *in, Err *err) {
        Lab **list = NULL;
        size_t n = 0;
        int r = lab_list(in->home, &list, &n, err);

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = take_down(in, list[i]->name, err);
        lab_list_free(list, n);
        return r;
}

static int cmd_lab_down(const CommandInput *in, Err *err) {
        const DownOptions *o = in->options;
        int code = 0;

        if (o->all && in->n_args > 0)
                return refuse(err, EINVAL, "--all takes no names");
        if (o->all)
                return take_all_down(in, err);
        if (in->n_args == 0)
                return take_down(in, NULL, err);
        for (int i = 0; i < in->n_args; i++)
                if (take_down(in, in->args[i], err) < 0) {
                        command_complain(err);
                        err_clear(err);
                        code = 1;
                }
        return code;
}

COMMAND(lab_down) = {
        .name = "lab down",
        .alias = "lab destroy",
        .group = "Labs",
        .synopsis = "[OPTION...] [LAB...]",
        .summary = "Take labs away with all that is in them",
        .options = options,
        .options_size = sizeof(DownOptions),
        .max_args = ARGS_ANY,
        .completes = "lab",
        .run = cmd_lab_down,
};
