/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/nearest.h"
#include "base/str.h"
#include "builder/containerfile.h"
#include "builder/expand.h"

/* How an instruction's arguments are written. */
typedef enum Form {
        FORM_WORDS,         /* split at white space, quotes mean nothing */
        FORM_QUOTED_WORDS,  /* quotes hold a word together */
        FORM_WHOLE,         /* one string to the end */
        FORM_PAIRS,         /* name=value …, or `name the rest` */
        FORM_LIST_OR_WORDS, /* ["a", "b"], or as FORM_WORDS */
        FORM_LIST_OR_WHOLE, /* ["a", "b"], or a command line for the shell */
        FORM_LIST,          /* ["a", "b"] */
        FORM_HEALTHCHECK,   /* NONE, or CMD and a FORM_LIST_OR_WHOLE */
} Form;

typedef struct Flag {
        const char *name;
        bool bare;   /* may stand without a value */
        bool repeat; /* may be given several times */
} Flag;

typedef struct Rule {
        const char *name;
        InstructionKind kind;
        Form form;
        size_t min_args;
        size_t max_args; /* 0: any number */
        const char *wants;
        const Flag *flags; /* to the one without a name; NULL for none */
        bool heredoc;      /* `<<WORD` begins a here-document */
} Rule;

static const Flag from_flags[] = { { "platform", false, false }, {} };
static const Flag add_flags[] = {
        { "chown", false, false },  { "chmod", false, false },
        { "link", true, false },    { "checksum", false, false },
        { "exclude", false, true }, { "keep-git-dir", true, false },
        { "unpack", true, false },  {},
};
static const Flag copy_flags[] = {
        { "from", false, false },
        { "chown", false, false },
        { "chmod", false, false },
        { "link", true, false },
        { "parents", true, false },
        { "exclude", false, true },
        {},
};
static const Flag run_flags[] = {
        { "mount", false, true },
        { "network", false, false },
        { "security", false, false },
        { "device", false, true },
        {},
};
static const Flag healthcheck_flags[] = {
        { "interval", false, false },     { "timeout", false, false },
        { "start-period", false, false }, { "start-interval", false, false },
        { "retries", false, false },      {},
};

static const Rule rules[] = {
        { "ADD", INSTRUCTION_ADD, FORM_LIST_OR_WORDS, 2, 0, "at least one source and a destination",
          add_flags, true },
        { "ARG", INSTRUCTION_ARG, FORM_QUOTED_WORDS, 1, 0, "at least one name", NULL, false },
        { "CMD", INSTRUCTION_CMD, FORM_LIST_OR_WHOLE, 0, 0, NULL, NULL, false },
        { "COPY", INSTRUCTION_COPY, FORM_LIST_OR_WORDS, 2, 0,
          "at least one source and a destination", copy_flags, true },
        { "ENTRYPOINT", INSTRUCTION_ENTRYPOINT, FORM_LIST_OR_WHOLE, 0, 0, NULL, NULL, false },
        { "ENV", INSTRUCTION_ENV, FORM_PAIRS, 2, 0, "at least one name and value", NULL, false },
        { "EXPOSE", INSTRUCTION_EXPOSE, FORM_WORDS, 1, 0, "at least one port", NULL, false },
        { "FROM", INSTRUCTION_FROM, FORM_WORDS, 1, 3, "an image, or `image AS name`", from_flags,
          false },
        { "HEALTHCHECK", INSTRUCTION_HEALTHCHECK, FORM_HEALTHCHECK, 1, 0, "NONE, or CMD command",
          healthcheck_flags, false },
        { "LABEL", INSTRUCTION_LABEL, FORM_PAIRS, 2, 0, "at least one name and value", NULL,
          false },
        { "MAINTAINER", INSTRUCTION_MAINTAINER, FORM_WHOLE, 1, 1, "a name", NULL, false },
        { "ONBUILD", INSTRUCTION_ONBUILD, FORM_WHOLE, 1, 1, "an instruction", NULL, false },
        { "RUN", INSTRUCTION_RUN, FORM_LIST_OR_WHOLE, 1, 0, "a command", run_flags, true },
        { "SHELL", INSTRUCTION_SHELL, FORM_LIST, 1, 0, "a JSON list: [\"program\", \"argument\"]",
          NULL, false },
        { "STOPSIGNAL", INSTRUCTION_STOPSIGNAL, FORM_WHOLE, 1, 1, "a signal", NULL, false },
        { "USER", INSTRUCTION_USER, FORM_WHOLE, 1, 1, "a user", NULL, false },
        { "VOLUME", INSTRUCTION_VOLUME, FORM_LIST_OR_WORDS, 1, 0, "at least one path", NULL,
          false },
        { "WORKDIR", INSTRUCTION_WORKDIR, FORM_WHOLE, 1, 1, "a path", NULL, false },
};
#define N_RULES (sizeof rules / sizeof *rules)

