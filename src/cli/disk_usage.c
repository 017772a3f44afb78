/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/size.h"
#include "base/str.h"
#include "builder/cache_mount.h"
#include "builder/prune.h"
#include "cli/disk_usage.h"
#include "cli/format.h"
#include "engine/container.h"
#include "engine/volume.h"
#include "store/image.h"
#include "store/layer.h"
#include "store/record.h"

static int no_memory(Err *err) {
        return fail(err, ENOMEM, "cannot add up");
}

/* Prints a table under its heading and lets the rows go. */
static int print_table(const char *heading, const Column *columns, json_t *rows, int r, Err *err) {
        if (r >= 0 && rows) {
                printf("%s space usage:\n\n", heading);
                r = format_rows(columns, rows, NULL, err);
                printf("\n");
        }
        json_decref(rows);
        return r < 0 || rows ? r : no_memory(err);
}

static char *ago(int64_t ns) {
        autofree char *span = span_words(clock_now_ns() - ns);

        return span ? str_format("%s ago", span) : NULL;
}

static char *ago_text(const char *time) {
        int64_t ns;

        return time && clock_parse_rfc3339(time, &ns) >= 0 ? ago(ns) : strdup("N/A");
}

/* ---- images ---- */

/* How many images stand on a layer. */
typedef struct LayerUse {
        char *chain;
        uint64_t size;
        size_t users;
} LayerUse;

typedef struct LayerUses {
        LayerUse *all;
        size_t n;
} LayerUses;

static void layer_uses_clear(LayerUses *u) {
        for (size_t i = 0; i < u->n; i++)
                free(u->all[i].chain);
        free(u->all);
}
#define autolayeruses __attribute__((__cleanup__(layer_uses_clear))) LayerUses

static LayerUse *find_layer(const LayerUses *u, const char *chain) {
        for (size_t i = 0; i < u->n; i++)
                if (str_equal(u->all[i].chain, chain))
                        return &u->all[i];
        return NULL;
}

static int count_layers(const Home *home, const Image *image, LayerUses *u) {
        autostrv chains = NULL;
        int r = record_chain_ids(image, &chains);

        strv_foreach(chain, chains) {
                LayerUse *use = find_layer(u, *chain);
                autoptr(Layer) layer = NULL;

                if (use) {
                        use->users++;
                        continue;
                }
                use = json_grow(&u->all, &u->n, sizeof *use);
                if (!use || !(use->chain = strdup(*chain)))
                        return -ENOMEM;
                use->users = 1;
                if (layer_load(home, *chain, &layer, NULL) >= 0)
                        use->size = (uint64_t) layer->size;
        }
        return r;
}

static int split_size(const Image *image, const LayerUses *u, uint64_t *ret_shared,
                      uint64_t *ret_own) {
        autostrv chains = NULL;
        int r = record_chain_ids(image, &chains);

        strv_foreach(chain, chains) {
                const LayerUse *use = find_layer(u, *chain);

                if (use)
                        *(use->users > 1 ? ret_shared : ret_own) += use->size;
        }
        return r;
}

static size_t count_containers(Container *const *list, size_t n, const char *image) {
        size_t found = 0;

        for (size_t i = 0; i < n; i++)
                found += str_equal(list[i]->image, image);
        return found;
}

/* The first of an image's names, in two parts. */
static int name_parts(const Image *image, char **ret_repository, char **ret_tag) {
        const char *name = image->names ? image->names[0] : NULL;
        const char *colon = name ? strrchr(name, ':') : NULL;

        *ret_repository = colon ? strndup(name, (size_t) (colon - name)) : strdup("<none>");
        *ret_tag = strdup(colon ? colon + 1 : "<none>");
        return *ret_repository && *ret_tag ? 0 : -ENOMEM;
}

static int add_image(json_t *rows, const Image *image, const LayerUses *u, size_t containers) {
        autofree char *repository = NULL, *tag = NULL, *size = NULL, *shared = NULL, *own = NULL;
        autofree char *created = ago_text(image->config.created);
        uint64_t shared_bytes = 0, own_bytes = 0;
        json_t *row = NULL;
        int r = split_size(image, u, &shared_bytes, &own_bytes);

        if (r >= 0)
                r = name_parts(image, &repository, &tag);
        if (r < 0)
                return r;
        size = size_words(shared_bytes + own_bytes);
        shared = size_words(shared_bytes);
        own = size_words(own_bytes);
        if (size && shared && own && created)
                row = json_pack("{s:s, s:s, s:s%, s:s, s:s, s:s, s:s, s:o}", "Repository",
                                repository, "Tag", tag, "ID", digest_hex(image->id),
                                (size_t) ID_SHORT_LENGTH, "CreatedSince", created, "Size", size,
                                "SharedSize", shared, "UniqueSize", own, "Containers",
                                json_sprintf("%zu", containers));
        return row ? json_array_append_new(rows, row) : -ENOMEM;
}

static int print_images(const Home *home, Container *const *containers, size_t n_containers,
                        Err *err) {
        static const Column columns[] = {
                { "REPOSITORY", "Repository" },
                { "TAG", "Tag" },
                { "IMAGE ID", "ID" },
                { "CREATED", "CreatedSince" },
                { "SIZE", "Size" },
                { "SHARED SIZE", "SharedSize" },
                { "UNIQUE SIZE", "UniqueSize" },
                { "CONTAINERS", "Containers" },
                {},
        };
        json_t *rows = json_array();
        autolayeruses uses = {};
        Image **list = NULL;
        size_t n = 0;
        int r = image_list(home, &list, &n, err);

        for (size_t i = 0; i < n && r >= 0; i++)
                if (count_layers(home, list[i], &uses) < 0)
                        r = no_memory(err);
        for (size_t i = 0; i < n && r >= 0; i++)
                if (add_image(rows, list[i], &uses,
                              count_containers(containers, n_containers, list[i]->id)) < 0)
                        r = no_memory(err);
        image_list_free(list, n);
        return print_table("Images", columns, rows, r, err);
}

