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

#include "base/file.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/oci.h"
#include "cli/option.h"
#include "engine/network.h"
#include "engine/volume.h"
#include "lab/lab.h"
#include "store/image.h"

/* What has been proposed so far: aliases share their first word. */
typedef struct Proposals {
        const char *word;   /* what is typed of it */
        const char *before; /* what stands before it in the same word: "--restart=" */
        char **made;
} Proposals;

static void clear(Proposals *p) {
        p->made = strv_free(p->made);
}
#define autoproposals __attribute__((__cleanup__(clear))) Proposals

static void propose(Proposals *p, const char *candidate) {
        if (!str_after(candidate, p->word) || strv_has(p->made, candidate))
                return;
        if (strv_add(&p->made, candidate) >= 0)
                printf("%s%s\n", p->before ? p->before : "", candidate);
}

/* Prints the next word of a name that begins with the @n words before it. */
static void propose_next(const char *name, size_t length, char *const *words, int n, Proposals *p) {
        const char *end = name + length;
        int i = 0;

        for (;; i++) {
                size_t part = strcspn(name, " ,");
                autofree char *text = strndup(name, part);

                if (i == n) {
                        if (text)
                                propose(p, text);
                        return;
                }
                if (!str_equal(text, words[i]) || name + part >= end)
                        return;
                name += part + 1;
        }
}

static void propose_commands(char *const *words, int n, Proposals *p) {
        autofree const Command **list = command_list();

        for (const Command **c = list; c && *c; c++) {
                if ((*c)->hidden)
                        continue;
                propose_next((*c)->name, strlen((*c)->name), words, n, p);
                for (const char *a = (*c)->alias; a && *a;) {
                        size_t length = strcspn(a, ",");

                        propose_next(a, length, words, n, p);
                        a += length + (a[length] == ',');
                }
        }
}

static void propose_options(const Option *table, Proposals *p) {
        for (const Option *o = table; o && o->kind; o++) {
                autofree char *name = o->name && o->help ? str_format("--%s", o->name) : NULL;

                if (name)
                        propose(p, name);
        }
        propose(p, "--help");
}

static void propose_containers(const Home *home, Proposals *p) {
        autostrv names = NULL;

        if (dir_list(home->data_fd, "names", &names) < 0)
                return;
        strv_foreach(name, names)
                propose(p, *name);
}

static void propose_images(const Home *home, Proposals *p) {
        Image **list = NULL;
        size_t n = 0;

        if (image_list(home, &list, &n, NULL) < 0)
                return;
        for (size_t i = 0; i < n; i++)
                strv_foreach(name, list[i]->names) {
                        const char *latest = strstr(*name, ":latest");
                        autofree char *bare =
                                latest ? strndup(*name, (size_t) (latest - *name)) : NULL;

                        propose(p, bare ? bare : *name);
                }
        image_list_free(list, n);
}

static void propose_networks(const Home *home, Proposals *p) {
        Network **list = NULL;
        size_t n = 0;

        if (network_list(home, &list, &n, NULL) < 0)
                return;
        for (size_t i = 0; i < n; i++)
                propose(p, list[i]->name);
        network_list_free(list, n);
}

static void propose_volumes(const Home *home, Proposals *p) {
        Volume **list = NULL;
        size_t n = 0;

        if (volume_list(home, &list, &n, NULL) < 0)
                return;
        for (size_t i = 0; i < n; i++)
                propose(p, list[i]->name);
        volume_list_free(list, n);
}

static void propose_labs(const Home *home, bool nodes, Proposals *p) {
        Lab **list = NULL;
        size_t n = 0;

        if (lab_list(home, &list, &n, NULL) < 0)
                return;
        for (size_t i = 0; i < n; i++) {
                if (!nodes)
                        propose(p, list[i]->name);
                for (size_t k = 0; nodes && k < list[i]->state.n_nodes; k++)
                        propose(p, list[i]->state.nodes[k].name);
        }
        lab_list_free(list, n);
}

