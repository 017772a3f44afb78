/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/str.h"
#include "builder/lint_internal.h"

#define RULE_URL "https://docs.docker.com/go/dockerfile/rule/"

static const struct {
        const char *name, *page;
        bool experimental; /* off unless the file asks for it */
} rules[] = {
        [LINT_STAGE_NAME_CASING] = { "StageNameCasing", "stage-name-casing" },
        [LINT_FROM_AS_CASING] = { "FromAsCasing", "from-as-casing" },
        [LINT_NO_EMPTY_CONTINUATION] = { "NoEmptyContinuation", "no-empty-continuation" },
        [LINT_CONSISTENT_INSTRUCTION_CASING] = { "ConsistentInstructionCasing",
                                                 "consistent-instruction-casing" },
        [LINT_DUPLICATE_STAGE_NAME] = { "DuplicateStageName", "duplicate-stage-name" },
        [LINT_RESERVED_STAGE_NAME] = { "ReservedStageName", "reserved-stage-name" },
        [LINT_JSON_ARGS_RECOMMENDED] = { "JSONArgsRecommended", "json-args-recommended" },
        [LINT_MAINTAINER_DEPRECATED] = { "MaintainerDeprecated", "maintainer-deprecated" },
        [LINT_UNDEFINED_ARG_IN_FROM] = { "UndefinedArgInFrom", "undefined-arg-in-from" },
        [LINT_WORKDIR_RELATIVE_PATH] = { "WorkdirRelativePath", "workdir-relative-path" },
        [LINT_UNDEFINED_VAR] = { "UndefinedVar", "undefined-var" },
        [LINT_MULTIPLE_INSTRUCTIONS] = { "MultipleInstructionsDisallowed",
                                         "multiple-instructions-disallowed" },
        [LINT_LEGACY_KEY_VALUE] = { "LegacyKeyValueFormat", "legacy-key-value-format" },
        [LINT_INVALID_BASE_IMAGE_PLATFORM] = { "InvalidBaseImagePlatform",
                                               "invalid-base-image-platform" },
        [LINT_REDUNDANT_TARGET_PLATFORM] = { "RedundantTargetPlatform",
                                             "redundant-target-platform" },
        [LINT_SECRETS_IN_ARG_OR_ENV] = { "SecretsUsedInArgOrEnv", "secrets-used-in-arg-or-env" },
        [LINT_INVALID_DEFAULT_ARG] = { "InvalidDefaultArgInFrom", "invalid-default-arg-in-from" },
        [LINT_CONSTANT_PLATFORM] = { "FromPlatformFlagConstDisallowed",
                                     "from-platform-flag-const-disallowed" },
        [LINT_COPY_IGNORED_FILE] = { "CopyIgnoredFile", "copy-ignored-file" },
        [LINT_INVALID_DESCRIPTION] = { "InvalidDefinitionDescription",
                                       "invalid-definition-description", true },
        [LINT_EXPOSE_PROTO_CASING] = { "ExposeProtoCasing", "expose-proto-casing" },
        [LINT_EXPOSE_INVALID_FORMAT] = { "ExposeInvalidFormat", "expose-invalid-format" },
};

/* What `# check=` says. */
typedef struct Directive {
        unsigned skip, experimental; /* bits of rules */
        bool fails;
} Directive;

void lint_clear(Lint *lint) {
        for (size_t i = 0; i < lint->n_warnings; i++)
                free(lint->warnings[i].message);
        free(lint->warnings);
        *lint = (Lint){};
}

/* -------------------------------------------------------------- the directives */

/* A rule that is not known is a newer BuildKit's or a slip: told, and no reason to fail. */
static void tell_unknown(const char *word) {
        const char *names[LINT_RULES + 1] = {}, *nearest;

        for (size_t i = 0; i < LINT_RULES; i++)
                names[i] = rules[i].name;
        nearest = nearest_name(word, names);
        log_warn("check has no rule '%s'%s%s%s", word, nearest ? "; did you mean '" : "",
                 nearest ? nearest : "", nearest ? "'?" : "");
}

