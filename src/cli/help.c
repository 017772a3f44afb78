/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/help.h"
#include "cli/oci.h"
#include "cli/option.h"
#include "cli/table.h"

#define COLUMN_MAX 30 /* where help texts begin at the latest */

/* Prints text from column @from on, broken between words and indented by @indent. */
static void print_wrapped(const char *text, int from, int indent) {
        int column = from;
        bool first = true;

        for (const char *word = text; *word; first = false) {
                int n = (int) strcspn(word, " ");

                if (!first && column + 1 + n >= HELP_WIDTH) {
                        printf("\n%*s", indent, "");
                        column = indent;
                } else if (!first)
                        column += printf(" ");
                column += printf("%.*s", n, word);
                word += n;
                while (*word == ' ')
                        word++;
        }
        printf("\n");
}

/* Returns "-n, --name VALUE"; owned by the caller. */
static char *option_words(const Option *o) {
        autostr s = {};

        if (o->short_name)
                str_printf(&s, "-%c", o->short_name);
        else
                str_put(&s, "  ");
        str_put(&s, !o->name ? "" : o->short_name ? ", " : "  ");
        if (o->name)
                str_printf(&s, "--%s", o->name);
        if (o->kind == OPTION_FLAG && o->value)
                str_printf(&s, "[=%s]", o->value);
        else if (o->value)
                str_printf(&s, " %s", o->value);
        return str_take(&s);
}

static bool is_shown(const Option *o) {
        return o->kind != OPTION_GROUP && o->help;
}

static bool has_shown(const Option *table) {
        for (const Option *o = table; o && o->kind; o++)
                if (is_shown(o))
                        return true;
        return false;
}

static int options_width(const Option *table) {
        int width = 0;

        for (const Option *o = table; o && o->kind; o++) {
                autofree char *words = is_shown(o) ? option_words(o) : NULL;
                int n = words ? (int) table_width(words, strlen(words)) + 4 : 0;

                if (n > width && n <= COLUMN_MAX)
                        width = n;
        }
        return width;
}

static void print_options(const Option *table) {
        int indent = options_width(table);

        for (const Option *o = table; o && o->kind; o++) {
                autofree char *words = NULL;
                int column;

                if (o->kind == OPTION_GROUP) {
                        printf("%s%s:\n", o == table ? "" : "\n", o->help);
                        continue;
                }
                if (!is_shown(o))
                        continue;
                words = option_words(o);
                printf("  %s", words ? words : "");
                column = words ? (int) table_width(words, strlen(words)) + 2 : 2;
                if (column + 2 > indent) {
                        printf("\n");
                        column = 0;
                }
                printf("%*s", indent - column, "");
                print_wrapped(o->help, indent, indent);
        }
}

/*
 * What a command is called in a family ("image ls" for "images" in "image"), or by itself where
 * family is NULL: *ret points to it, the length is returned; 0 if it is not in the family.  The OCI
 * runtime's commands are in their family only.
 */
static int name_in(const Command *c, const char *family, const char **ret) {
        const char *names[] = { c->name, c->alias };

        for (size_t i = 0; i < 2; i++)
                for (const char *name = names[i]; name && *name;) {
                        int length = (int) strcspn(name, ",");
                        const char *rest = family                    ? str_after(name, family)
                                           : str_after(name, "oci ") ? NULL
                                                                     : " ";

                        *ret = name;
                        if (rest && *rest == ' ')
                                return length;
                        name += length + (name[length] == ',');
                }
        return 0;
}

#define FOLDED " COMMAND"

/*
 * Of "lab link cut" the length of "lab link", its noun; 0 for shorter names.  In the list of all
 * commands, those of a noun take one line.
 */
static int noun_length(const char *name, int length) {
        const char *end = name + length, *space = memchr(name, ' ', (size_t) length);

        space = space ? memchr(space + 1, ' ', (size_t) (end - space - 1)) : NULL;
        return space ? (int) (space - name) : 0;
}

/* Whether it is one of the noun's, and what it is called there. */
static bool is_of_noun(const Command *c, const char *noun, int length, const char **ret) {
        if (c->hidden || strncmp(c->name, noun, (size_t) length) != 0 || c->name[length] != ' ')
                return false;
        *ret = c->name + length + 1;
        return true;
}

