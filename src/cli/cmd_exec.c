/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "base/str.h"
#include "cli/env_file.h"
#include "cli/operands.h"

typedef struct ExecOptions {
        bool detach, interactive, tty, privileged;
        const char *detach_keys, *user, *working_dir;
        const char **env, **env_files;
} ExecOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('d', "detach", ExecOptions, detach, "Let it run in the background"),
        OPT_STRING(0, "detach-keys", ExecOptions, detach_keys, "KEYS",
                   "Keys that detach from it (ctrl-p,ctrl-q)"),
        OPT_LIST('e', "env", ExecOptions, env, "NAME=VALUE", "Set a variable, or pass NAME on"),
        OPT_LIST(0, "env-file", ExecOptions, env_files, "FILE", "Read variables from FILE", "file"),
        OPT_FLAG('i', "interactive", ExecOptions, interactive, "Pass on standard input"),
        OPT_FLAG('t', "tty", ExecOptions, tty, "Give it a terminal"),
        OPT_FLAG(0, "privileged", ExecOptions, privileged, "Give it all capabilities"),
        OPT_STRING('u', "user", ExecOptions, user, "USER[:GROUP]", "Run as USER"),
        OPT_STRING('w', "workdir", ExecOptions, working_dir, "DIR", "Start in DIR"),
        {},
};

static int cmd_exec(const CommandInput *in, Err *err) {
        const ExecOptions *o = in->options;
        autoptr(Container) c = NULL;
        autostrv env = NULL;
        ExecRequest request;
        int r, code = 0;

        if (o->working_dir && *o->working_dir != '/')
                return refuse(err, EINVAL, "the working directory '%s' is not an absolute path",
                              o->working_dir);
        r = env_read(o->env_files, o->env, &env, err);
        if (r >= 0 && !o->detach)
                r = operand_terminal(o->interactive, o->tty, err);
        if (r >= 0)
                r = container_load(in->home, in->args[0], &c, err);
        if (r < 0)
                return r;

        request = (ExecRequest){
                .args = in->args + 1,
                .env = env,
                .user = o->user,
                .working_dir = o->working_dir,
                .detach_keys = o->detach_keys,
                .input = o->interactive,
                .tty = o->tty,
                .detach = o->detach,
                .privileged = o->privileged,
        };
        r = container_exec(c, &request, &code, err);
        if (r < 0) {
                r = start_failure_code(r);
                command_complain(err);
                return r;
        }
        return code < 0 ? 0 : code;
}

COMMAND(exec) = {
        .name = "exec",
        .alias = "container exec",
        .group = "Containers",
        .synopsis = "[OPTION...] CONTAINER COMMAND [ARGUMENT...]",
        .summary = "Run one more command in a running container",
        .options = options,
        .options_size = sizeof(ExecOptions),
        .min_args = 2,
        .max_args = ARGS_ANY,
        .options_first = true,
        .completes = "container",
        .failure_code = 125,
        .run = cmd_exec,
};
