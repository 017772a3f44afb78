/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * From instructions to stages
 *
 * A stage is a FROM and what follows it up to the next one.  Only the stages
 * that the wanted one needs, through FROM and COPY --from, are built.
 */

#include "builder/arguments.h"
#include "builder/containerfile.h"

typedef struct Stage {
        const Instruction *from;
        const Instruction *steps; /* what follows, inside the Containerfile */
        size_t n;
        char *name;     /* in lower case; NULL without AS */
        char *base;     /* "scratch", an image's name or a stage's, expanded */
        int base_stage; /* index of the stage it continues, or -1 */
        OciPlatform platform;
        bool platform_said; /* by FROM --platform */
        bool needed;
        size_t first_step; /* how many steps are announced before its FROM */
        size_t *sources;   /* stages that it needs, by index */
        size_t n_sources;
} Stage;

typedef struct Stages {
        Stage *stages;
        size_t n;
        size_t target;   /* index of the stage whose image is wanted */
        size_t n_steps;  /* how many will be echoed */
        bool one_by_one; /* not all is known of what stages need */
} Stages;

/**
 * stages_make() - cut a file into stages
 * @arguments:	its global scope is filled from the ARGs before the first FROM
 * @target:	a stage's name or number; NULL for the last one
 */
int stages_make(const Containerfile *file, BuildArguments *arguments, const char *target,
                Stages **ret, Err *err);
Stages *stages_free(Stages *plan);
DEFINE_AUTOPTR(Stages, stages_free)

/* The stage before @before called @name (or numbered so), or -1. */
int stages_find(const Stages *plan, size_t before, const char *name);

/* Whether what is built names @name: in FROM, COPY --from or RUN --mount=from=. */
bool stages_use(const Stages *plan, const char *name);
