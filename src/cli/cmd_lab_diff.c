/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/lab_operand.h"
#include "lab/change.h"
#include "lab/engine.h"
#include "lab/uplink.h"
#include "topology/address.h"
#include "topology/read.h"

typedef struct DiffOptions {
        const char *lab;
} DiffOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LAB(DiffOptions, lab),
        {},
};

static int cmd_lab_diff(const CommandInput *in, Err *err) {
        const DiffOptions *o = in->options;
        const char *file = in->n_args > 0 ? in->args[0] : ".";
        autoptr(Topology) t = NULL;
        autochange change = {};
        autostrv words = NULL;
        autoptr(Lab) lab = NULL;
        int r = topology_read(file, NULL, &t, err);

        if (r >= 0)
                r = lab_open(in->home, o->lab ? o->lab : t->name, &lab, err);
        /* Automatic addresses come from the name, among others. */
        if (r >= 0 && str_set(&t->name, lab->name) < 0)
                r = fail(err, ENOMEM, "cannot compare the topologies");
        if (r >= 0)
                r = topology_assign_addresses_after(t, lab->topology, err);
        if (r >= 0)
                r = lab_resolve_uplinks(in->home, t, lab->topology, err);
        if (r >= 0)
                r = lab_choose_netem(t, err);
        if (r >= 0)
                r = lab_change_plan(lab, t, &change, err);
        if (r >= 0 && lab_change_words(lab, t, &change, &words) < 0)
                r = fail(err, ENOMEM, "cannot compare the topologies");
        if (r < 0)
                return r;
        strv_foreach(line, words)
                puts(*line);
        return words != NULL;
}

COMMAND(lab_diff) = {
        .name = "lab diff",
        .group = "Labs",
        .synopsis = "[OPTION...] [FILE|DIR]",
        .summary = "Show what 'lab up' would change in a lab that is up",
        .options = options,
        .options_size = sizeof(DiffOptions),
        .max_args = 1,
        .completes = "file",
        .run = cmd_lab_diff,
};
