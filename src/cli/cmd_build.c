/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "builder/build.h"
#include "cli/command.h"
#include "engine/network.h"

typedef struct BuildOptions {
        const char **tags, **arguments, **labels, **contexts, **secrets, **agents;
        const char *file, *target, *iidfile, *progress, *network;
        bool no_cache, quiet, remove, force_remove, print_ast, check;
} BuildOptions;

static const Option options[] = {
        OPT_LIST(0, "build-arg", BuildOptions, arguments, "NAME=VALUE",
                 "Give a value to an ARG of the Dockerfile"),
        OPT_LIST(0, "build-context", BuildOptions, contexts, "NAME=DIR",
                 "One more context, for FROM, COPY --from and RUN --mount"),
        OPT_FLAG(0, "check", BuildOptions, check,
                 "Look for likely mistakes in the Dockerfile and build nothing"),
        OPT_STRING('f', "file", BuildOptions, file, "FILE",
                   "Dockerfile (PATH/Dockerfile or PATH/Containerfile; - for standard input)",
                   "file"),
        OPT_FLAG(0, "force-rm", BuildOptions, force_remove,
                 "Accepted for Docker's sake: nothing intermediate is ever left"),
        OPT_STRING(0, "iidfile", BuildOptions, iidfile, "FILE", "Write the image's id to FILE",
                   "file"),
        OPT_LIST(0, "label", BuildOptions, labels, "NAME=VALUE", "Add a label to the image"),
        OPT_STRING(0, "network", BuildOptions, network, "MODE",
                   "Network of RUN: default, none or host", "default|none|host"),
        OPT_FLAG(0, "no-cache", BuildOptions, no_cache, "Carry out every step anew"),
        OPT_FLAG(0, "print-ast", BuildOptions, print_ast,
                 "Print the parsed Dockerfile as JSON and build nothing"),
        OPT_STRING(0, "progress", BuildOptions, progress, "HOW",
                   "How to show what is done: auto, plain, tty, quiet, rawjson (of --check)",
                   "auto|plain|tty|quiet|rawjson"),
        OPT_FLAG('q', "quiet", BuildOptions, quiet, "Print nothing but the image's id"),
        OPT_FLAG(0, "rm", BuildOptions, remove,
                 "Accepted for Docker's sake: nothing intermediate is ever left"),
        OPT_LIST(0, "secret", BuildOptions, secrets, "id=ID,src=FILE",
                 "Let RUN --mount=type=secret show a file or variable (env=NAME)"),
        OPT_LIST(0, "ssh", BuildOptions, agents, "default|ID=SOCKET",
                 "Let RUN --mount=type=ssh reach an SSH agent"),
        OPT_LIST('t', "tag", BuildOptions, tags, "NAME[:TAG]", "Name the image", "image"),
        OPT_STRING(0, "target", BuildOptions, target, "STAGE", "Build this stage, not the last"),
        {},
};

static int check_word(const char *value, const char *option, const char *const *words, Err *err) {
        for (const char *const *word = words; *word; word++)
                if (!value || str_equal(value, *word))
                        return 0;
        return refuse(err, EINVAL, "'%s' is no value of --%s", value, option);
}

static int write_id(const char *path, const char *id, Err *err) {
        int r = file_replace(AT_FDCWD, path, id, strlen(id), 0644, false);

        return r < 0 ? fail(err, r, "cannot write '%s'", path) : 0;
}

static int cmd_build(const CommandInput *in, Err *err) {
        static const char *const progresses[] = {
                "auto", "plain", "tty", "quiet", "rawjson", NULL
        };
        static const char *const networks[] = { "default", "bridge", "none", "host", NULL };
        const BuildOptions *o = in->options;
        const BuildRequest request = {
                .context = in->args[0],
                .file = o->file,
                .names = o->tags,
                .arguments = o->arguments,
                .labels = o->labels,
                .contexts = o->contexts,
                .secrets = o->secrets,
                .agents = o->agents,
                .target = o->target,
                .network = o->network,
                .no_cache = o->no_cache,
                .quiet = o->quiet,
        };
        autofree char *tree = NULL;
        autoptr(Image) image = NULL;
        int r;

        r = check_word(o->progress, "progress", progresses, err);
        if (r >= 0)
                r = check_word(o->network, "network", networks, err);
        if (r >= 0 && o->print_ast) {
                r = build_print(in->home, &request, &tree, err);
                if (r >= 0)
                        command_print(STDOUT_FILENO, tree);
                return r;
        }
        if (r >= 0 && o->check) {
                r = build_check(in->home, &request, str_equal(o->progress, "rawjson"), &tree, err);
                if (r >= 0)
                        command_print(STDOUT_FILENO, tree);
                return r < 0 ? r : r > 0;
        }
        if (r >= 0) {
                r = build_image(in->home, &request, &image, err);
                network_sweep_idle(in->home);
        }
        if (r >= 0 && o->iidfile)
                r = write_id(o->iidfile, image->id, err);
        if (r < 0)
                return r;
        if (o->quiet)
                puts(image->id);
        return 0;
}

COMMAND(build) = {
        .name = "build",
        .alias = "image build",
        .group = "Images",
        .synopsis = "[OPTION...] PATH",
        .summary = "Build an image from a Dockerfile and the directory PATH",
        .options = options,
        .options_size = sizeof(BuildOptions),
        .min_args = 1,
        .max_args = 1,
        .completes = "dir",
        .run = cmd_build,
};
