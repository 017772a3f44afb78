/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/lab_operand.h"
#include "lab/link.h"

typedef struct CutOptions {
        const char *lab;
} CutOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LAB(CutOptions, lab),
        {},
};

static int cmd_lab_link_cut(const CommandInput *in, Err *err) {
        const CutOptions *o = in->options;
        autoptr(Lab) lab = NULL;
        int r = lab_operand_open(in->home, o->lab, &lab, err), direction;
        ssize_t link;

        if (r < 0)
                return r;
        link = topology_find_link(lab->topology, in->args[0], &direction, err);
        if (link < 0)
                return (int) link;
        return lab_link_cut(lab, (size_t) link, true, err);
}

COMMAND(lab_link_cut) = {
        .name = "lab link cut",
        .group = "Labs",
        .synopsis = "[OPTION...] LINK",
        .summary = "Pull the cable of a link",
        .options = options,
        .options_size = sizeof(CutOptions),
        .min_args = 1,
        .max_args = 1,
        .completes = "link",
        .run = cmd_lab_link_cut,
};
