/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A stage, instruction by instruction: each step from the cache, or carried out on a draft. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "builder/account.h"
#include "builder/cache_transfer.h"
#include "builder/expand.h"
#include "builder/stage.h"

#define TRIGGER_PLACE "ONBUILD trigger"

void step_clear(Step *step) {
        free(step->created_by);
        selection_clear(&step->selection);
        strv_free(step->sources);
        for (size_t i = 0; i < step->n_contents; i++) {
                free(step->contents[i].from);
                free(step->contents[i].to);
                free(step->contents[i].content);
        }
        free(step->contents);
        strv_free(step->urls);
        free(step->checksum);
        for (size_t i = 0; i < step->n_downloads; i++) {
                free(step->downloads[i].from);
                free(step->downloads[i].to);
        }
        free(step->downloads);
        layer_draft_free(step->fetched);
        for (size_t i = 0; i < step->n_repositories; i++)
                git_source_free(step->repositories[i]);
        free(step->repositories);
        free(step->dest);
        strv_free(step->exclude);
        free(step->owner);
        free(step->mode);
        origin_clear(&step->origin);
        step_mounts_clear(step);
        run_devices_clear(&step->devices);
        strv_free(step->command);
        strv_free(step->environment);
        free(step->script);
        free(step->script_path);
        free(step->network);
        *step = (Step){};
}

const char *stage_chain(const StageState *state) {
        size_t n = strv_length(state->layers);

        return n ? state->layers[n - 1] : "";
}

void step_begin_key(const Step *step, CacheKey *key, const char *operation) {
        char latest[32];

        cache_key_begin(key, operation, step->link ? NULL : stage_chain(step->state));
        snprintf(latest, sizeof latest, "%lld", (long long) step->build->latest);
        cache_key_add(key, latest);
}

int step_expand(const Step *step, const char *word, char **ret, Err *err) {
        return expand_word(word, step->state->variables, step->build->file->escape, ret, err);
}

/* Puts a layer on top. */
static int push_layer(StageState *state, const char *chain_id, const char *diff, Err *err) {
        autostrv lowers = NULL;

        if (strv_add(&lowers, diff) < 0 || strv_extend(&lowers, state->lowers) < 0 ||
            strv_add(&state->layers, chain_id) < 0)
                return fail(err, ENOMEM, "cannot keep a layer");
        strv_free(state->lowers);
        state->lowers = take_ptr(lowers);
        return 0;
}

static int note(StageState *state, const char *text, bool empty_layer, const char *created,
                Err *err) {
        OciHistory *entry;

        if (config_add_history(state, text, empty_layer) < 0)
                return fail(err, ENOMEM, "cannot keep the history");
        entry = &state->image.history[state->image.n_history - 1];
        if (created && !(entry->created = strdup(created)))
                return fail(err, ENOMEM, "cannot keep the history");
        return 0;
}

/* --no-cache, and --no-cache-filter for single stages. */
static bool is_uncached(const Step *step) {
        const Build *build = step->build;
        const Stage *stage = &build->plan->stages[step->state - build->stages];

        return build->request->no_cache ||
               (stage->name && strv_has((char *const *) build->request->uncached, stage->name));
}

/*
 * The layer that a cached step came to; one of --link may have been made above another layer.
 *
 * Return: 1 if it is there, 0 if the step has to be carried out.
 */
static int find_cached(const Step *step, const CacheRecord *record, Layer **ret) {
        const char *below = stage_chain(step->state);
        autoptr(Layer) layer = NULL;
        autoerr why = {};

        if (layer_load(step->build->home, record->chain_id, &layer, NULL) < 0)
                return 0;
        if (!step->link) {
                *ret = take_ptr(layer);
                return 1;
        }
        if (layer_relink(step->build->home, layer, str_empty(below) ? NULL : below, ret, &why) <
            0) {
                log_debug("%s; it is made again", why.message);
                return 0;
        }
        /* The newest is likely to last longest. */
        if (!str_equal((*ret)->chain_id, layer->chain_id))
                cache_save(step->build->home, step->key, (*ret)->chain_id, record->created);
        return 1;
}

/*
 * Takes the result of an earlier build, here or where --cache-from says.
 *
 * Return: 1 if there was one.
 */
static int take_cached(Step *step, Err *err) {
        const char *below = stage_chain(step->state);
        autoptr(Layer) layer = NULL;
        autorecord record = {};
        bool unchanged;
        int r;

        if (is_uncached(step))
                return 0;
        if (cache_load(step->build->home, step->key, &record) < 0 &&
            (cache_import(step, err) <= 0 || cache_load(step->build->home, step->key, &record) < 0))
                return 0;
        unchanged =
                str_empty(record.chain_id) || (!step->link && str_equal(record.chain_id, below));
        if (!unchanged && find_cached(step, &record, &layer) == 0)
                return 0;

        account_cached(step->build);
        if (layer) {
                r = push_layer(step->state, layer->chain_id, layer->diff, err);
                if (r < 0)
                        return r;
        }
        r = cache_export(step, layer, record.created, err);
        if (r < 0)
                return r;
        if (!step->created_by)
                return 1;
        r = note(step->state, step->created_by, unchanged, record.created, err);
        return r < 0 ? r : 1;
}

