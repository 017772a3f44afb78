/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Amounts of memory in words and back. */

#include <stdint.h>

/* Reads "512m", "1.5g", "64kB", "100"; powers of 1024, as Docker counts memory; -EINVAL, -ERANGE.
 */
int size_parse(const char *text, uint64_t *ret);
/* "12.3MB", powers of 1000 and three digits, as `images` and `ps -s` show; owned by the caller. */
char *size_words(uint64_t bytes);
