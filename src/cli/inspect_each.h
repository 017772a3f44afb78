/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the verbs that inspect objects have in common. */

#include "cli/command.h"

struct json_t;

/* Docker's document about one object (a new jansson reference); @options: the verb's. */
typedef int (*Inspect)(const Home *home, const char *name, const void *options, struct json_t **ret,
                       Err *err);

/**
 * inspect_each() - print the documents of all objects that were named
 * @format:	the user's --format, or NULL
 *
 * Those that are there are shown, the others complained of.
 *
 * Return: the exit code: 0, or 1 if one could not be shown; negative errno.
 */
int inspect_each(const CommandInput *in, Inspect inspect, const char *format, Err *err);

/* These need no options. */
int inspect_image(const Home *home, const char *name, const void *options, struct json_t **ret,
                  Err *err);
int inspect_network(const Home *home, const char *name, const void *options, struct json_t **ret,
                    Err *err);
int inspect_volume(const Home *home, const char *name, const void *options, struct json_t **ret,
                   Err *err);
