/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/lab_operand.h"
#include "lab/link.h"

typedef struct SetOptions {
        const char *lab;
} SetOptions;

static const Option options[] = {
        OPT_LAB(SetOptions, lab),
        {},
};

static int cmd_lab_link_set(const CommandInput *in, Err *err) {
        const SetOptions *o = in->options;
        autoptr(Lab) lab = NULL;
        int r = lab_operand_open(in->home, o->lab, &lab, err), direction;
        ssize_t link;

        if (r < 0)
                return r;
        link = topology_find_link(lab->topology, in->args[0], &direction, err);
        if (link < 0)
                return (int) link;
        return lab_link_set(lab, (size_t) link, direction, in->args + 1, err);
}

COMMAND(lab_link_set) = {
        .name = "lab link set",
        .group = "Labs",
        .synopsis = "[OPTION...] LINK KEY=VALUE...",
        .summary = "Change the quality of a link",
        .options = options,
        .options_size = sizeof(SetOptions),
        .min_args = 2,
        .max_args = ARGS_ANY,
        .completes = "link",
        .run = cmd_lab_link_set,
};
