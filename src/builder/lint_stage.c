/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Rules about stages, and about variables, which each stage has its own of. */

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"
#include "base/str.h"
#include "builder/config.h"
#include "builder/expand.h"
#include "builder/lint_internal.h"
#include "oci/image.h"
#include "oci/reference.h"
#include "store/image.h"
#include "transfer/git_url.h"
#include "transfer/url.h"

/* What is known of a stage once its instructions were looked at. */
typedef struct LintStage {
        char *name;        /* in lower case, or NULL */
        char **variables;  /* "NAME=" */
        bool any_variable; /* its image is not here: what it sets is not known */
        bool directory_set, shell_set;
} LintStage;

/* A stage on its way. */
typedef struct Walk {
        Linter *l;
        LintStage *stages; /* those before it */
        size_t n;
        LintStage *stage;
        const Instruction *cmd, *entrypoint, *healthcheck;
} Walk;

static void declare(Walk *w, char ***list, const char *name) {
        autofree char *pair = str_format("%s=", name);

        if (!pair || strv_env_set(list, pair) < 0)
                w->l->failed = true;
}

/* The nearest of the names in a list of "NAME=VALUE", or NULL. */
static const char *nearest_variable(const char *name, char *const *list, char **ret) {
        size_t n = strv_length(list);
        autofree const char **names = calloc(n + 1, sizeof *names);
        autostrv bare = NULL;
        const char *nearest;

        for (size_t i = 0; names && i < n; i++)
                if (strv_take(&bare, strndup(list[i], strcspn(list[i], "="))) < 0)
                        return NULL;
        for (size_t i = 0; names && i < n; i++)
                names[i] = bare[i];
        nearest = names ? nearest_name(name, names) : NULL;
        *ret = nearest ? strdup(nearest) : NULL;
        return *ret;
}

/* ------------------------------------------------------------------------- FROM */

static void check_from_variables(Walk *w, const Instruction *from, const char *word) {
        autostrv unset = NULL;

        if (expand_unset(word, w->l->global, w->l->input->file->escape, &unset) < 0)
                return;
        strv_foreach(name, unset) {
                autofree char *near = NULL;

                if (nearest_variable(*name, w->l->global, &near))
                        lint_warn(w->l, LINT_UNDEFINED_ARG_IN_FROM, from,
                                  "FROM argument '%s' is not declared (did you mean %s?)", *name,
                                  near);
                else
                        lint_warn(w->l, LINT_UNDEFINED_ARG_IN_FROM, from,
                                  "FROM argument '%s' is not declared", *name);
        }
}

/* Whether FROM means something without any --build-arg. */
static void check_default(Walk *w, const Instruction *from) {
        autofree char *base = NULL;
        autoptr(Reference) reference = NULL;

        if (expand_word(from->args[0], w->l->global, w->l->input->file->escape, &base, NULL) >= 0 &&
            (str_empty(base) || reference_parse(base, &reference, NULL) < 0))
                lint_warn(w->l, LINT_INVALID_DEFAULT_ARG, from,
                          "Default value for ARG %s results in empty or invalid base image name",
                          from->args[0]);
}

/* A stage may be for one kind of machine, if its name says for which. */
static bool is_named_after(const Instruction *from, const char *text) {
        const char *name = strv_length(from->args) == 3 ? from->args[2] : "";
        OciPlatform platform = {};
        bool named = true;

        if (build_platform_parse(text, &platform, NULL) >= 0)
                named = strcasestr(name, platform.os) || strcasestr(name, platform.architecture);
        platform_clear(&platform);
        return named;
}

static void check_platform(Walk *w, const Instruction *from) {
        const char *platform = instruction_flag(from, "platform");

        if (!platform)
                return;
        check_from_variables(w, from, platform);
        if (str_equal(platform, "$TARGETPLATFORM") || str_equal(platform, "${TARGETPLATFORM}"))
                lint_warn(w->l, LINT_REDUNDANT_TARGET_PLATFORM, from,
                          "Setting platform to predefined %s in FROM is redundant as this is the "
                          "default behavior",
                          platform);
        else if (!strchr(platform, '$') && !is_named_after(from, platform))
                lint_warn(w->l, LINT_CONSTANT_PLATFORM, from,
                          "FROM --platform flag should not use constant value \"%s\"", platform);
}

/* FROM in mixed case is told of elsewhere. */
static bool differs_in_case(const char *from, const char *as) {
        const char *const lower = "abcdefghijklmnopqrstuvwxyz",
                          *const upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

        if (!from[strcspn(from, upper)])
                return as[strcspn(as, upper)];
        return !from[strcspn(from, lower)] && as[strcspn(as, lower)];
}

