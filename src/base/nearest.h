/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What somebody who mistyped a word may have meant. */

/* The nearest of @names (NULL-terminated) to a mistyped @word, or NULL if none is near enough to
 * propose. */
const char *nearest_name(const char *word, const char *const *names);