/* @kind: as in Option.completes; "file" and "dir" are the shell's own business. */
static void propose_values(const Home *home, const char *kind, Proposals *p) {
        autostrv values = NULL;

        if (!kind)
                return;
        if (str_equal(kind, "container"))
                propose_containers(home, p);
        else if (str_equal(kind, "image"))
                propose_images(home, p);
        else if (str_equal(kind, "network"))
                propose_networks(home, p);
        else if (str_equal(kind, "volume"))
                propose_volumes(home, p);
        else if (str_equal(kind, "lab") || str_equal(kind, "node"))
                propose_labs(home, str_equal(kind, "node"), p);
        else if (strchr(kind, '|') && strv_split(kind, "|", true, &values) >= 0)
                strv_foreach(value, values)
                        propose(p, *value);
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

/* Proposes values for "--option=" and what is typed after it; false if the word is not that. */
static bool propose_after_equals(const Home *home, const Option *table, Proposals *p) {
        const char *word = p->word, *equals = strchr(word, '=');
        autofree char *before = NULL;
        const Option *o;

        if (!str_after(word, "--") || !equals)
                return false;
        o = option_find(table, word + 2, (size_t) (equals - word) - 2);
        before = strndup(word, (size_t) (equals - word) + 1);
        if (!o || !before)
                return true;
        p->word = equals + 1;
        p->before = before;
        propose_values(home, o->completes, p);
        p->before = NULL;
        return true;
}

/* How many of @words are options before the command; *ret: the one whose value is being typed. */
static int skip_globals(const Option *table, char *const *words, const Option **ret) {
        int i = 0;

        *ret = NULL;
        while (words[i] && *words[i] == '-') {
                const Option *o = waiting(table, words[i++]);

                if (!o)
                        continue;
                if (!words[i]) {
                        *ret = o;
                        break;
                }
                i++;
        }
        return i;
}

/* Takes out what stands between "oci" and its command; returns how many words these are. */
static int skip_oci_globals(char **words, int n, const Option **ret) {
        int inner = skip_globals(oci_globals(), words + 1, ret);

        memmove(words + 1, words + 1 + inner, (size_t) (n - inner) * sizeof *words);
        return inner;
}

static int cmd_complete(const CommandInput *in, Err *err) {
        const char *word = in->n_args > 0 ? in->args[in->n_args - 1] : "";
        autoproposals proposals = { .word = word };
        int used = 0, n = in->n_args > 0 ? in->n_args - 1 : 0, skipped;
        const Option *globals = command_globals();
        char **words = in->args;
        const Command *c;
        const Option *o;

        words[n] = NULL;
        skipped = skip_globals(globals, words, &o);
        words += skipped;
        n -= skipped;
        if (!o && n > 0 && str_equal(words[0], "oci")) {
                globals = oci_globals();
                n -= skip_oci_globals(words, n, &o);
        }
        c = n > 0 ? command_find(words, &used) : NULL;
        if (o)
                propose_values(in->home, o->completes, &proposals);
        else if (!c && propose_after_equals(in->home, globals, &proposals))
                return 0;
        else if (!c && *word == '-')
                propose_options(globals, &proposals);
        else if (!c)
                propose_commands(words, n, &proposals);
        if (o || !c)
                return 0;

        o = n > used ? waiting(c->options, words[n - 1]) : NULL;
        if (o)
                propose_values(in->home, o->completes, &proposals);
        else if (propose_after_equals(in->home, c->options, &proposals))
                return 0;
        else if (*word == '-')
                propose_options(c->options, &proposals);
        else
                propose_values(in->home, c->completes, &proposals);
        return 0;
}

COMMAND(complete) = {
        .name = "__complete",
        .hidden = true,
        .min_args = 0,
        .max_args = ARGS_ANY,
        .run = cmd_complete,
};