static void check_stage_name(Walk *w, const Instruction *from) {
        const char *as = from->args[1];
        autofree char *name = strdup(from->args[2]);

        if (!name)
                return;
        for (char *c = name; *c; c++)
                *c = (char) tolower((unsigned char) *c);
        if (!str_equal(name, from->args[2]))
                lint_warn(w->l, LINT_STAGE_NAME_CASING, from, "Stage name '%s' should be lowercase",
                          from->args[2]);
        if (differs_in_case(from->word, as))
                lint_warn(w->l, LINT_FROM_AS_CASING, from,
                          "'%s' and '%s' keywords' casing do not match", as, from->word);
        if (str_equal(name, "scratch") || str_equal(name, "context"))
                lint_warn(w->l, LINT_RESERVED_STAGE_NAME, from,
                          "Stage name should not use the same name as reserved stage \"%s\"", name);
        for (size_t i = 0; i < w->n; i++)
                if (w->stages[i].name && strcasecmp(w->stages[i].name, name) == 0) {
                        lint_warn(w->l, LINT_DUPLICATE_STAGE_NAME, from,
                                  "Duplicate stage name \"%s\", stage names should be unique",
                                  name);
                        break;
                }
}

/* What the stage begins with. */
static void inherit(Walk *w, const Instruction *from) {
        LintStage *stage = w->stage;
        autofree char *base = NULL;
        autoptr(Image) image = NULL;
        const char *ours = oci_architecture();

        if (expand_word(from->args[0], w->l->global, w->l->input->file->escape, &base, NULL) < 0) {
                stage->any_variable = true;
                return;
        }
        declare(w, &stage->variables, "PATH");
        for (size_t i = w->n; i-- > 0;)
                if (w->stages[i].name && strcasecmp(w->stages[i].name, base) == 0) {
                        stage->any_variable = w->stages[i].any_variable;
                        stage->directory_set = w->stages[i].directory_set;
                        stage->shell_set = w->stages[i].shell_set;
                        if (strv_extend(&stage->variables, w->stages[i].variables) < 0)
                                w->l->failed = true;
                        return;
                }
        if (str_equal(base, "scratch"))
                return;
        if (!w->l->input->home || image_load(w->l->input->home, base, &image, NULL) < 0) {
                stage->any_variable = true;
                return;
        }
        stage->shell_set = image->config.config.shell != NULL;
        if (strv_extend(&stage->variables, image->config.config.env) < 0)
                w->l->failed = true;
        if (!instruction_flag(from, "platform") && image->config.architecture &&
            !str_equal(image->config.architecture, ours))
                lint_warn(w->l, LINT_INVALID_BASE_IMAGE_PLATFORM, from,
                          "Base image %s was pulled with platform \"linux/%s\", expected "
                          "\"linux/%s\" for current build",
                          base, image->config.architecture, ours);
}

static void check_from(Walk *w, const Instruction *from) {
        check_from_variables(w, from, from->args[0]);
        check_default(w, from);
        check_platform(w, from);
        if (strv_length(from->args) == 3)
                check_stage_name(w, from);
        inherit(w, from);
        if (strv_length(from->args) == 3)
                w->stage->name = strdup(from->args[2]);
}

/* --------------------------------------------------------------- in the stage */

static void check_variables(Walk *w, const Instruction *at, const char *word) {
        autostrv unset = NULL;

        if (w->stage->any_variable || !word ||
            expand_unset(word, w->stage->variables, w->l->input->file->escape, &unset) < 0)
                return;
        strv_foreach(name, unset) {
                autofree char *near = NULL;

                if (nearest_variable(*name, w->stage->variables, &near))
                        lint_warn(w->l, LINT_UNDEFINED_VAR, at,
                                  "Usage of undefined variable '$%s' (did you mean $%s?)", *name,
                                  near);
                else
                        lint_warn(w->l, LINT_UNDEFINED_VAR, at, "Usage of undefined variable '$%s'",
                                  *name);
        }
}

static void check_words(Walk *w, const Instruction *at) {
        static const char *const flags[] = { "chown", "chmod", "exclude", "checksum" };

        strv_foreach(word, at->args)
                check_variables(w, at, *word);
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
                check_variables(w, at, instruction_flag(at, flags[i]));
}

/* A source that .dockerignore leaves out, as far as that can be said without looking. */
static void check_source(Walk *w, const Instruction *at, const char *word) {
        const Ignore *ignore = w->l->input->ignore;
        autofree char *path = path_clean(word);
        const char *bare = path ? path + strspn(path, "/") : "";
        autoptr(GitUrl) url = NULL;

        if (!path || url_is_http(word) || git_url_parse(word, &url, NULL) != 0)
                return;
        if (!*bare || str_equal(bare, ".") ? ignore_leaves_nothing(ignore)
                                           : ignore_matches(ignore, bare))
                lint_warn(w->l, LINT_COPY_IGNORED_FILE, at,
                          "Attempting to %s file \"%s\" that is excluded by .dockerignore",
                          at->kind == INSTRUCTION_ADD ? "Add" : "Copy", path);
}