static int read_rules(const char *text, unsigned *ret, bool tell, Err *err) {
        autostrv words = NULL;

        if (strv_split(text, ", ", true, &words) < 0)
                return fail(err, ENOMEM, "cannot read");
        strv_foreach(word, words) {
                size_t rule = 0;

                if (strcasecmp(*word, "all") == 0) {
                        *ret = ~0u;
                        continue;
                }
                while (rule < LINT_RULES && strcasecmp(rules[rule].name, *word) != 0)
                        rule++;
                if (rule < LINT_RULES)
                        *ret |= 1u << rule;
                else if (tell)
                        tell_unknown(*word);
        }
        return 0;
}

/* What follows "skip=" in " skip = …"; NULL for another word. */
static const char *value_of(const char *part, const char *name) {
        const char *rest = str_after(part + strspn(part, " \t"), name);

        rest = rest ? rest + strspn(rest, " \t") : NULL;
        return rest && *rest == '=' ? rest + 1 + strspn(rest + 1, " \t") : NULL;
}

/* "skip=A,B;error=true;experimental=all" */
static int read_directive(const char *text, Directive *ret, bool tell, Err *err) {
        autostrv parts = NULL;
        int r = 0;

        if (strv_split(text, ";", true, &parts) < 0)
                return fail(err, ENOMEM, "cannot read");
        strv_foreach(part, parts) {
                autofree char *bare = NULL;
                const char *value;

                if ((value = value_of(*part, "skip")))
                        r = read_rules(value, &ret->skip, tell, err);
                else if ((value = value_of(*part, "experimental")))
                        r = read_rules(value, &ret->experimental, tell, err);
                else if (!(value = value_of(*part, "error")) ||
                         !(bare = strndup(value, strcspn(value, " \t"))) ||
                         parse_bool(bare, &ret->fails) < 0)
                        r = err_hint(err, refuse(err, EINVAL, "invalid check option '%s'", *part),
                                     "skip=RULE,…, error=true or experimental=RULE,…");
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What the first "check=" above an instruction says of it alone; a word behind it is a remark. */
static Directive directive_at(const Instruction *at) {
        Directive directive = {};

        strv_foreach(comment, at->comments) {
                const char *value = value_of(*comment, "check");
                autofree char *bare = value ? strndup(value, strcspn(value, " \t")) : NULL;

                if (!bare)
                        continue;
                if (read_directive(bare, &directive, false, NULL) < 0)
                        directive = (Directive){};
                break;
        }
        return directive;
}

/* What is experimental has to be asked for, and is then not skipped. */
static bool is_off(const Linter *l, LintRule rule, const Instruction *at) {
        const Directive here = directive_at(at);

        return rules[rule].experimental ? !((l->experimental | here.experimental) & 1u << rule)
                                        : (l->skipped | here.skip) & 1u << rule;
}

void lint_warn(Linter *l, LintRule rule, const Instruction *at, const char *format, ...) {
        LintWarning *warning;
        va_list ap;

        if (is_off(l, rule, at))
                return;
        warning = json_grow(&l->lint->warnings, &l->lint->n_warnings, sizeof *warning);
        if (!warning) {
                l->failed = true;
                return;
        }
        va_start(ap, format);
        if (vasprintf(&warning->message, format, ap) < 0) {
                warning->message = NULL;
                l->failed = true;
        }
        va_end(ap);
        warning->rule = (char *) rules[rule].name;
        warning->line = at->line;
        warning->last_line = at->last_line;
}

/* ------------------------------------------------------- instructions by themselves */

static bool is_lower(const char *word) {
        return !word[strcspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")];
}

static bool is_upper(const char *word) {
        return !word[strcspn(word, "abcdefghijklmnopqrstuvwxyz")];
}

static void check_casing(Linter *l) {
        const Containerfile *file = l->input->file;
        size_t lower = 0, upper = 0;

        for (size_t i = 0; i < file->n; i++) {
                lower += is_lower(file->instructions[i].word);
                upper += is_upper(file->instructions[i].word);
        }
        for (size_t i = 0; i < file->n; i++) {
                const Instruction *at = &file->instructions[i];

                if (lower > upper ? is_lower(at->word) : is_upper(at->word))
                        continue;
                lint_warn(l, LINT_CONSISTENT_INSTRUCTION_CASING, at,
                          "Command '%s' should match the case of the command majority (%s)",
                          at->word, lower > upper ? "lowercase" : "uppercase");
        }
}

static bool is_one_of(const char *word, const char *const *list) {
        for (; *list; list++)
                if (strcasecmp(word, *list) == 0)
                        return true;
        return false;
}

/* Names with a part that says what nobody else should know, and none that takes that back. */
static bool names_secret(const char *name) {
        static const char *const telling[] = { "apikey", "auth",     "credential", "credentials",
                                               "key",    "password", "pword",      "passwd",
                                               "secret", "token",    NULL };
        static const char *const harmless[] = { "public", "file", "version", NULL };
        autostrv parts = NULL;
        bool found = false;

        if (strv_split(name, "_", true, &parts) < 0)
                return false;
        strv_foreach(part, parts) {
                if (is_one_of(*part, harmless))
                        return false;
                found |= is_one_of(*part, telling);
        }
        return found;
}

static void check_secrets(Linter *l, const Instruction *at) {
        size_t step = at->kind == INSTRUCTION_ENV ? 2 : 1;

        for (size_t i = 0; at->args && at->args[i]; i += step) {
                autofree char *name = strndup(at->args[i], strcspn(at->args[i], "="));

                if (name && names_secret(name))
                        lint_warn(l, LINT_SECRETS_IN_ARG_OR_ENV, at,
                                  "Do not use ARG or ENV instructions for sensitive data (%s "
                                  "\"%s\")",
                                  at->name, name);
        }
}

static void check_expose(Linter *l, const Instruction *at) {
        strv_foreach(port, at->args) {
                const char *slash = strchr(*port, '/');

                if (strchr(*port, '$'))
                        continue;
                if (slash && !is_lower(slash))
                        lint_warn(l, LINT_EXPOSE_PROTO_CASING, at,
                                  "Defined protocol '%s' in EXPOSE instruction should be lowercase",
                                  *port);
                if (strchr(*port, ':'))
                        lint_warn(l, LINT_EXPOSE_INVALID_FORMAT, at,
                                  "EXPOSE instruction should not define an IP address or "
                                  "host-port mapping, found '%s'",
                                  *port);
        }
}

static bool describes(const char *comment, const char *name) {
        const char *rest = str_after(comment, name);

        return rest && (!*rest || *rest == ' ');
}

/* A comment above a definition is its description, which begins with its name. */
static void check_description(Linter *l, const Instruction *at) {
        size_t n = strv_length(at->comments), n_names = strv_length(at->args);
        char *const *names = at->args;

        if (at->kind == INSTRUCTION_FROM) {
                if (n_names != 3)
                        return;
                names = &at->args[2];
        }
        if (n == 0)
                return;
        for (size_t i = 0; names[i]; i++) {
                autofree char *name = strndup(names[i], strcspn(names[i], "="));

                if (name && at->kind == INSTRUCTION_FROM)
                        for (char *c = name; *c; c++)
                                *c = (char) tolower((unsigned char) *c);
                if (!name || describes(at->comments[n - 1], name))
                        return;
                if (!names[i + 1])
                        lint_warn(l, LINT_INVALID_DESCRIPTION, at,
                                  "Comment for %s should follow the format: `# %s <description>`",
                                  at->name, i > 0 ? "<arg_key>" : name);
        }
}

static void check_instruction(Linter *l, const Instruction *at) {
        if (at->empty_lines) {
                Instruction end = *at;

                end.line = at->last_line;
                lint_warn(l, LINT_NO_EMPTY_CONTINUATION, &end, "Empty continuation line");
        }
        if (at->old_pairs)
                lint_warn(l, LINT_LEGACY_KEY_VALUE, at,
                          "\"%s key=value\" should be used instead of legacy \"%s key value\" "
                          "format",
                          at->word, at->word);
        switch (at->kind) {
        case INSTRUCTION_MAINTAINER:
                lint_warn(l, LINT_MAINTAINER_DEPRECATED, at,
                          "Maintainer instruction is deprecated in favor of using label");
                break;
        case INSTRUCTION_ARG:
                check_description(l, at);
                check_secrets(l, at);
                break;
        case INSTRUCTION_ENV:
                check_secrets(l, at);
                break;
        case INSTRUCTION_EXPOSE:
                check_expose(l, at);
                break;
        case INSTRUCTION_FROM:
                check_description(l, at);
                break;
        default:
                break;
        }
}

static int compare(const void *a, const void *b) {
        const LintWarning *x = a, *y = b;

        return x->line != y->line ? (x->line < y->line ? -1 : 1) : strcmp(x->rule, y->rule);
}

int lint_check(const LintInput *input, Lint *ret, Err *err) {
        Linter l = { .input = input, .lint = ret };
        Directive directive = {};
        int r = 0;

        if (input->file->check)
                r = read_directive(input->file->check, &directive, true, err);
        if (r < 0)
                return err_prefix(err, r, "%s", input->file->place);
        l.skipped = directive.skip;
        l.experimental = directive.experimental;
        ret->fails = directive.fails;

        check_casing(&l);
        for (size_t i = 0; i < input->file->n; i++)
                check_instruction(&l, &input->file->instructions[i]);
        lint_stages(&l);
        strv_free(l.global);
        if (l.failed)
                return fail(err, ENOMEM, "cannot check the file");
        if (ret->n_warnings > 1)
                qsort(ret->warnings, ret->n_warnings, sizeof *ret->warnings, compare);
        return 0;
}

/* ------------------------------------------------------------------- the report */

/* The lines of an instruction, with two around a single one and one around several, as BuildKit
 * shows them. */
static void put_lines(Str *s, const LintWarning *w, char *const *lines, int n) {
        int end = w->last_line < n ? w->last_line : n, first = w->line, last = end;

        for (int left = first == last ? 4 : 2; left > 0; left--) {
                if (first > 1) {
                        first--;
                        left--;
                }
                if (last < n) {
                        last++;
                        left--;
                }
        }
        str_put(s, "--------------------\n");
        for (int i = first; i <= last; i++)
                str_printf(s, " %3d | %s %s\n", i, i >= w->line && i <= end ? ">>>" : "   ",
                           lines[i - 1]);
        str_put(s, "--------------------\n");
}

static const char *page_of(const char *rule) {
        for (size_t i = 0; i < LINT_RULES; i++)
                if (str_equal(rules[i].name, rule))
                        return rules[i].page;
        return "";
}

char *lint_report(const Lint *lint, const char *place, const char *text) {
        autostrv lines = NULL;
        autostr s = {};

        if (strv_split(text, "\n", false, &lines) < 0)
                return NULL;
        if (lint->n_warnings == 0)
                return strdup("Check complete, no warnings found.\n");
        str_printf(&s, "Check complete, %zu warning%s been found!\n", lint->n_warnings,
                   lint->n_warnings == 1 ? " has" : "s have");
        for (size_t i = 0; i < lint->n_warnings; i++) {
                const LintWarning *w = &lint->warnings[i];

                str_printf(&s, "\nWARNING: %s - " RULE_URL "%s/\n%s\n%s:%d\n", w->rule,
                           page_of(w->rule), w->message, place, w->line);
                put_lines(&s, w, lines, (int) strv_length(lines));
        }
        return str_take(&s);
}

static const JsonField warning_fields[] = {
        JSON_STRING(LintWarning, rule, "ruleName"),
        JSON_STRING(LintWarning, message, "detail"),
        JSON_INT(LintWarning, line, "startLine"),
        JSON_INT(LintWarning, last_line, "endLine"),
        {},
};
static const JsonType warning_type = { sizeof(LintWarning), warning_fields };
static const JsonField lint_fields[] = {
        JSON_ARRAY(Lint, warnings, LintWarning, "warnings", &warning_type, JSON_ALWAYS),
        {},
};
static const JsonType lint_type = { sizeof(Lint), lint_fields };

char *lint_json(const Lint *lint) {
        return json_text(&lint_type, lint);
}