static bool is_blank(char c) {
        return strchr(" \t\v\f\r\n", c) && c;
}

static const char *skip_blanks(const char *s) {
        while (is_blank(*s))
                s++;
        return s;
}

/* Without the white space at the end. */
static size_t trimmed_length(const char *s) {
        size_t n = strlen(s);

        while (n > 0 && is_blank(s[n - 1]))
                n--;
        return n;
}

static int refuse_unknown(const char *word, size_t length, Err *err) {
        autofree char *name = strndup(word, length), *capitals = strndup(word, length);
        const char *names[N_RULES + 1] = {}, *nearest;

        if (!name || !capitals)
                return fail(err, ENOMEM, "cannot read");
        for (char *c = capitals; *c; c++)
                *c = (char) toupper((unsigned char) *c);
        for (size_t i = 0; i < N_RULES; i++)
                names[i] = rules[i].name;
        nearest = nearest_name(capitals, names);
        if (!nearest)
                return refuse(err, EINVAL, "unknown instruction '%s'", name);
        return refuse(err, EINVAL, "unknown instruction '%s'; did you mean '%s'?", name, nearest);
}

static const Rule *find_rule(const char *word, size_t length) {
        for (size_t i = 0; i < N_RULES; i++)
                if (strlen(rules[i].name) == length &&
                    strncasecmp(rules[i].name, word, length) == 0)
                        return &rules[i];
        return NULL;
}

/*
 * Takes the leading `--flag` words off; quotes and backslashes are resolved here, as
 * BuildKit's extractBuilderFlags() does, always with a backslash.
 */
static int take_flags(const char **text, char ***ret) {
        const char *s = skip_blanks(*text);

        while (s[0] == '-' && s[1] == '-') {
                autostr word = {};
                char quote = 0;

                for (; *s && (quote || !is_blank(*s)); s++) {
                        if (quote ? *s == quote : (*s == '\'' || *s == '"'))
                                quote = quote ? 0 : *s;
                        else if (*s == '\\' && s[1])
                                str_put_char(&word, *++s);
                        else if (*s != '\\')
                                str_put_char(&word, *s);
                }
                s = skip_blanks(s);
                if (word.failed)
                        return -ENOMEM;
                if (str_equal(word.text, "--"))
                        break;
                if (strv_add(ret, word.text + 2) < 0)
                        return -ENOMEM;
        }
        *text = s;
        return 0;
}

static int refuse_flag(const Rule *rule, const char *word, size_t n, Err *err) {
        autofree char *name = strndup(word, n);
        const char *names[8] = {}, *nearest;

        for (size_t i = 0; rule->flags && rule->flags[i].name && i < 7; i++)
                names[i] = rule->flags[i].name;
        nearest = name ? nearest_name(name, names) : NULL;
        if (nearest)
                return refuse(err, EINVAL, "%s has no flag '--%s'; did you mean '--%s'?",
                              rule->name, name, nearest);
        return refuse(err, EINVAL, "%s has no flag '--%.*s'", rule->name, (int) n, word);
}

static int check_flags(const Rule *rule, char *const *flags, Err *err) {
        strv_foreach(word, flags) {
                size_t n = strcspn(*word, "=");
                bool has_value = (*word)[n] == '=';
                const Flag *flag = rule->flags;

                while (flag && flag->name &&
                       !(strlen(flag->name) == n && memcmp(flag->name, *word, n) == 0))
                        flag++;
                if (!flag || !flag->name)
                        return refuse_flag(rule, *word, n, err);
                if (!has_value && !flag->bare)
                        return refuse(err, EINVAL, "%s --%s needs a value", rule->name, flag->name);
                strv_foreach(other, flags) {
                        if (other == word || flag->repeat)
                                break;
                        if (strncmp(*other, *word, n) == 0 &&
                            ((*other)[n] == '=' || (*other)[n] == 0))
                                return refuse(err, EINVAL, "%s --%s is given twice", rule->name,
                                              flag->name);
                }
        }
        return 0;
}

