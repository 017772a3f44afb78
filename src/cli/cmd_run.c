/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>
#include <stdlib.h>

#include "cli/operands.h"
#include "cli/run_options.h"

/* A container that never ran is of no use to anybody. */
static int give_up(Container *c, int r, Err *err) {
        (void) container_remove(c, true, true, NULL);
        r = start_failure_code(r);
        command_complain(err);
        return r;
}

static int run_attached(Container *c, const RunOptions *o, Err *err) {
        const StartIo io = {
                .attach_input = c->config.attach_stdin,
                .attach_output = c->config.attach_stdout || c->config.attach_stderr,
                .detach_keys = o->detach_keys,
                .signal_proxy = o->signal_proxy && !o->tty,
        };
        int r, code;

        r = container_start(c, &io, &code, err);
        if (r < 0)
                return give_up(c, r, err);
        return code < 0 ? 0 : code;
}

static int cmd_run(const CommandInput *in, Err *err) {
        const RunOptions *o = in->options;
        autoptr(Container) c = NULL;
        int r;

        r = o->detach ? 0 : operand_terminal(o->interactive, o->tty, err);
        if (r >= 0)
                r = run_create(in->home, o, in->args, &c, err);
        if (r < 0)
                return r;
        if (!o->detach)
                return run_attached(c, o, err);

        r = container_start(c, NULL, NULL, err);
        if (r < 0)
                return give_up(c, r, err);
        puts(c->id);
        return 0;
}

COMMAND(run) = {
        .name = "run",
        .alias = "container run",
        .group = "Containers",
        .synopsis = "[OPTION...] IMAGE|@host [COMMAND] [ARGUMENT...]",
        .summary = "Make a container of an image and run a command in it",
        .options = run_options,
        .options_size = sizeof(RunOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .options_first = true,
        .completes = "image",
        .failure_code = 125,
        .run = cmd_run,
};
