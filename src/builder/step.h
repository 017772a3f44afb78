/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Steps: instructions that change files
 *
 * A step is first prepared, which reads what it depends on and gives its cache
 * key, and then carried out on a layer draft, unless the cache knows the key.
 */

#include <signal.h>

#include "builder/build.h"
#include "builder/cache.h"
#include "builder/config.h"
#include "builder/context.h"
#include "builder/stages.h"
#include "store/layer.h"

/* One build. */
typedef struct Build {
        const Home *home;
        const BuildRequest *request;
        Containerfile *file;
        BuildArguments arguments;
        Stages *plan;
        StageState *stages; /* one for each of plan's */
        Context *context;
        int64_t latest;  /* SOURCE_DATE_EPOCH, or TAR_NO_CLAMP */
        char *now;       /* created of what is made now */
        size_t n_echoed; /* steps announced so far */
        sigset_t ends;   /* the signals that end a build; blocked */
} Build;

typedef struct Step Step;

struct Step {
        Build *build;
        StageState *state;
        const Instruction *instruction;
        char *created_by; /* for the history */
        char key[DIGEST_LENGTH + 1];
        int (*carry_out)(Step *step, const LayerDraft *draft, Err *err);

        /* COPY, ADD, WORKDIR */
        Selection selection;
        char **sources; /* expanded */
        char *dest;     /* absolute, cleaned */
        bool dest_is_dir;
        char *owner;          /* NULL for 0:0 */
        int mode;             /* -1 for as it is */
        char **source_lowers; /* COPY --from */

        /* RUN */
        char **command, **environment;
        char *network;
};

void step_clear(Step *step);
static inline void step_auto(Step *step) {
        step_clear(step);
}
#define autostep __attribute__((__cleanup__(step_auto))) Step

/* The chain id of the layers so far, "" without. */
const char *stage_chain(const StageState *state);
/* Begins a key with what every step depends on. */
void step_begin_key(const Step *step, CacheKey *key, const char *operation);
/* Expands a word with what the stage knows. */
int step_expand(const Step *step, const char *word, char **ret, Err *err);

/* @step: build, state and instruction are set. */
int step_prepare_copy(Step *step, Err *err); /* COPY and ADD */
int step_prepare_run(Step *step, Err *err);
/* Removes the containers of builds that were killed before their command ran. */
void step_run_sweep(const Home *home);
/* Makes the working directory that the configuration names now. */
int step_prepare_workdir(Step *step, Err *err);