int containerfile_words(const char *text, char escape, char ***ret) {
        autostrv words = NULL;

        for (const char *s = skip_blanks(text); *s; s = skip_blanks(s)) {
                autostr word = {};
                char quote = 0;

                for (; *s && (quote || !is_blank(*s)); s++) {
                        if (*s == escape && quote != '\'') {
                                if (!s[1])
                                        continue;
                                str_put_char(&word, *s++);
                        } else if (quote ? *s == quote : (*s == '\'' || *s == '"')) {
                                quote = quote ? 0 : *s;
                        }
                        str_put_char(&word, *s);
                }
                if (word.failed || strv_take(&words, str_take(&word)) < 0)
                        return -ENOMEM;
        }
        *ret = take_ptr(words);
        return 0;
}

/* Splits at white space and nothing else. */
static int split_words(const char *text, char ***ret) {
        return strv_split(text, " \t\v\f\r\n", true, ret);
}

/*
 * Reads ["a", "b"].
 *
 * Return: 1; 0 if it is no JSON list, so that the text is a plain one; -EINVAL for a list
 * of something else than strings, which is always a mistake.
 */
static int parse_list(const char *text, char ***ret, Err *err) {
        autostrv words = NULL;
        json_t *list, *item;
        size_t i;
        int r = 1;

        if (*skip_blanks(text) != '[')
                return 0;
        list = json_loads(text, 0, NULL);
        if (!list)
                return 0;

        json_array_foreach(list, i, item) {
                if (r > 0 && !json_is_string(item))
                        r = refuse(err, EINVAL, "the JSON list holds something else than strings");
                if (r > 0 && strv_add(&words, json_string_value(item)) < 0)
                        r = fail(err, ENOMEM, "cannot read");
        }
        json_decref(list);
        if (r > 0)
                *ret = take_ptr(words);
        return r;
}

/* ENV and LABEL: `a=1 b=2`, or the old `a the rest of the line`. */
static int parse_pairs(const char *text, char escape, Instruction *ret, Err *err) {
        autostrv words = NULL;

        if (containerfile_words(text, escape, &words) < 0)
                return fail(err, ENOMEM, "cannot read");
        if (!words)
                return 0;

        if (!strchr(words[0], '=')) {
                size_t n = strcspn(text, " \t\v\f\r");
                const char *value = skip_blanks(text + n);

                if (!*value)
                        return refuse(err, EINVAL, "%s '%s' has no value: write NAME=VALUE",
                                      ret->name, words[0]);
                if (strv_take(&ret->args, strndup(text, n)) < 0 || strv_add(&ret->args, value) < 0)
                        return fail(err, ENOMEM, "cannot read");
                ret->old_pairs = true;
                return 0;
        }

        strv_foreach(word, words) {
                const char *equals = strchr(*word, '=');

                if (!equals)
                        return refuse(err, EINVAL, "'%s' is not of the form NAME=VALUE", *word);
                if (equals == *word)
                        return refuse(err, EINVAL, "'%s' has no name before the '='", *word);
                if (strv_take(&ret->args, strndup(*word, (size_t) (equals - *word))) < 0 ||
                    strv_add(&ret->args, equals + 1) < 0)
                        return fail(err, ENOMEM, "cannot read");
        }
        return 0;
}

static int parse_maybe_list(const char *text, bool whole, Instruction *ret, Err *err) {
        int r = parse_list(text, &ret->args, err);

        if (r < 0)
                return r;
        ret->json = r > 0;
        if (r > 0)
                return 0;
        r = whole ? (*text ? strv_add(&ret->args, text) : 0) : split_words(text, &ret->args);
        return r < 0 ? fail(err, r, "cannot read") : 0;
}

/* args: "NONE", or "CMD" and the command's. */
static int parse_healthcheck(const char *text, Instruction *ret, Err *err) {
        size_t n = strcspn(text, " \t\v\f\r");
        const char *command = skip_blanks(text + n);
        autostrv list = NULL;
        int r;

        if (n == 4 && strncasecmp(text, "NONE", n) == 0) {
                if (*command || ret->flags)
                        return refuse(err, EINVAL, "HEALTHCHECK NONE takes no arguments");
                return strv_add(&ret->args, "NONE") < 0 ? fail(err, ENOMEM, "cannot read") : 0;
        }
        if (n != 3 || strncasecmp(text, "CMD", n) != 0)
                return refuse(err, EINVAL, "HEALTHCHECK has no type '%.*s': use NONE or CMD",
                              (int) n, text);
        if (!*command)
                return refuse(err, EINVAL, "HEALTHCHECK CMD needs a command");

        r = parse_list(command, &list, err);
        if (r < 0)
                return r;
        ret->json = r > 0;
        if (strv_add(&ret->args, "CMD") < 0 ||
            (r > 0 ? strv_extend(&ret->args, list) : strv_add(&ret->args, command)) < 0)
                return fail(err, ENOMEM, "cannot read");
        return 0;
}

