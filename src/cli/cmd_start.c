/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>

#include "cli/operands.h"

#define OWN_FAILURE 125

typedef struct StartOptions {
        bool attach, interactive, signal_proxy;
        const char *detach_keys;
} StartOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('a', "attach", StartOptions, attach, "Print what it prints and wait for its end"),
        OPT_FLAG('i', "interactive", StartOptions, interactive, "Same, and pass on standard input"),
        OPT_STRING(0, "detach-keys", StartOptions, detach_keys, "KEYS",
                   "Keys that detach from it (ctrl-p,ctrl-q)"),
        OPT_FLAG_ON(0, "sig-proxy", StartOptions, signal_proxy, "Pass signals on to the process"),
        {},
};

/* Starts one; prints what went wrong and returns an exit code. */
static int start_one(const CommandInput *in, const char *name) {
        autoptr(Container) c = NULL;
        autoerr err = {};
        int r;

        r = container_load(in->home, name, &c, &err);
        if (r < 0) {
                command_complain(&err);
                return OWN_FAILURE;
        }
        r = container_start(c, NULL, NULL, &err);
        if (r < 0) {
                command_complain(&err);
                return start_failure_code(r);
        }
        puts(name);
        return 0;
}

/* Goes on after an error; the code is that of the first one. */
static int start_all(const CommandInput *in) {
        int code = 0;

        for (char **name = in->args; *name; name++) {
                int failed = start_one(in, *name);

                if (code == 0)
                        code = failed;
        }
        return code;
}

static int start_attached(const CommandInput *in, Err *err) {
        const StartOptions *o = in->options;
        autoptr(Container) c = NULL;
        int r, code;

        if (in->n_args > 1)
                return refuse(err, EINVAL, "one can attach to one container only");
        r = container_load(in->home, in->args[0], &c, err);
        if (r < 0)
                return r;

        r = container_start(c,
                            &(StartIo){ .attach_input = o->interactive,
                                        .attach_output = true,
                                        .detach_keys = o->detach_keys,
                                        .signal_proxy = o->signal_proxy && !c->config.tty },
                            &code, err);
        if (r < 0) {
                r = start_failure_code(r);
                command_complain(err);
                return r;
        }
        return code < 0 ? 0 : code;
}

static int cmd_start(const CommandInput *in, Err *err) {
        const StartOptions *o = in->options;

        return o->attach || o->interactive ? start_attached(in, err) : start_all(in);
}

COMMAND(start) = {
        .name = "start",
        .alias = "container start",
        .group = "Containers",
        .synopsis = "[OPTION...] CONTAINER...",
        .summary = "Start containers that do not run",
        .options = options,
        .options_size = sizeof(StartOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "container",
        .failure_code = OWN_FAILURE,
        .run = cmd_start,
};