/* ---- containers ---- */

static size_t count_volumes(const Container *c) {
        size_t n = 0;

        for (size_t i = 0; i < c->host.n_mounts; i++)
                n += str_equal(c->host.mounts[i].type, "volume");
        return n;
}

static int add_container(json_t *rows, Container *c) {
        autofree char *created = ago_text(c->created), *size = NULL;
        uint64_t own = 0, all = 0;
        json_t *row = NULL;

        (void) container_size(c, &own, &all, NULL);
        size = size_words(own);
        if (created && size)
                row = json_pack("{s:s%, s:s, s:s, s:o, s:s, s:s, s:s, s:s}", "ID", c->id,
                                (size_t) ID_SHORT_LENGTH, "Image",
                                c->config.image ? c->config.image : "", "Command",
                                c->path ? c->path : "", "LocalVolumes",
                                json_sprintf("%zu", count_volumes(c)), "Size", size, "CreatedSince",
                                created, "Status", container_status_name(container_status(c)),
                                "Names", c->name);
        return row ? json_array_append_new(rows, row) : -ENOMEM;
}

static int print_containers(Container *const *list, size_t n, Err *err) {
        static const Column columns[] = {
                { "CONTAINER ID", "ID" },
                { "IMAGE", "Image" },
                { "COMMAND", "Command" },
                { "LOCAL VOLUMES", "LocalVolumes" },
                { "SIZE", "Size" },
                { "CREATED", "CreatedSince" },
                { "STATUS", "Status" },
                { "NAMES", "Names" },
                {},
        };
        json_t *rows = json_array();
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                if (add_container(rows, list[i]) < 0)
                        r = no_memory(err);
        return print_table("Containers", columns, rows, r, err);
}

/* ---- volumes ---- */

static size_t count_uses(const VolumeUses *uses, const char *volume) {
        size_t n = 0;

        for (size_t i = 0; i < uses->n; i++)
                n += str_equal(uses->all[i].volume, volume);
        return n;
}

static int add_volume(json_t *rows, const Home *home, const char *name, const VolumeUses *uses) {
        autofree char *size = NULL;
        uint64_t bytes = 0;
        json_t *row = NULL;

        (void) volume_size(home, name, &bytes, NULL);
        size = size_words(bytes);
        if (size)
                row = json_pack("{s:s, s:o, s:s}", "Name", name, "Links",
                                json_sprintf("%zu", count_uses(uses, name)), "Size", size);
        return row ? json_array_append_new(rows, row) : -ENOMEM;
}

static int print_volumes(const Home *home, Err *err) {
        static const Column columns[] = {
                { "VOLUME NAME", "Name" }, { "LINKS", "Links" }, { "SIZE", "Size" }, {}
        };
        json_t *rows = json_array();
        autovolumeuses uses = {};
        Volume **list = NULL;
        size_t n = 0;
        int r = volume_list(home, &list, &n, err);

        if (r >= 0)
                r = volume_uses(home, &uses, err);
        for (size_t i = 0; i < n && r >= 0; i++)
                if (add_volume(rows, home, list[i]->name, &uses) < 0)
                        r = no_memory(err);
        volume_list_free(list, n);
        return print_table("Local Volumes", columns, rows, r, err);
}

/* ---- the build cache ---- */

static int add_cache(json_t *rows, const CacheMountInfo *info) {
        autofree char *size = size_words(info->size), *used = ago(info->used_ns);
        json_t *row = size && used ? json_pack("{s:s, s:s, s:s}", "ID", info->id, "Size", size,
                                               "LastUsed", used)
                                   : NULL;

        return row ? json_array_append_new(rows, row) : -ENOMEM;
}

static int print_cache(const Home *home, Err *err) {
        static const Column columns[] = {
                { "CACHE MOUNT", "ID" }, { "SIZE", "Size" }, { "LAST USED", "LastUsed" }, {}
        };
        json_t *rows = json_array();
        CacheMountInfo *list = NULL;
        autofree char *size = NULL;
        CacheUse use = {};
        size_t n = 0;
        int r = build_cache_use(home, &use, err);

        if (r >= 0)
                r = cache_mount_list(home, &list, &n, err);
        for (size_t i = 0; i < n && r >= 0; i++)
                if (add_cache(rows, &list[i]) < 0)
                        r = no_memory(err);
        cache_mount_list_free(list, n);
        size = size_words((uint64_t) use.bytes);
        if (r >= 0 && !size)
                r = no_memory(err);
        if (r >= 0)
                printf("Build cache usage: %s, %zu steps\n\n", size, use.n_steps);
        return print_table("Cache mounts", columns, rows, r, err);
}

int disk_usage_print(const Home *home, Err *err) {
        Container **list = NULL;
        size_t n = 0;
        int r = container_list(home, true, &list, &n, err);

        if (r >= 0)
                r = print_images(home, list, n, err);
        if (r >= 0)
                r = print_containers(list, n, err);
        container_list_free(list, n);
        if (r >= 0)
                r = print_volumes(home, err);
        return r < 0 ? r : print_cache(home, err);
}
