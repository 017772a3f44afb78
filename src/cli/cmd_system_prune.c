/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola system prune: remove what nobody uses. */

#include <stdio.h>

#include "base/auto.h"
#include "base/size.h"
#include "base/str.h"
#include "builder/prune.h"
#include "cli/command.h"
#include "cli/confirm.h"
#include "cli/image_prune.h"
#include "cli/list_filter.h"
#include "engine/container.h"
#include "engine/volume.h"

typedef struct PruneOptions {
        const char **filters;
        bool all, force, volumes;
} PruneOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('a', "all", PruneOptions, all, "Images that have a name as well"),
        OPT_LIST(0, "filter", PruneOptions, filters, "KEY=VALUE", "Only those with until=, label="),
        OPT_FLAG('f', "force", PruneOptions, force, "Do not ask"),
        OPT_FLAG(0, "volumes", PruneOptions, volumes, "Volumes without a name as well"),
        {},
};

static int prune_containers(const Home *home, char *const *labels, uint64_t *total, Err *err) {
        Container **list = NULL;
        size_t n = 0;
        int r = container_list(home, true, &list, &n, err);

        for (size_t i = 0; r >= 0 && i < n; i++) {
                uint64_t own = 0, all = 0;
                autoerr why = {};
                bool fits = !container_is_up(list[i]);

                strv_foreach(label, labels)
                        fits &= label_fits(list[i]->config.labels, *label);
                if (!fits)
                        continue;
                (void) container_size(list[i], &own, &all, NULL);
                if (container_remove(list[i], false, false, &why) < 0) {
                        (void) command_complain(&why);
                        continue;
                }
                printf("Deleted: %s\n", list[i]->id);
                *total += own;
        }
        container_list_free(list, n);
        return r < 0 ? r : 0;
}

static int prune_volumes(const Home *home, uint64_t *total, Err *err) {
        autovolumeuses uses = {};
        Volume **list = NULL;
        size_t n = 0;
        int r = volume_list(home, &list, &n, err);

        if (r >= 0)
                r = volume_uses(home, &uses, err);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                uint64_t size = 0;

                if (!list[i]->anonymous || volume_user(&uses, list[i]->name))
                        continue;
                (void) volume_size(home, list[i]->name, &size, NULL);
                if (volume_remove(home, list[i]->name, NULL) < 0)
                        continue;
                printf("Deleted: %s\n", list[i]->name);
                *total += size;
        }
        volume_list_free(list, n);
        return r < 0 ? r : 0;
}

static int prune(const CommandInput *in, int64_t before_ns, char *const *labels, Err *err) {
        const PruneOptions *o = in->options;
        const ImagePrune how = { .all = o->all,
                                 .before_ns = before_ns,
                                 .labels = (const char *const *) labels };
        autofree char *words = NULL;
        CacheUse use = {};
        uint64_t total = 0;
        int r;

        r = prune_containers(in->home, labels, &total, err);
        if (r >= 0 && o->volumes)
                r = prune_volumes(in->home, &total, err);
        if (r >= 0)
                r = images_prune(in->home, &how, &total, err);
        if (r >= 0)
                r = build_cache_prune(in->home, &(PruneRequest){ .before_ns = before_ns }, &use,
                                      err);
        if (r < 0)
                return r;
        words = size_words(total + (uint64_t) use.bytes);
        printf("Total reclaimed space: %s\n", words ? words : "");
        return 0;
}

static int cmd_system_prune(const CommandInput *in, Err *err) {
        const PruneOptions *o = in->options;
        autostrv labels = NULL;
        int64_t before_ns;
        int r;

        r = prune_filters(o->filters, &before_ns, &labels, err);
        if (r < 0)
                return r;
        if (!o->force &&
            !confirm(o->all ? "This removes all stopped containers, all images that no container "
                              "uses, and the build cache."
                            : "This removes all stopped containers, all images without a name, and "
                              "the build cache."))
                return 0;
        return prune(in, before_ns, labels, err);
}

COMMAND(system_prune) = {
        .name = "system prune",
        .group = "System",
        .synopsis = "[OPTION...]",
        .summary = "Remove stopped containers, unused images and the build cache",
        .options = options,
        .options_size = sizeof(PruneOptions),
        .run = cmd_system_prune,
};
