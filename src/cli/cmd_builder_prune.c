/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola builder prune: empty the cache of builds. */

#include <stdio.h>

#include "base/auto.h"
#include "base/size.h"
#include "builder/prune.h"
#include "cli/command.h"
#include "cli/confirm.h"
#include "cli/image_prune.h"

typedef struct PruneOptions {
        const char **filters;
        bool all, force;
} PruneOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('a', "all", PruneOptions, all, "Also the directories of RUN --mount=type=cache"),
        OPT_LIST(0, "filter", PruneOptions, filters, "until=WHEN",
                 "Only what was not used since: 24h, or a time"),
        OPT_FLAG('f', "force", PruneOptions, force, "Do not ask"),
        {},
};

static int cmd_builder_prune(const CommandInput *in, Err *err) {
        const PruneOptions *o = in->options;
        PruneRequest request = { .mounts = o->all };
        autofree char *words = NULL;
        CacheUse use = {};
        int r;

        r = prune_filters(o->filters, &request.before_ns, NULL, err);
        if (r < 0)
                return r;
        if (!o->force && !confirm(o->all ? "This removes the build cache and all cache mounts."
                                         : "This removes the build cache, but for cache mounts."))
                return 0;
        r = build_cache_prune(in->home, &request, &use, err);
        if (r < 0)
                return r;
        words = size_words((uint64_t) use.bytes);
        printf("%zu steps, %zu layers and %zu cache mounts removed\n"
               "Total reclaimed space: %s\n",
               use.n_steps, use.n_layers, use.n_mounts, words ? words : "");
        return 0;
}

COMMAND(builder_prune) = {
        .name = "builder prune",
        .alias = "buildx prune",
        .group = "Images",
        .synopsis = "[OPTION...]",
        .summary = "Remove the build cache",
        .options = options,
        .options_size = sizeof(PruneOptions),
        .run = cmd_builder_prune,
};
