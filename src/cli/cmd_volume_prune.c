/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/confirm.h"
#include "cli/list_filter.h"
#include "engine/volume.h"

typedef struct PruneOptions {
        const char **filters;
        bool all, force;
} PruneOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('a', "all", PruneOptions, all, "Also those that have a name"),
        OPT_LIST(0, "filter", PruneOptions, filters, "KEY=VALUE",
                 "Only those with label=, label!="),
        OPT_FLAG('f', "force", PruneOptions, force, "Do not ask"),
        {},
};

static bool fits_label(const void *v, const char *value) {
        return label_fits(((const Volume *) v)->labels, value);
}
static bool lacks_label(const void *v, const char *value) {
        return !label_fits(((const Volume *) v)->labels, value);
}

static const ListFilter filters[] = {
        { "label!", lacks_label, .all = true },
        { "label", fits_label, .all = true },
        {},
};

/* One that got a user in the meantime stays, and is no failure. */
static int prune_one(const Home *home, const Volume *v, uint64_t *total) {
        uint64_t size = 0;
        autoerr err = {};
        int r;

        (void) volume_size(home, v->name, &size, NULL);
        r = volume_remove(home, v->name, &err);
        if (r == -EBUSY || r == -ENOENT)
                return 0;
        if (r < 0) {
                command_complain(&err);
                return 1;
        }
        puts(v->name);
        *total += size;
        return 0;
}

static int prune(const CommandInput *in, Err *err) {
        const PruneOptions *o = in->options;
        autovolumeuses uses = {};
        autofree char *words = NULL;
        Volume **list = NULL;
        uint64_t total = 0;
        size_t n = 0;
        int r, code = 0;

        r = volume_list(in->home, &list, &n, err);
        if (r >= 0)
                r = volume_uses(in->home, &uses, err);
        for (size_t i = 0; i < n && r >= 0; i++)
                if ((o->all || list[i]->anonymous) && !volume_user(&uses, list[i]->name) &&
                    list_filter_match(filters, o->filters, list[i]))
                        code |= prune_one(in->home, list[i], &total);
        volume_list_free(list, n);
        if (r < 0)
                return r;
        words = size_words(total);
        printf("Total reclaimed space: %s\n", words ? words : "");
        return code;
}

static int cmd_volume_prune(const CommandInput *in, Err *err) {
        const PruneOptions *o = in->options;
        int r;

        r = list_filter_check(filters, o->filters, "volumes to prune", err);
        if (r < 0)
                return r;
        if (!o->force &&
            !confirm(o->all ? "This removes all volumes that no container uses."
                            : "This removes all volumes without a name that no container uses."))
                return 0;
        return prune(in, err);
}

COMMAND(volume_prune) = {
        .name = "volume prune",
        .group = "Volumes",
        .synopsis = "[OPTION...]",
        .summary = "Remove all volumes that no container uses",
        .options = options,
        .options_size = sizeof(PruneOptions),
        .run = cmd_volume_prune,
};