static int parse_arguments(const Rule *rule, const char *text, char escape, Instruction *ret,
                           Err *err) {
        int r = 0;

        switch (rule->form) {
        case FORM_WORDS:
                r = split_words(text, &ret->args);
                break;
        case FORM_QUOTED_WORDS:
                r = containerfile_words(text, escape, &ret->args);
                break;
        case FORM_WHOLE:
                r = *text ? strv_add(&ret->args, text) : 0;
                break;
        case FORM_PAIRS:
                return parse_pairs(text, escape, ret, err);
        case FORM_LIST_OR_WORDS:
                return parse_maybe_list(text, false, ret, err);
        case FORM_LIST_OR_WHOLE:
                return parse_maybe_list(text, true, ret, err);
        case FORM_HEALTHCHECK:
                return *text ? parse_healthcheck(text, ret, err) : 0;
        case FORM_LIST:
                r = parse_list(text, &ret->args, err);
                if (r < 0)
                        return r;
                if (r == 0)
                        return refuse(err, EINVAL, "%s wants %s", rule->name, rule->wants);
                ret->json = true;
                return 0;
        }
        return r < 0 ? fail(err, r, "cannot read") : 0;
}

/*
 * `<<EOF`, `<<-EOF`, `3<<"EOF"`: ^(\d*)<<(-?)\s*([^<]*)$ on a word.
 *
 * Return: 1 if the word is one, 0 if not.
 */
static int read_heredoc(const char *word, char escape, Heredoc *ret) {
        const char *raw = word + strspn(word, "0123456789");
        autostrv words = NULL;

        if (strncmp(raw, "<<", 2) != 0 || raw - word > 4)
                return 0;
        ret->descriptor = (int) strtol(word, NULL, 10);
        raw += 2;
        ret->chomp = *raw == '-';
        raw = skip_blanks(ret->chomp ? raw + 1 : raw);
        if (!*raw || strchr(raw, '<'))
                return 0;
        /* Quotes are taken away; what has a variable in it is not looked up. */
        if (strchr(raw, '$')) {
                ret->expand = true;
                ret->name = strdup(raw);
                return ret->name ? 1 : -ENOMEM;
        }
        if (expand_words(raw, NULL, escape, &words, NULL) < 0 || strv_length(words) != 1)
                return 0;
        ret->expand = str_equal(words[0], raw);
        ret->name = strdup(words[0]);
        return ret->name ? 1 : -ENOMEM;
}

static int find_heredocs(const char *text, char escape, Instruction *ret, Err *err) {
        autostrv words = NULL;

        if (containerfile_words(text, escape, &words) < 0)
                return fail(err, ENOMEM, "cannot read");
        strv_foreach(word, words) {
                Heredoc found = {}, *heredoc;
                int r = read_heredoc(*word, escape, &found);

                if (r < 0)
                        return fail(err, r, "cannot read");
                if (r == 0)
                        continue;
                heredoc = json_grow(&ret->heredocs, &ret->n_heredocs, sizeof *heredoc);
                if (!heredoc) {
                        free(found.name);
                        return fail(err, ENOMEM, "cannot read");
                }
                *heredoc = found;
        }
        return 0;
}

const Heredoc *instruction_heredoc(const Instruction *instruction, const char *word, char escape) {
        Heredoc wanted = {};
        const Heredoc *found = NULL;

        if (read_heredoc(word, escape, &wanted) <= 0)
                return NULL;
        /* Of several with one name the last counts, as in BuildKit. */
        for (size_t i = instruction->n_heredocs; i-- > 0 && !found;)
                if (str_equal(instruction->heredocs[i].name, wanted.name))
                        found = &instruction->heredocs[i];
        free(wanted.name);
        return found;
}

char *heredoc_text(const Heredoc *heredoc) {
        autostr text = {};
        bool begun = true;

        if (!heredoc->chomp)
                return strdup(heredoc->content);
        for (const char *c = heredoc->content; *c; c++) {
                if (begun && *c == '\t')
                        continue;
                begun = *c == '\n';
                str_put_char(&text, *c);
        }
        return str_take(&text);
}

