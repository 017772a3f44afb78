/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/nearest.h"
#include "base/size.h"
#include "base/str.h"
#include "cli/option.h"

#define NS_PER_S  1000000000
#define NS_PER_MS 1000000

typedef struct Parser {
        const Option *table;
        char *const *next; /* the word that is read next */
        void *values;
        OptionWords *words;
        bool options_first;
        Err *err;
} Parser;

bool option_takes_value(const Option *option) {
        return option->kind != OPTION_FLAG;
}

const Option *option_find(const Option *table, const char *name, size_t length) {
        for (const Option *o = table; o && o->kind; o++)
                if (o->name && strlen(o->name) == length && memcmp(o->name, name, length) == 0)
                        return o;
        return NULL;
}

const Option *option_find_short(const Option *table, char name) {
        for (const Option *o = table; o && o->kind; o++)
                if (o->short_name && o->short_name == name)
                        return o;
        return NULL;
}

/* Appends to a NULL-terminated array of borrowed strings. */
static int list_add(const char ***list, const char *s) {
        size_t n = strv_length((char *const *) *list);
        const char **longer;

        if (n == 0 || (n & (n + 1)) == 0) {
                longer = realloc(*list, (n ? (n + 1) * 2 : 2) * sizeof *longer);
                if (!longer)
                        return -ENOMEM;
                *list = longer;
        }
        (*list)[n] = s;
        (*list)[n + 1] = NULL;
        return 0;
}

/* The kinds whose value is a number; returns -EINVAL or -ERANGE for text that is none. */
static int set_number(const Option *o, void *member, const char *text) {
        int64_t ns;
        char *end;
        int r;

        switch (o->kind) {
        case OPTION_SIZE:
                return size_parse(text, member);
        case OPTION_SPAN:
                r = span_parse(text, NS_PER_S, &ns);
                if (r < 0)
                        return r;
                /* Docker's "for ever" is any negative number. */
                *(int64_t *) member = ns < 0 ? -1 : ns / NS_PER_MS;
                return 0;
        case OPTION_INT:
                return parse_int(text, INT32_MIN, INT32_MAX, member);
        default:
                errno = 0;
                *(double *) member = strtod(text, &end);
                return end == text || *end ? -EINVAL : -errno;
        }
}

static const char *kind_words(OptionKind kind) {
        switch (kind) {
        case OPTION_SIZE:
                return "a size such as 512m or 1.5g";
        case OPTION_SPAN:
                return "a time such as 10, 1.5s or 2m";
        case OPTION_INT:
                return "a whole number";
        default:
                return "a number";
        }
}

static int set(Parser *p, const Option *o, const char *text) {
        void *member = (char *) p->values + o->offset;
        int r;

        switch (o->kind) {
        case OPTION_FLAG:
                if (!text)
                        *(bool *) member = true;
                else if (parse_bool(text, member) < 0)
                        return refuse(p->err, EINVAL, "option '--%s' is true or false, not '%s'",
                                      o->name, text);
                return 0;
        case OPTION_STRING:
                *(const char **) member = text;
                return 0;
        case OPTION_LIST:
                r = list_add(member, text);
                return r < 0 ? fail(p->err, r, "cannot read option '--%s'", o->name) : 0;
        default:
                r = set_number(o, member, text);
                if (r == -ERANGE)
                        return refuse(p->err, EINVAL, "option '--%s': '%s' is too large", o->name,
                                      text);
                if (r < 0)
                        return refuse(p->err, EINVAL, "option '--%s': '%s' is not %s", o->name,
                                      text, kind_words(o->kind));
                return 0;
        }
}

