/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola system df: what takes how much room. */

#include <jansson.h>
#include <stdio.h>

#include "base/auto.h"
#include "base/size.h"
#include "base/str.h"
#include "builder/prune.h"
#include "cli/command.h"
#include "cli/disk_usage.h"
#include "cli/format.h"
#include "cli/image_prune.h"
#include "engine/container.h"
#include "engine/volume.h"
#include "store/image.h"
#include "store/layer.h"
#include "store/record.h"

typedef struct DfOptions {
        const char *format;
        bool verbose;
} DfOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "format", DfOptions, format, "FORMAT",
                   "Print as json, table or a Go template"),
        OPT_FLAG('v', "verbose", DfOptions, verbose,
                 "List every image, container, volume and cache"),
        {},
};

typedef struct Use {
        const char *type;
        size_t total, active;
        uint64_t bytes, reclaimable;
} Use;

/* A layer counts once, however many images stand on it. */
static int add_layers(const Home *home, const Image *image, char ***seen, uint64_t *bytes) {
        autostrv chains = NULL;
        int r = record_chain_ids(image, &chains);

        strv_foreach(chain, chains) {
                autoptr(Layer) layer = NULL;

                if (r < 0 || strv_has(*seen, *chain))
                        continue;
                r = strv_add(seen, *chain);
                if (layer_load(home, *chain, &layer, NULL) >= 0)
                        *bytes += (uint64_t) layer->size;
        }
        return r;
}

static int use_of_images(const Home *home, Use *ret, Err *err) {
        autostrv needed = NULL;
        autostrv seen = NULL;
        Image **list = NULL;
        uint64_t active = 0;
        int r;

        r = image_list(home, &list, &ret->total, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ret->total && r >= 0; i++) {
                autofree char *user = image_user(list[i]->id, (void *) home);

                ret->active += user != NULL;
                if (user)
                        r = add_layers(home, list[i], &needed, &active);
        }
        for (size_t i = 0; i < ret->total && r >= 0; i++)
                r = add_layers(home, list[i], &seen, &ret->bytes);
        image_list_free(list, ret->total);
        ret->reclaimable = ret->bytes - active;
        return r < 0 ? fail(err, r, "cannot add the images up") : 0;
}

static int use_of_containers(const Home *home, Use *ret, Err *err) {
        Container **list = NULL;
        int r = container_list(home, true, &list, &ret->total, err);

        for (size_t i = 0; r >= 0 && i < ret->total; i++) {
                uint64_t own = 0, all = 0;

                (void) container_size(list[i], &own, &all, NULL);
                ret->bytes += own;
                if (container_is_up(list[i]))
                        ret->active++;
                else
                        ret->reclaimable += own;
        }
        container_list_free(list, ret->total);
        return r < 0 ? r : 0;
}

static int use_of_volumes(const Home *home, Use *ret, Err *err) {
        autovolumeuses uses = {};
        Volume **list = NULL;
        int r = volume_list(home, &list, &ret->total, err);

        if (r >= 0)
                r = volume_uses(home, &uses, err);
        for (size_t i = 0; r >= 0 && i < ret->total; i++) {
                bool used = volume_user(&uses, list[i]->name);
                uint64_t size = 0;

                (void) volume_size(home, list[i]->name, &size, NULL);
                ret->bytes += size;
                ret->active += used;
                ret->reclaimable += used ? 0 : size;
        }
        volume_list_free(list, ret->total);
        return r < 0 ? r : 0;
}

static int use_of_cache(const Home *home, Use *ret, Err *err) {
        CacheUse use = {};
        int r = build_cache_use(home, &use, err);

        ret->total = use.n_steps + use.n_mounts;
        ret->bytes = ret->reclaimable = (uint64_t) use.bytes;
        return r;
}

static int add_row(json_t *rows, const Use *use) {
        autofree char *size = size_words(use->bytes), *spare = size_words(use->reclaimable);
        autofree char *share = NULL;
        json_t *row;

        if (use->bytes && spare)
                share = str_format("%s (%d%%)", spare, (int) (use->reclaimable * 100 / use->bytes));
        row = size && spare
                      ? json_pack("{s:s, s:s, s:s, s:s, s:s}", "Type", use->type, "TotalCount", "",
                                  "Active", "", "Size", size, "Reclaimable", share ? share : spare)
                      : NULL;
        if (!row)
                return -ENOMEM;
        json_object_set_new(row, "TotalCount", json_sprintf("%zu", use->total));
        json_object_set_new(row, "Active", json_sprintf("%zu", use->active));
        return json_array_append_new(rows, row);
}

static int cmd_system_df(const CommandInput *in, Err *err) {
        static const Column columns[] = {
                { "TYPE", "Type" }, { "TOTAL", "TotalCount" },        { "ACTIVE", "Active" },
                { "SIZE", "Size" }, { "RECLAIMABLE", "Reclaimable" }, {}
        };
        static int (*const uses[])(const Home *, Use *, Err *) = { use_of_images, use_of_containers,
                                                                   use_of_volumes, use_of_cache };
        static const char *const types[] = { "Images", "Containers", "Local Volumes",
                                             "Build Cache" };
        const DfOptions *o = in->options;
        json_t *rows;
        int r = 0;

        if (o->verbose && o->format)
                return refuse(err, EINVAL, "--verbose and --format do not go together");
        if (o->verbose)
                return disk_usage_print(in->home, err);
        rows = json_array();
        for (size_t i = 0; i < 4 && r >= 0; i++) {
                Use use = { .type = types[i] };

                r = uses[i](in->home, &use, err);
                if (r >= 0 && add_row(rows, &use) < 0)
                        r = fail(err, ENOMEM, "cannot add up");
        }
        if (r >= 0)
                r = format_rows(columns, rows, o->format, err);
        json_decref(rows);
        return r;
}

COMMAND(system_df) = {
        .name = "system df",
        .group = "System",
        .synopsis = "[OPTION...]",
        .summary = "Show what takes how much room",
        .options = options,
        .options_size = sizeof(DfOptions),
        .run = cmd_system_df,
};
