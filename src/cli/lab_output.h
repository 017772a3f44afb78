/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How verbs that make lab files print them. */

#include "base/str.h"

/* Prints a document on standard output and empties @text. */
int lab_print(Str *text, Err *err);
/* Sentences about what was left out, one a line on stderr. */
void lab_print_notes(char *const *notes);
