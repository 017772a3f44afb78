/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Build caches in registries and in images: what is noted of steps, and where it goes. */

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "builder/cache_transfer.h"
#include "transfer/cache_image.h"

static const PlaceOptions usual;

void cache_transfer_open(Build *build) {
        for (size_t i = 0; i < build->cache_from.n; i++) {
                const CachePlace *place = &build->cache_from.list[i];
                size_t before = build->cache_images.n;
                autoerr why = {};
                int r;

                if (place->kind != CACHE_REGISTRY)
                        continue;
                r = cache_images_load(build->home, place->where, &usual, &build->cache_images,
                                      &why);
                if (r < 0)
                        log_warn("cannot use the cache '%s': %s; the build goes on without it",
                                 place->where, why.message ? why.message : strerror(-r));
                else if (build->cache_images.n == before)
                        log_warn("'%s' carries no cache that isola made; the build goes on "
                                 "without it",
                                 place->where);
        }
}

/* ------------------------------------------------------------------------- what is noted */

/* A line of StageState.steps: "KEY CREATED CHAIN-ID", or "-" for a step that changed nothing. */
typedef struct Noted {
        char **words; /* owns what the result points to */
        CacheResult result;
} Noted;

static void noted_clear(Noted *list, size_t n) {
        for (size_t i = 0; i < n; i++)
                strv_free(list[i].words);
        free(list);
}

static int read_noted(const char *line, Noted *ret) {
        int r = strv_split(line, " ", false, &ret->words);

        if (r < 0 || strv_length(ret->words) != 3)
                return r < 0 ? r : -EBADMSG;
        ret->result = (CacheResult){ ret->words[0], ret->words[1],
                                     str_equal(ret->words[2], "-") ? NULL : ret->words[2] };
        return 0;
}

static int add_stage(const StageState *state, Noted **list, size_t *n) {
        strv_foreach(line, state->steps) {
                Noted *noted = json_grow(list, n, sizeof *noted);
                int r = noted ? read_noted(*line, noted) : -ENOMEM;

                if (r < 0)
                        return r;
        }
        return 0;
}

/* The steps that made the image are those of the wanted stage and of the stages it continues. */
static int add_steps(const Build *build, bool all, Noted **list, size_t *n) {
        const Stages *plan = build->plan;
        int r = 0;

        for (size_t i = 0; all && r >= 0 && i < plan->n; i++)
                r = add_stage(&build->stages[i], list, n);
        for (int i = (int) plan->target; !all && r >= 0 && i >= 0; i = plan->stages[i].base_stage)
                r = add_stage(&build->stages[i], list, n);
        return r;
}

/* ------------------------------------------------------------------------- where it goes */

static int push_to(const Build *builds, size_t n, const CachePlace *place, Err *err) {
        autofree CacheResult *results = NULL;
        Noted *noted = NULL;
        size_t n_noted = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add_steps(&builds[i], place->all, &noted, &n_noted);
        results = calloc(n_noted + 1, sizeof *results);
        if (r >= 0 && !results)
                r = -ENOMEM;
        for (size_t i = 0; r >= 0 && i < n_noted; i++)
                results[i] = noted[i].result;
        if (r >= 0)
                build_say(builds, "Exporting the cache to %s: %zu steps\n", place->where, n_noted);
        r = r < 0 ? fail(err, r, "cannot export the cache")
                  : cache_image_push(builds->home, place->where, &usual, results, n_noted, err);
        noted_clear(noted, n_noted);
        return r;
}

int cache_push(const Build *builds, size_t n, Err *err) {
        for (size_t i = 0; i < builds->cache_to.n; i++) {
                const CachePlace *place = &builds->cache_to.list[i];
                autoerr why = {};
                int r;

                if (place->kind != CACHE_REGISTRY)
                        continue;
                r = push_to(builds, n, place, place->ignore_error ? &why : err);
                if (r < 0 && place->ignore_error)
                        log_warn("cannot export the cache to '%s': %s", place->where,
                                 why.message ? why.message : strerror(-r));
                else if (r < 0)
                        return err_prefix(err, r, "cannot export the cache to '%s'", place->where);
        }
        return 0;
}

/* Which layer of the image a step made; one that was squashed since is none. */
static int64_t layer_of(const StageState *state, const char *chain_id) {
        for (size_t i = 0; state->layers && state->layers[i]; i++)
                if (str_equal(state->layers[i], chain_id))
                        return (int64_t) i;
        return -1;
}

static int add_inline(const Build *build, const StageState *state, const CacheResult *result,
                      CacheList *list) {
        int64_t at = result->chain_id ? layer_of(state, result->chain_id) : 0;
        autoptr(Layer) layer = NULL;
        CacheStep *step;

        if (at < 0 ||
            (result->chain_id && layer_load(build->home, result->chain_id, &layer, NULL) < 0))
                return 0;
        step = json_grow(&list->steps, &list->n_steps, sizeof *step);
        if (!step)
                return -ENOMEM;
        step->key = strdup(result->key);
        step->created = strdup(result->created);
        step->diff_id = layer ? strdup(layer->diff_id) : NULL;
        step->layer = at;
        return step->key && step->created && (!layer || step->diff_id) ? 0 : -ENOMEM;
}

int cache_inline(const Build *build, char **ret, Err *err) {
        const StageState *state = &build->stages[build->plan->target];
        CacheList list = { .version = CACHE_LIST_VERSION };
        autofree char *text = NULL;
        Noted *noted = NULL;
        size_t n = 0;
        int r;

        *ret = NULL;
        if (!cache_places_find(&build->cache_to, CACHE_INLINE))
                return 0;
        r = add_steps(build, false, &noted, &n);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add_inline(build, state, &noted[i].result, &list);
        text = r < 0 ? NULL : json_text(&cache_list_type, &list);
        if (text)
                *ret = str_format(CACHE_ANNOTATION "=%s", text);
        json_clear(&cache_list_type, &list);
        noted_clear(noted, n);
        return *ret ? 0 : fail(err, r < 0 ? r : -ENOMEM, "cannot write the image's cache");
}