/* Prints the line of a noun; returns its last command. */
static const Command *const *print_noun(const Command *const *list, int length, int width) {
        const char *noun = (*list)->name, *verb;
        autostr verbs = {};

        for (; *list && is_of_noun(*list, noun, length, &verb); list++)
                str_printf(&verbs, "%s%s", verbs.length > 0 ? ", " : "", verb);
        printf("  %.*s" FOLDED "%*s  ", length, noun, width - length - (int) strlen(FOLDED), "");
        print_wrapped(verbs.text ? verbs.text : "", width + 4, width + 4);
        return list - 1;
}

static int names_width(const Command *const *list, const char *family) {
        int width = 0;

        for (; *list; list++) {
                const char *name;
                int n = (*list)->hidden ? 0 : name_in(*list, family, &name);
                int noun = n > 0 && !family ? noun_length(name, n) : 0;

                n = noun > 0 ? noun + (int) strlen(FOLDED) : n;
                if (n > width)
                        width = n;
        }
        return width;
}

static void print_commands(const Command *const *list, const char *family) {
        int width = names_width(list, family);
        const char *group = NULL, *name;

        for (; *list; list++) {
                const Command *c = *list;
                int n = c->hidden ? 0 : name_in(c, family, &name);
                int noun = n > 0 && !family ? noun_length(name, n) : 0;

                if (n == 0)
                        continue;
                if (!str_equal(group, c->group))
                        printf("\n%s:\n", c->group);
                group = c->group;
                if (noun > 0) {
                        list = print_noun(list, noun, width);
                        continue;
                }
                printf("  %.*s%*s  ", n, name, width - n, "");
                print_wrapped(c->summary, width + 4, width + 4);
        }
}

void help_program(const Option *global) {
        autofree const Command **list = command_list();

        printf("Usage: isola [OPTION...] COMMAND [ARGUMENT...]\n\n"
               "Containers and network labs from one small program, with no daemon.\n");
        if (list)
                print_commands(list, NULL);
        printf("\nOCI runtime:\n"
               "  oci COMMAND  Run bundles as runc does, also called isola-oci\n"
               "\nOptions, before the command:\n");
        print_options(global);
        printf("\nSee 'isola COMMAND --help' and man isola-COMMAND.\n");
}

bool help_family(const char *family) {
        autofree const Command **list = command_list();
        bool found = list && names_width(list, family) > 0;

        if (found) {
                printf("Usage: isola %s COMMAND [ARGUMENT...]\n", family);
                print_commands(list, family);
                printf("\nSee 'isola %s COMMAND --help'.\n", family);
        }
        return found;
}

void help_oci(void) {
        autofree const Command **list = command_list();

        printf("Usage: isola-oci [OPTION...] COMMAND [ARGUMENT...]\n"
               "       isola oci [OPTION...] COMMAND [ARGUMENT...]\n\n"
               "The OCI runtime, for Podman, containerd, Docker and what drives it as they do.\n");
        if (list)
                print_commands(list, "oci");
        printf("\nOptions, before the command:\n");
        print_options(oci_globals());
        printf("\nSee 'isola oci COMMAND --help' and man isola-oci.\n");
}

static void print_aliases(const char *alias) {
        autostrv names = NULL;
        int n = 0;

        if (!alias || strv_split(alias, ",", true, &names) < 0)
                return;
        strv_foreach(name, names)
                printf("%s isola %s", n++ ? "," : "\nAlso called:", *name);
        printf("\n");
}

void help_command(const Command *c) {
        autofree char *usage = str_format("isola %s %s", c->name, c->synopsis ? c->synopsis : "");

        printf("Usage: ");
        print_wrapped(usage ? usage : c->name, 7, 11);
        printf("\n");
        print_wrapped(c->summary, 0, 0);
        if (has_shown(c->options)) {
                printf("\n");
                if (c->options->kind != OPTION_GROUP)
                        printf("Options:\n");
                print_options(c->options);
        }
        print_aliases(c->alias);
}
