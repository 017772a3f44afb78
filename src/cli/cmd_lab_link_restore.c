/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/lab_operand.h"
#include "lab/link.h"

typedef struct RestoreOptions {
        const char *lab;
} RestoreOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LAB(RestoreOptions, lab),
        {},
};

static int cmd_lab_link_restore(const CommandInput *in, Err *err) {
        const RestoreOptions *o = in->options;
        autoptr(Lab) lab = NULL;
        int r = lab_operand_open(in->home, o->lab, &lab, err), direction;
        ssize_t link;

        if (r < 0)
                return r;
        link = topology_find_link(lab->topology, in->args[0], &direction, err);
        if (link < 0)
                return (int) link;
        return lab_link_cut(lab, (size_t) link, false, err);
}

COMMAND(lab_link_restore) = {
        .name = "lab link restore",
        .group = "Labs",
        .synopsis = "[OPTION...] LINK",
        .summary = "Plug the cable of a link in again",
        .options = options,
        .options_size = sizeof(RestoreOptions),
        .min_args = 1,
        .max_args = 1,
        .completes = "link",
        .run = cmd_lab_link_restore,
};
