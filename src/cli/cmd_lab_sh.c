/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "cli/lab_operand.h"
#include "cli/lab_run.h"

typedef struct ShOptions {
        const char *lab;
} ShOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LAB(ShOptions, lab),
        {},
};

static int cmd_lab_sh(const CommandInput *in, Err *err) {
        const ShOptions *o = in->options;
        char *const args[] = { (char *) "sh", (char *) "-c",
                               (char *) "command -v bash >/dev/null && exec bash; exec sh", NULL };
        const LabExec exec = { args, NULL, NULL, { 0, 1, 2 } };
        autoptr(Lab) lab = NULL;
        int r = lab_operand_open(in->home, o->lab, &lab, err);

        return r < 0 ? r : lab_run(lab, in->args[0], &exec, err);
}

COMMAND(lab_sh) = {
        .name = "lab sh",
        .group = "Labs",
        .synopsis = "[OPTION...] NODE",
        .summary = "Start a shell in a node of a lab",
        .options = options,
        .options_size = sizeof(ShOptions),
        .min_args = 1,
        .max_args = 1,
        .completes = "node",
        .failure_code = 125,
        .run = cmd_lab_sh,
};
