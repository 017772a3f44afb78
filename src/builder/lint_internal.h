/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Shared by the files that make up builder/lint.h only. */

#include "builder/lint.h"

typedef enum LintRule {
        LINT_STAGE_NAME_CASING,
        LINT_FROM_AS_CASING,
        LINT_NO_EMPTY_CONTINUATION,
        LINT_CONSISTENT_INSTRUCTION_CASING,
        LINT_DUPLICATE_STAGE_NAME,
        LINT_RESERVED_STAGE_NAME,
        LINT_JSON_ARGS_RECOMMENDED,
        LINT_MAINTAINER_DEPRECATED,
        LINT_UNDEFINED_ARG_IN_FROM,
        LINT_WORKDIR_RELATIVE_PATH,
        LINT_UNDEFINED_VAR,
        LINT_MULTIPLE_INSTRUCTIONS,
        LINT_LEGACY_KEY_VALUE,
        LINT_INVALID_BASE_IMAGE_PLATFORM,
        LINT_REDUNDANT_TARGET_PLATFORM,
        LINT_SECRETS_IN_ARG_OR_ENV,
        LINT_INVALID_DEFAULT_ARG,
        LINT_CONSTANT_PLATFORM,
        LINT_COPY_IGNORED_FILE,
        LINT_INVALID_DESCRIPTION,
        LINT_EXPOSE_PROTO_CASING,
        LINT_EXPOSE_INVALID_FORMAT,
        LINT_RULES,
} LintRule;

/* One lint_check() on its way. */
typedef struct Linter {
        const LintInput *input;
        Lint *lint;
        unsigned skipped, experimental; /* bits of rules; all file long */
        char **global;                  /* ARGs before the first FROM, and what is always there */
        bool failed;                    /* memory ran out */
} Linter;

/* Notes a warning, unless it is to be skipped there. */
void lint_warn(Linter *l, LintRule rule, const Instruction *at, const char *format, ...)
        printf_like(4, 5);

/* What depends on the stage that an instruction is in (lint_stage.c). */
void lint_stages(Linter *l);
