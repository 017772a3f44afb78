/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Options of one command line
 *
 * Reads argv by a command's table (command.h) into the command's own struct.
 * Understands what Docker's (pflag's) users type: --name value, --name=value,
 * -n value, -nvalue, -n=value, grouped flags -it, `--`, and --flag=false.  With
 * options_first the first operand ends the options: what follows belongs to the
 * inner program.
 */

#include <stdbool.h>

#include "base/err.h"
#include "cli/command.h"

typedef struct OptionWords {
        const char **args; /* the operands, NULL-terminated; they point into argv */
        int n_args;
        bool help; /* --help, or -h where the table has no -h; the rest was not read */
} OptionWords;

/**
 * option_parse() - read the words of a command line
 * @table:	ends in OPTION_END; may be NULL
 * @argv:	NULL-terminated, without the command's name
 * @values:	zeroed struct that the table's offsets belong to; on failure partly filled
 *
 * Strings and lists in @values point into @argv; the lists themselves, and ret->args,
 * are freed with option_clear().
 *
 * Return: 0; -EINVAL with a sentence that names the option.
 */
int option_parse(const Option *table, bool options_first, char *const *argv, void *values,
                 OptionWords *ret, Err *err);
void option_clear(const Option *table, void *values, OptionWords *words);

/* True if the option needs a value. */
bool option_takes_value(const Option *option);
/* The entry called --name (name with or without its value), or NULL. */
const Option *option_find(const Option *table, const char *name, size_t length);
const Option *option_find_short(const Option *table, char name);
