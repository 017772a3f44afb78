/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * isola __complete -- WORDS...
 *
 * Prints what the last word may become, one a line.  The shells' completion
 * scripts only call this, so they know no command by themselves.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/command.h"
#include "cli/option.h"

static void propose(const char *candidate, const char *word) {
        if (str_after(candidate, word))
                printf("%s\n", candidate);
}

/* Prints the next word of a name that begins with the @n words before it. */
static void propose_next(const char *name, size_t length, char *const *words, int n,
                         const char *word) {
        const char *end = name + length;
        int i = 0;

        for (;; i++) {
                size_t part = strcspn(name, " ,");
                autofree char *text = strndup(name, part);

                if (i == n) {
                        if (text)
                                propose(text, word);
                        return;
                }
                if (!str_equal(text, words[i]) || name + part >= end)
                        return;
                name += part + 1;
        }
}

static void propose_commands(char *const *words, int n, const char *word) {
        autofree const Command **list = command_list();

        for (const Command **c = list; c && *c; c++) {
                if ((*c)->hidden)
                        continue;
                propose_next((*c)->name, strlen((*c)->name), words, n, word);
                for (const char *a = (*c)->alias; a && *a;) {
                        size_t length = strcspn(a, ",");

                        propose_next(a, length, words, n, word);
                        a += length + (a[length] == ',');
                }
        }
}

static void propose_options(const Option *table, const char *word) {
        for (const Option *o = table; o && o->kind; o++) {
                autofree char *name = o->name && o->help ? str_format("--%s", o->name) : NULL;

                if (name)
                        propose(name, word);
        }
        propose("--help", word);
}

static void propose_values(const Home *home, const char *kind, const char *word) {
        autostrv values = NULL;

        /* "file" and "dir" are the shell's own business. */
        if (!kind || strv_split(kind, "|", true, &values) < 0 || !values || !values[1])
                return;
        strv_foreach(value, values)
                propose(*value, word);
}

/* The option that waits for a value at the end of @words, or NULL. */
static const Option *waiting(const Option *table, const char *last) {
        const Option *o = NULL;

        if (last[0] == '-' && last[1] == '-' && !strchr(last, '='))
                o = option_find(table, last + 2, strlen(last + 2));
        else if (last[0] == '-' && last[1])
                o = option_find_short(table, last[strlen(last) - 1]);
        return o && option_takes_value(o) ? o : NULL;
}

static int cmd_complete(const CommandInput *in, Err *err) {
        const char *word = in->n_args > 0 ? in->args[in->n_args - 1] : "";
        int used = 0, n = in->n_args > 0 ? in->n_args - 1 : 0;
        const Command *c;
        const Option *o;

        if (n > 0)
                in->args[n] = NULL;
        c = n > 0 ? command_find(in->args, &used) : NULL;
        if (!c) {
                propose_commands(in->args, n, word);
                return 0;
        }

        o = n > used ? waiting(c->options, in->args[n - 1]) : NULL;
        if (o)
                propose_values(in->home, o->completes, word);
        else if (*word == '-')
                propose_options(c->options, word);
        else
                propose_values(in->home, c->completes, word);
        return 0;
}

COMMAND(complete) = {
        .name = "__complete",
        .hidden = true,
        .no_home = true,
        .min_args = 0,
        .max_args = ARGS_ANY,
        .run = cmd_complete,
};
