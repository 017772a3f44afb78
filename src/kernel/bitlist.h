/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Lists of processors or memory nodes as the kernel writes them: "0-3,7". */

#include <stdbool.h>
#include <stddef.h>

#define BITLIST_MAX 8192 /* numbers, more than any kernel is built for */

typedef struct Bitlist {
        unsigned long bits[BITLIST_MAX / (8 * sizeof(unsigned long))];
        size_t n; /* how many are set */
} Bitlist;

/* Blanks and empty items are passed over, so "" is the empty list; -EINVAL for what is no list,
 * -ERANGE for a number that no machine has. */
int bitlist_parse(const char *text, Bitlist *ret);
bool bitlist_has(const Bitlist *list, size_t number);