static int unknown_long(const Parser *p, const char *name, size_t length) {
        autofree char *typed = strndup(name, length);
        autofree const char **names = NULL;
        const char *near;

        for (const Option *o = p->table; o && o->kind; o++)
                if (o->name && o->help && list_add(&names, o->name) < 0)
                        break;
        near = names && typed ? nearest_name(typed, names) : NULL;
        if (near)
                return refuse(p->err, EINVAL, "unknown option '--%.*s'; did you mean '--%s'?",
                              (int) length, name, near);
        return refuse(p->err, EINVAL, "unknown option '--%.*s'", (int) length, name);
}

/* The value that must follow option @o as a word of its own. */
static int set_from_next(Parser *p, const Option *o) {
        if (!*p->next)
                return refuse(p->err, EINVAL, "option '--%s' needs a value: --%s %s", o->name,
                              o->name, o->value ? o->value : "VALUE");
        return set(p, o, *p->next++);
}

static int parse_long(Parser *p, const char *word) {
        size_t length = strcspn(word, "=");
        const Option *o = option_find(p->table, word, length);

        if (!o && length == 4 && memcmp(word, "help", 4) == 0) {
                p->words->help = true;
                return 0;
        }
        if (!o)
                return unknown_long(p, word, length);
        if (word[length])
                return set(p, o, word + length + 1);
        return option_takes_value(o) ? set_from_next(p, o) : set(p, o, NULL);
}

/* -i, -it, -p80, -p=80, -p 80, -itp 80 */
static int parse_short(Parser *p, const char *letters) {
        for (const char *c = letters; *c; c++) {
                const Option *o = option_find_short(p->table, *c);
                int r;

                if (!o && *c == 'h') {
                        p->words->help = true;
                        return 0;
                }
                if (!o && c > letters)
                        return refuse(p->err, EINVAL, "unknown option '-%c' in '-%s'", *c, letters);
                if (!o)
                        return refuse(p->err, EINVAL, "unknown option '-%c'", *c);

                if (c[1] == '=')
                        return set(p, o, c + 2);
                if (option_takes_value(o))
                        return c[1] ? set(p, o, c + 1) : set_from_next(p, o);
                r = set(p, o, NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Returns 1 once the rest of the line are operands. */
static int parse_word(Parser *p) {
        const char *word = *p->next++;
        int r;

        if (str_equal(word, "--"))
                return 1;
        if (word[0] == '-' && word[1] == '-')
                return parse_long(p, word + 2);
        if (word[0] == '-' && word[1])
                return parse_short(p, word + 1);

        r = list_add(&p->words->args, word);
        if (r < 0)
                return fail(p->err, r, "cannot read the command line");
        return p->options_first;
}

static void set_defaults(const Option *table, void *values) {
        for (const Option *o = table; o && o->kind; o++) {
                if (o->kind == OPTION_SPAN)
                        *(int64_t *) ((char *) values + o->offset) = -1;
                if (o->kind == OPTION_FLAG && o->value)
                        *(bool *) ((char *) values + o->offset) = true;
        }
}

int option_parse(const Option *table, bool options_first, char *const *argv, void *values,
                 OptionWords *ret, Err *err) {
        Parser p = {
                .table = table,
                .next = argv,
                .values = values,
                .words = ret,
                .options_first = options_first,
                .err = err,
        };
        int r = 0;

        *ret = (OptionWords){};
        set_defaults(table, values);

        while (*p.next && r == 0 && !ret->help)
                r = parse_word(&p);
        for (; *p.next && r > 0; p.next++)
                if (list_add(&ret->args, *p.next) < 0)
                        r = fail(err, ENOMEM, "cannot read the command line");

        ret->n_args = (int) strv_length((char *const *) ret->args);
        return r < 0 ? r : 0;
}

void option_clear(const Option *table, void *values, OptionWords *words) {
        for (const Option *o = table; o && o->kind; o++)
                if (o->kind == OPTION_LIST) {
                        void **list = (void **) ((char *) values + o->offset);

                        /* Two spellings share one list. */
                        free(*list);
                        *list = NULL;
                }
        free(words->args);
        *words = (OptionWords){};
}