static void check_copy(Walk *w, const Instruction *at) {
        size_t n = strv_length(at->args);

        check_words(w, at);
        if (instruction_flag(at, "from") || ignore_takes_back(w->l->input->ignore))
                return;
        for (size_t i = 0; i + 1 < n; i++)
                if (!strchr(at->args[i], '$') &&
                    !instruction_heredoc(at, at->args[i], w->l->input->file->escape))
                        check_source(w, at, at->args[i]);
}

/* Only the last one of a stage counts; the one before is told of. */
static void check_once(Walk *w, const Instruction **last, const Instruction *at) {
        if (*last)
                lint_warn(w->l, LINT_MULTIPLE_INSTRUCTIONS, *last,
                          "Multiple %s instructions should not be used in the same stage because "
                          "only the last one will be used",
                          at->word);
        *last = at;
}

static void check_command(Walk *w, const Instruction **last, const Instruction *at) {
        check_once(w, last, at);
        if (!at->json && !w->stage->shell_set)
                lint_warn(w->l, LINT_JSON_ARGS_RECOMMENDED, at,
                          "JSON arguments recommended for %s to prevent unintended behavior "
                          "related to OS signals",
                          at->word);
}

static void check_workdir(Walk *w, const Instruction *at) {
        check_words(w, at);
        if (!w->stage->directory_set && !strchr("/$", *at->args[0]))
                lint_warn(w->l, LINT_WORKDIR_RELATIVE_PATH, at,
                          "Relative workdir \"%s\" can have unexpected results if the base image "
                          "changes",
                          at->args[0]);
        w->stage->directory_set = true;
}

static void declare_args(Walk *w, char ***list, const Instruction *at) {
        strv_foreach(word, at->args) {
                autofree char *name = strndup(*word, strcspn(*word, "="));

                if (name)
                        declare(w, list, name);
        }
}

static void declare_env(Walk *w, const Instruction *at) {
        for (size_t i = 0; at->args[i]; i += 2)
                declare(w, &w->stage->variables, at->args[i]);
}

static void check_in_stage(Walk *w, const Instruction *at) {
        switch (at->kind) {
        case INSTRUCTION_ADD:
        case INSTRUCTION_COPY:
                check_copy(w, at);
                break;
        case INSTRUCTION_ARG:
                check_words(w, at);
                declare_args(w, &w->stage->variables, at);
                break;
        case INSTRUCTION_ENV:
                check_words(w, at);
                declare_env(w, at);
                break;
        case INSTRUCTION_CMD:
                check_command(w, &w->cmd, at);
                break;
        case INSTRUCTION_ENTRYPOINT:
                check_command(w, &w->entrypoint, at);
                break;
        case INSTRUCTION_HEALTHCHECK:
                check_once(w, &w->healthcheck, at);
                break;
        case INSTRUCTION_SHELL:
                w->stage->shell_set = true;
                break;
        case INSTRUCTION_WORKDIR:
                check_workdir(w, at);
                break;
        case INSTRUCTION_EXPOSE:
        case INSTRUCTION_LABEL:
        case INSTRUCTION_STOPSIGNAL:
        case INSTRUCTION_USER:
        case INSTRUCTION_VOLUME:
                check_words(w, at);
                break;
        default:
                break;
        }
}

/* ARGs before the first FROM, with their defaults, and the platform's. */
static size_t read_global(Linter *l) {
        const Containerfile *file = l->input->file;
        size_t first = 0;

        if (strv_copy(l->input->arguments->global, &l->global) < 0)
                l->failed = true;
        for (; file->instructions[first].kind == INSTRUCTION_ARG; first++)
                strv_foreach(word, file->instructions[first].args) {
                        const char *equals = strchr(*word, '=');
                        autofree char *value = NULL, *pair = NULL;

                        if (equals &&
                            expand_word(equals + 1, l->global, file->escape, &value, NULL) < 0)
                                continue;
                        pair = str_format("%.*s=%s", (int) strcspn(*word, "="), *word,
                                          value ? value : "");
                        if (!pair || strv_env_set(&l->global, pair) < 0)
                                l->failed = true;
                }
        return first;
}

void lint_stages(Linter *l) {
        const Containerfile *file = l->input->file;
        LintStage *stages = calloc(file->n + 1, sizeof *stages);
        Walk w = { .l = l, .stages = stages };
        size_t first = read_global(l), n = 0;

        for (size_t i = first; stages && i < file->n; i++) {
                const Instruction *at = &file->instructions[i];

                if (at->kind == INSTRUCTION_FROM) {
                        w = (Walk){ .l = l, .stages = stages, .n = n, .stage = &stages[n] };
                        n++;
                        check_from(&w, at);
                } else {
                        check_in_stage(&w, at);
                }
        }
        l->failed |= !stages;
        for (size_t i = 0; stages && i < n; i++) {
                free(stages[i].name);
                strv_free(stages[i].variables);
        }
        free(stages);
}
