/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/operands.h"

typedef struct AttachOptions {
        bool no_stdin, signal_proxy;
        const char *detach_keys;
} AttachOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG(0, "no-stdin", AttachOptions, no_stdin, "Do not pass on standard input"),
        OPT_FLAG_ON(0, "sig-proxy", AttachOptions, signal_proxy, "Pass signals on to the process"),
        OPT_STRING(0, "detach-keys", AttachOptions, detach_keys, "KEYS",
                   "Keys that detach from it (ctrl-p,ctrl-q)"),
        {},
};

static int cmd_attach(const CommandInput *in, Err *err) {
        const AttachOptions *o = in->options;
        autoptr(Container) c = NULL;
        int r, code;

        r = container_load(in->home, in->args[0], &c, err);
        if (r < 0)
                return r;
        r = container_attach(c,
                             &(StartIo){ .attach_input = !o->no_stdin,
                                         .attach_output = true,
                                         .detach_keys = o->detach_keys,
                                         .signal_proxy = o->signal_proxy && !c->config.tty },
                             &code, err);
        if (r < 0)
                return r;
        return code < 0 ? 0 : code;
}

COMMAND(attach) = {
        .name = "attach",
        .alias = "container attach",
        .group = "Containers",
        .synopsis = "[OPTION...] CONTAINER",
        .summary = "Connect the terminal to a running container",
        .options = options,
        .options_size = sizeof(AttachOptions),
        .min_args = 1,
        .max_args = 1,
        .completes = "container",
        .run = cmd_attach,
};