/* True if a step left nothing: then it makes no layer. */
static bool is_empty(const LayerDraft *draft) {
        autostrv names = NULL;
        struct stat st;

        return dir_list(AT_FDCWD, draft->diff, &names) == 0 && !names &&
               stat(draft->diff, &st) == 0 && (st.st_mode & 07777) == 0755 && st.st_uid == 0 &&
               st.st_gid == 0;
}

static int carry_out(Step *step, Err *err) {
        const char *below = stage_chain(step->state);
        autoptr(LayerDraft) draft = NULL;
        autoptr(Layer) layer = NULL;
        int r;

        r = layer_draft(step->build->home, &draft, err);
        if (r < 0)
                return r;
        fault_point("build.draft");
        r = step->carry_out(step, draft, err);
        if (r < 0)
                return r;
        fault_point("build.filled");
        if (!is_empty(draft)) {
                r = layer_commit(draft, str_empty(below) ? NULL : below, &layer, err);
                if (r < 0)
                        return r;
                r = push_layer(step->state, layer->chain_id, layer->diff, err);
                if (r < 0)
                        return r;
        }
        fault_point("build.committed");
        cache_save(step->build->home, step->key, layer ? layer->chain_id : NULL, step->build->now);
        r = cache_export(step, layer, step->build->now, err);
        if (r < 0)
                return r;
        return step->created_by ? note(step->state, step->created_by, !layer, step->build->now, err)
                                : 0;
}

static int run_step(Step *step, int (*prepare)(Step *, Err *), Err *err) {
        autoclose int lock = -EBADF;
        bool waited = false;
        int r = prepare(step, err);

        if (r >= 0)
                r = take_cached(step, err);
        if (r == 0 && !is_uncached(step)) {
                lock = cache_lock(step->build->home, step->key, &step->build->ends, &waited);
                if (lock == -EINTR)
                        return refuse(err, EINTR, "interrupted");
                if (lock < 0)
                        return fail(err, lock, "cannot lock a step");
                if (waited)
                        r = take_cached(step, err);
        }
        return r == 0 ? carry_out(step, err) : r;
}

/* Whether WORKDIR's directory is there is found out by making it; the history says WORKDIR either
 * way. */
static int change_config(Build *build, StageState *state, const Instruction *instruction,
                         Err *err) {
        autofree char *text = NULL;
        autostep step = { .build = build, .state = state, .instruction = instruction };
        int r;

        r = config_apply(state, &build->arguments, instruction, build->file->escape, &text, err);
        if (r <= 0)
                return r;
        if (instruction->kind != INSTRUCTION_WORKDIR ||
            str_equal(state->image.config.working_dir, "/"))
                return note(state, text, true, NULL, err);
        step.created_by = take_ptr(text);
        return run_step(&step, step_prepare_workdir, err);
}

static int carry_out_instruction(Build *build, StageState *state, const Instruction *instruction,
                                 Err *err) {
        autostep step = { .build = build, .state = state, .instruction = instruction };

        switch (instruction->kind) {
        case INSTRUCTION_ADD:
        case INSTRUCTION_COPY:
                return run_step(&step, step_prepare_copy, err);
        case INSTRUCTION_RUN:
                return run_step(&step, step_prepare_run, err);
        default:
                return change_config(build, state, instruction, err);
        }
}

/* The lines " ---> id" of Docker: the id that an image made of the state now would have. */
static void say_state(const Build *build, const StageState *state) {
        autofree char *text = json_text(&oci_image_type, &state->image);
        autofree char *layers = strv_join(state->layers, " ");
        autofree char *both = text && layers ? str_format("%s%s", text, layers) : NULL;
        char id[DIGEST_LENGTH + 1];

        if (!both)
                return;
        digest_of(both, strlen(both), id);
        build_say(build, " ---> %.*s\n", BUILD_ID_SHOWN, digest_hex(id));
}

/* @number: in the stage, from 1. */
static void announce(Build *build, const Stage *stage, const Instruction *instruction,
                     size_t number) {
        build->n_echoed++;
        account_step(build, instruction, number, stage->n + 1);
}

/* The layers of an image that the store has. */
static int begin_with_image(StageState *state, const Image *image, Err *err) {
        char chain[DIGEST_LENGTH + 1] = "";

        if (config_begin_image(state, &image->config) < 0 ||
            strv_copy(image->lowers, &state->lowers) < 0)
                return fail(err, ENOMEM, "cannot begin the stage");
        strv_foreach(diff_id, image->config.rootfs.diff_ids) {
                char below[DIGEST_LENGTH + 1];

                memcpy(below, chain, sizeof below);
                layer_chain_id(*below ? below : NULL, *diff_id, chain);
                if (strv_add(&state->layers, chain) < 0)
                        return fail(err, ENOMEM, "cannot begin the stage");
        }
        state->n_base_layers = strv_length(state->layers);
        state->n_base_history = state->image.n_history;
        return 0;
}

