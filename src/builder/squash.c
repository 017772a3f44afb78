/* SPDX-License-Identifier: GPL-2.0-or-later */

/* --squash: the layers that a build added become one, upon those of the image it began with. */

#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/str.h"
#include "builder/step.h"
#include "kernel/process.h"

/* Puts one layer on top of what the draft holds. */
static int put_layer(const Build *build, const LayerDraft *draft, const char *chain, Err *err) {
        TreeView view = { .upper = draft->diff, .work = draft->work };
        autoclose int stream = -EBADF, writer = -EBADF;
        autoptr(Layer) layer = NULL;
        TreeReport report;
        int r;

        r = layer_load(build->home, chain, &layer, err);
        if (r < 0)
                return r;
        stream = layer_open_tar(layer, -EBADF, &writer, err);
        if (stream < 0)
                return stream;
        r = tree_unpack(&view, stream, UNPACK_OVER, "/", 0, &report, err);
        stream = close_fd(stream);
        process_kill_and_reap(writer);
        return r;
}

static int merge(const Build *build, const StageState *state, Layer **ret, Err *err) {
        const char *base = state->n_base_layers ? state->layers[state->n_base_layers - 1] : NULL;
        autoptr(LayerDraft) draft = NULL;
        int r;

        r = layer_draft(build->home, &draft, err);
        for (char **chain = state->layers + state->n_base_layers; r >= 0 && *chain; chain++)
                r = put_layer(build, draft, *chain, err);
        return r < 0 ? r : layer_commit(draft, base, ret, err);
}

/* What earlier steps changed is in the one layer that the last entry stands for. */
static int rewrite_history(StageState *state, size_t n, Err *err) {
        OciImage *image = &state->image;
        OciHistory *entry;

        for (size_t i = state->n_base_history; i < image->n_history; i++)
                image->history[i].empty_layer = true;
        entry = json_grow(&image->history, &image->n_history, sizeof *entry);
        if (!entry || !(entry->comment = str_format("merge of %zu layers", n)))
                return fail(err, ENOMEM, "cannot keep the history");
        return 0;
}

int build_squash(const Build *build, StageState *state, Err *err) {
        size_t n = strv_length(state->layers) - state->n_base_layers, n_below;
        autoptr(Layer) layer = NULL;
        autorecord record = {};
        char digest[DIGEST_LENGTH + 1];
        CacheKey key;
        int r = 0;

        if (n < 2)
                return 0;
        cache_key_begin(&key, "squash", stage_chain(state));
        cache_key_add(&key, state->n_base_layers ? state->layers[state->n_base_layers - 1] : NULL);
        cache_key_end(&key, digest);
        if (cache_load(build->home, digest, &record) < 0 || !record.chain_id ||
            layer_load(build->home, record.chain_id, &layer, NULL) < 0) {
                r = merge(build, state, &layer, err);
                if (r < 0)
                        return err_prefix(err, r, "cannot squash");
                cache_save(build->home, digest, layer->chain_id, build->now);
        }

        n_below = state->n_base_layers;
        for (size_t i = n_below; i < n_below + n; i++) {
                free(state->layers[i]);
                state->layers[i] = NULL;
        }
        /* Topmost first: what was added stands at the beginning. */
        for (size_t i = 0; i < n - 1; i++)
                free(state->lowers[i]);
        memmove(state->lowers, state->lowers + n - 1, (n_below + 2) * sizeof *state->lowers);
        if (strv_add(&state->layers, layer->chain_id) < 0 ||
            str_set(&state->lowers[0], layer->diff) < 0)
                return fail(err, ENOMEM, "cannot squash");
        return rewrite_history(state, n, err);
}
