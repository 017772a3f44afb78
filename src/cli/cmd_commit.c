/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola commit: an image of what a container has become. */

#include <stdio.h>

#include "builder/commit.h"
#include "cli/command.h"
#include "cli/image_prune.h"

typedef struct CommitOptions {
        const char *author, *message;
        const char **changes;
        bool pause, quiet;
} CommitOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('a', "author", CommitOptions, author, "TEXT", "Who made it"),
        OPT_LIST('c', "change", CommitOptions, changes, "INSTRUCTION",
                 "Change the image's configuration: CMD, ENV, USER, …"),
        OPT_STRING('m', "message", CommitOptions, message, "TEXT", "A word for the history"),
        OPT_FLAG_ON('p', "pause", CommitOptions, pause,
                    "Pause the container while its files are copied"),
        OPT_FLAG('q', "quiet", CommitOptions, quiet,
                 "Accepted for Podman's sake: only the id is "
                 "printed"),
        {},
};

static int cmd_commit(const CommandInput *in, Err *err) {
        const CommitOptions *o = in->options;
        const CommitRequest request = { .name = in->args[1],
                                        .author = o->author,
                                        .message = o->message,
                                        .changes = o->changes,
                                        .pause = o->pause };
        autoptr(Container) c = NULL;
        autoptr(Image) image = NULL;
        int r;

        r = container_load(in->home, in->args[0], &c, err);
        if (r >= 0)
                r = container_commit(c, &request, &image, err);
        images_finish_removals(in->home);
        if (r < 0)
                return r;
        puts(image->id);
        return 0;
}

COMMAND(commit) = {
        .name = "commit",
        .alias = "container commit",
        .group = "Containers",
        .synopsis = "[OPTION...] CONTAINER [NAME[:TAG]]",
        .summary = "Make an image of a container's changes",
        .options = options,
        .options_size = sizeof(CommitOptions),
        .min_args = 1,
        .max_args = 2,
        .completes = "container",
        .run = cmd_commit,
};
