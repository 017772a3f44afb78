/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Words of the dot language, for those who write it: pictures (draw_dot.c) and files that are read
 * again (write_graph.c)
 *
 * https://graphviz.org/doc/info/lang.html
 */

#include <stdbool.h>

#include "base/str.h"

/* Within double quotes.  In a label, unlike in an id, entities of HTML mean something. */
void dot_put_escaped(Str *out, const char *text, bool is_label);
/* With its double quotes. */
void dot_put_quoted(Str *out, const char *text);
/* Quoted only where it must be. */
void dot_put_id(Str *out, const char *text);
/* KEY="VALUE". */
void dot_put_attribute(Str *out, const char *key, const char *value);