static int check_destination(const Rule *rule, const Instruction *instruction, char escape,
                             Err *err) {
        size_t n = strv_length(instruction->args);

        if (n == 0 || (rule->kind != INSTRUCTION_COPY && rule->kind != INSTRUCTION_ADD))
                return 0;
        if (instruction_heredoc(instruction, instruction->args[n - 1], escape))
                return refuse(err, EINVAL, "%s: a here-document cannot be the destination",
                              rule->name);
        return 0;
}

/*
 * ONBUILD keeps text, but a mistake in it is better found now than by who builds upon the image.
 * Its here-documents stand below the ONBUILD.
 */
static int check_trigger(const char *text, char escape, Instruction *onbuild, Err *err) {
        Instruction trigger = {};
        InstructionKind kind;
        const char *name;
        int r = instruction_parse(text, escape, &trigger, err);

        kind = trigger.kind;
        name = trigger.name;
        onbuild->heredocs = take_ptr(trigger.heredocs);
        onbuild->n_heredocs = trigger.n_heredocs;
        trigger.n_heredocs = 0;
        instruction_clear(&trigger);
        if (r < 0)
                return err_prefix(err, r, "ONBUILD");
        if (kind == INSTRUCTION_ONBUILD || kind == INSTRUCTION_FROM ||
            kind == INSTRUCTION_MAINTAINER)
                return refuse(err, EINVAL, "%s is not allowed as an ONBUILD trigger", name);
        return 0;
}

int instruction_parse(const char *text, char escape, Instruction *ret, Err *err) {
        const Rule *rule;
        const char *rest;
        size_t word, n;
        int r;

        text = skip_blanks(text);
        word = strcspn(text, " \t\v\f\r");
        rule = find_rule(text, word);
        if (!rule)
                return refuse_unknown(text, word, err);
        ret->kind = rule->kind;
        ret->name = rule->name;
        ret->word = strndup(text, word);

        rest = skip_blanks(text + word);
        n = trimmed_length(rest);
        ret->text = n ? str_format("%s %.*s", rule->name, (int) n, rest) : strdup(rule->name);
        if (!ret->word || !ret->text || take_flags(&rest, &ret->flags) < 0)
                return fail(err, ENOMEM, "cannot read");
        ret->rest = strndup(rest, trimmed_length(rest));
        if (!ret->rest)
                return fail(err, ENOMEM, "cannot read");

        r = check_flags(rule, ret->flags, err);
        if (r < 0)
                return r;
        r = parse_arguments(rule, ret->rest, escape, ret, err);
        if (r < 0)
                return r;
        if (rule->heredoc && !ret->json)
                r = find_heredocs(ret->rest, escape, ret, err);
        if (r >= 0)
                r = check_destination(rule, ret, escape, err);
        if (r >= 0 && rule->kind == INSTRUCTION_ONBUILD && ret->args)
                r = check_trigger(ret->args[0], escape, ret, err);
        if (r < 0)
                return r;

        n = strv_length(ret->args);
        if (n < rule->min_args || (rule->max_args && n > rule->max_args))
                return refuse(err, EINVAL, "%s needs %s", rule->name, rule->wants);
        return 0;
}

void instruction_clear(Instruction *instruction) {
        free(instruction->word);
        free(instruction->text);
        free(instruction->rest);
        strv_free(instruction->flags);
        strv_free(instruction->args);
        strv_free(instruction->comments);
        for (size_t i = 0; i < instruction->n_heredocs; i++) {
                free(instruction->heredocs[i].name);
                free(instruction->heredocs[i].content);
        }
        free(instruction->heredocs);
        *instruction = (Instruction){};
}

/* The value of a flag's word if it is --@name. */
static const char *flag_value(const char *word, const char *name) {
        const char *rest = str_after(word, name);

        return !rest ? NULL : *rest == '=' ? rest + 1 : *rest ? NULL : "";
}

const char *instruction_flag(const Instruction *instruction, const char *name) {
        const char *value = NULL;

        strv_foreach(flag, instruction->flags)
                if (!value)
                        value = flag_value(*flag, name);
        return value;
}

int instruction_flags(const Instruction *instruction, const char *name, char ***ret) {
        strv_foreach(flag, instruction->flags) {
                const char *value = flag_value(*flag, name);

                if (value && strv_add(ret, value) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int instruction_flag_is_set(const Instruction *instruction, const char *name, Err *err) {
        const char *value = instruction_flag(instruction, name);

        if (!value || strcasecmp(value, "false") == 0)
                return 0;
        if (!*value || strcasecmp(value, "true") == 0)
                return 1;
        return refuse(err, EINVAL, "%s --%s=%s is neither true nor false", instruction->name, name,
                      value);
}