/* An image of the same name may be one for another kind of machine. */
static int check_image(const Stage *stage, const Image *image, Err *err) {
        const OciPlatform *p = &stage->platform;
        autofree char *wanted = NULL;
        const OciPlatform have = { .os = image->config.os,
                                   .architecture = image->config.architecture,
                                   .variant = image->config.variant };

        if (platform_match(p, &have) > 0)
                return 0;
        wanted = platform_text(p);
        return err_hint(err,
                        refuse(err, ENOENT, "image '%s' is for linux/%s%s%s, not for %s",
                               stage->base, image->config.architecture,
                               image->config.variant ? "/" : "",
                               image->config.variant ? image->config.variant : "", wanted),
                        "get the one for %s, or leave --platform away", wanted);
}

/* FROM a named context that is a directory: what it holds is the root file system. */
static int begin_with_directory(Build *build, const Stage *stage, Context *context,
                                StageState *state, Err *err) {
        autostep step = { .build = build, .state = state };
        int r = config_begin_scratch(state, &stage->platform);

        if (r < 0)
                return fail(err, r, "cannot begin the stage");
        step.origin.context = context;
        return run_step(&step, step_prepare_root, err);
}

static int begin_stage(Build *build, const Stage *stage, StageState *state, Err *err) {
        const NamedContext *named;
        autoptr(Image) image = NULL;
        int r = named_context_use(build, stage->base, &named, err);

        if (r < 0)
                return r;
        if (named && named->context)
                return begin_with_directory(build, stage, named->context, state, err);
        if (!named && str_equal(stage->base, "scratch")) {
                r = config_begin_scratch(state, &stage->platform);
                return r < 0 ? fail(err, r, "cannot begin the stage") : 0;
        }
        if (!named && stage->base_stage >= 0) {
                const StageState *base = &build->stages[stage->base_stage];

                if (config_begin_image(state, &base->image) < 0)
                        return fail(err, ENOMEM, "cannot begin the stage");
                /* Its ARGs hold here, too. */
                state->variables = strv_free(state->variables);
                if (strv_copy(base->variables, &state->variables) < 0 ||
                    strv_copy(base->args, &state->args) < 0 ||
                    strv_copy(base->layers, &state->layers) < 0 ||
                    strv_copy(base->lowers, &state->lowers) < 0)
                        return fail(err, ENOMEM, "cannot begin the stage");
                state->n_base_layers = base->n_base_layers;
                state->n_base_history = base->n_base_history;
                say_state(build, state);
                return 0;
        }
        r = build_find_image(build, named ? named_context_image(build, named) : stage->base,
                             &stage->platform, &image, err);
        if (r < 0)
                return r;
        r = check_image(stage, image, err);
        if (r < 0)
                return r;
        build_say(build, " ---> %.*s\n", BUILD_ID_SHOWN, digest_hex(image->id));
        return begin_with_image(state, image, err);
}

/* What the base image wants done first; its triggers are not handed on. */
static int run_triggers(Build *build, StageState *state, int line, Err *err) {
        autostrv triggers = take_ptr(state->image.config.on_build);
        size_t n = strv_length(triggers);
        int r;

        if (n > 0)
                build_say(build, "# Executing %zu build trigger%s\n", n, n == 1 ? "" : "s");
        strv_foreach(text, triggers) {
                autoptr(Containerfile) trigger = NULL;

                r = containerfile_parse_trigger(*text, &trigger, err);
                if (r >= 0) {
                        trigger->instructions[0].line = line;
                        r = carry_out_instruction(build, state, trigger->instructions, err);
                }
                if (r < 0)
                        return err_prefix(err, r, TRIGGER_PLACE " '%s'", *text);
        }
        return 0;
}

static bool was_interrupted(const Build *build) {
        sigset_t pending;

        return sigpending(&pending) == 0 && sigandset(&pending, &pending, &build->ends) == 0 &&
               !sigisemptyset(&pending);
}

int stage_build(Build *build, size_t index, Err *err) {
        const Stage *stage = &build->plan->stages[index];
        StageState *state = &build->stages[index];
        int r;

        build->n_echoed = stage->first_step;
        announce(build, stage, stage->from, 1);
        r = begin_stage(build, stage, state, err);
        if (r >= 0)
                r = run_triggers(build, state, stage->from->line, err);
        if (r < 0)
                return err_prefix(err, r, "%s:%d", build->file->place, stage->from->line);

        for (size_t i = 0; i < stage->n; i++) {
                const Instruction *instruction = &stage->steps[i];
                bool last = index == build->plan->target && i + 1 == stage->n;

                announce(build, stage, instruction, i + 2);
                r = carry_out_instruction(build, state, instruction, err);
                if (r >= 0 && was_interrupted(build))
                        r = refuse(err, EINTR, "interrupted");
                if (r < 0)
                        return err_prefix(err, r, "%s:%d", build->file->place, instruction->line);
                if (!last)
                        say_state(build, state);
        }
        return 0;
}
