/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/env_file.h"
#include "cli/lab_operand.h"
#include "cli/lab_run.h"
#include "cli/operands.h"

typedef struct ExecOptions {
        const char *lab, *workdir;
        const char **env;
} ExecOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LIST('e', "env", ExecOptions, env, "NAME=VALUE", "Set a variable, or pass NAME on"),
        OPT_LAB(ExecOptions, lab),
        OPT_STRING('w', "workdir", ExecOptions, workdir, "DIR", "Start in DIR"),
        {},
};

static int cmd_lab_exec(const CommandInput *in, Err *err) {
        const ExecOptions *o = in->options;
        autoptr(Lab) lab = NULL;
        autostrv env = NULL;
        LabExec exec;
        int r = env_read(NULL, o->env, &env, err);

        if (r >= 0)
                r = lab_operand_open(in->home, o->lab, &lab, err);
        if (r < 0)
                return r;
        exec = (LabExec){ in->args + 1, env, o->workdir, { 0, 1, 2 } };
        return lab_run(lab, in->args[0], &exec, err);
}

COMMAND(lab_exec) = {
        .name = "lab exec",
        .group = "Labs",
        .synopsis = "[OPTION...] NODE COMMAND [ARGUMENT...]",
        .summary = "Run a command in a node of a lab",
        .options = options,
        .options_size = sizeof(ExecOptions),
        .min_args = 2,
        .max_args = ARGS_ANY,
        .options_first = true,
        .completes = "node",
        .failure_code = 125,
        .run = cmd_lab_exec,
};
