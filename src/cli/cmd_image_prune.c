/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola image prune: remove images that nobody uses. */

#include <stdio.h>

#include "base/auto.h"
#include "base/size.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/confirm.h"
#include "cli/image_prune.h"

typedef struct PruneOptions {
        const char **filters;
        bool all, force;
} PruneOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('a', "all", PruneOptions, all, "Also those that have a name"),
        OPT_LIST(0, "filter", PruneOptions, filters, "KEY=VALUE", "Only those with until=, label="),
        OPT_FLAG('f', "force", PruneOptions, force, "Do not ask"),
        {},
};

static int cmd_image_prune(const CommandInput *in, Err *err) {
        const PruneOptions *o = in->options;
        ImagePrune how = { .all = o->all };
        autofree char *words = NULL;
        autostrv labels = NULL;
        uint64_t total = 0;
        int r;

        r = prune_filters(o->filters, &how.before_ns, &labels, err);
        if (r < 0)
                return r;
        if (!o->force && !confirm(o->all ? "This removes all images that no container uses."
                                         : "This removes all images without a name."))
                return 0;
        how.labels = (const char *const *) labels;
        r = images_prune(in->home, &how, &total, err);
        if (r < 0)
                return r;
        words = size_words(total);
        printf("Total reclaimed space: %s\n", words ? words : "");
        return 0;
}

COMMAND(image_prune) = {
        .name = "image prune",
        .group = "Images",
        .synopsis = "[OPTION...]",
        .summary = "Remove images that nobody uses",
        .options = options,
        .options_size = sizeof(PruneOptions),
        .run = cmd_image_prune,
};
