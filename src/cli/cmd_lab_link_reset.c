/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/lab_operand.h"
#include "lab/link.h"

typedef struct ResetOptions {
        const char *lab;
} ResetOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LAB(ResetOptions, lab),
        {},
};

static int cmd_lab_link_reset(const CommandInput *in, Err *err) {
        const ResetOptions *o = in->options;
        autoptr(Lab) lab = NULL;
        int r = lab_operand_open(in->home, o->lab, &lab, err), direction;
        ssize_t link;

        if (r < 0)
                return r;
        link = topology_find_link(lab->topology, in->args[0], &direction, err);
        if (link < 0)
                return (int) link;
        return lab_link_set(lab, (size_t) link, direction, NULL, err);
}

COMMAND(lab_link_reset) = {
        .name = "lab link reset",
        .group = "Labs",
        .synopsis = "[OPTION...] LINK",
        .summary = "Give a link the quality of the lab's file again",
        .options = options,
        .options_size = sizeof(ResetOptions),
        .min_args = 1,
        .max_args = 1,
        .completes = "link",
        .run = cmd_lab_link_reset,
};
