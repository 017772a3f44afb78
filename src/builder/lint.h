/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What is allowed in a Dockerfile but seldom meant: BuildKit's build checks
 *
 * Rules, names and sentences are those of frontend/dockerfile/linter/ruleset.go,
 * so that what people know of `docker build --check` holds.  `# check=skip=RULE;error=true`
 * at the top of the file, and `# check=skip=RULE` above an instruction, are heeded.
 */

#include <stdbool.h>

#include "base/home.h"
#include "builder/arguments.h"
#include "builder/containerfile.h"
#include "store/ignore.h"

typedef struct LintWarning {
        char *rule; /* "JSONArgsRecommended"; static */
        char *message;
        int line, last_line;
} LintWarning;

typedef struct Lint {
        LintWarning *warnings; /* in the order of their lines */
        size_t n_warnings;
        bool fails; /* check=error=true */
} Lint;

typedef struct LintInput {
        const Home *home; /* where images are looked up whose environment counts */
        const Containerfile *file;
        const BuildArguments *arguments; /* as before stages_make() */
        const Ignore *ignore;            /* the context's, or NULL */
} LintInput;

/* Return: 0; -EINVAL for a check directive that is none. */
int lint_check(const LintInput *input, Lint *ret, Err *err);
void lint_clear(Lint *lint);

/* As --check prints it: each warning with the lines that it is about; @text: the file's.  Owned by
 * the caller; NULL without memory. */
char *lint_report(const Lint *lint, const char *place, const char *text);
/* The same as JSON. */
char *lint_json(const Lint *lint);
