/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What instructions do to an image's configuration
 *
 * StageState is a stage between two instructions.  Most instructions change
 * nothing else than it; config_apply() carries those out.  RUN, COPY, ADD and
 * WORKDIR read it, and config_add_history() notes every one of them.
 */

#include "builder/arguments.h"
#include "builder/containerfile.h"
#include "oci/image.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

typedef struct StageState {
        OciImage image;                       /* but for rootfs */
        char **layers;                        /* chain ids, lowest first */
        char **lowers;                        /* their diff/ directories, topmost first */
        size_t n_base_layers, n_base_history; /* of the image that it all began with */
        /* "NAME=value", the image's environment with ARG and ENV put on it in the order they came:
         * what words are expanded with and RUN sees. */
        char **variables;
        char **args;  /* "NAME=value" of the ARGs declared in this stage */
        char **steps; /* what came of each, for --cache-to (cache_registry.c) */
        bool cmd_set; /* by this stage: ENTRYPOINT clears only an inherited CMD */
} StageState;

void stage_state_clear(StageState *state);
static inline void stage_state_auto(StageState *state) {
        stage_state_clear(state);
}
#define autostage __attribute__((__cleanup__(stage_state_auto))) StageState

/* Takes the place of "FROM scratch". */
int config_begin_scratch(StageState *state, const OciPlatform *platform);
/* Continues an image or another stage: copies its configuration and history. */
int config_begin_image(StageState *state, const OciImage *image);

/**
 * config_apply() - carry out an instruction that changes the configuration only
 * @ret_text:	the instruction with its variables put in, for the history; owned by the caller
 *
 * WORKDIR is one of them as far as the configuration goes.
 *
 * Return: 1 if it is for the history, 0 if not (ARG); -EINVAL; -ENOTSUP for one that is not
 * of this kind (RUN, COPY, ADD, FROM).
 */
int config_apply(StageState *state, BuildArguments *arguments, const Instruction *instruction,
                 char escape, char **ret_text, Err *err);

/* created stays NULL: build.c fills it in when it is known. */
int config_add_history(StageState *state, const char *created_by, bool empty_layer);

/* The shell that shell-form commands are given to: config.shell or /bin/sh -c. */
int config_shell_command(const StageState *state, const char *text, char ***ret);
/* "|2 A=1 B=2 ": what RUN's history and key say of the build arguments; "" without. */
char *config_arguments_text(const StageState *state);
