/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Lines of cells, laid out as Docker's tables are. */

#include "base/str.h"

/**
 * table_layout() - make columns of tab-separated lines
 * @lines:	the first is the heading; a line's last cell is as long as it is
 * @out:	gets the lines; cells are at least three blanks apart and ten wide
 */
void table_layout(char *const *lines, Str *out);

/* How wide a text of @length bytes is: its characters take one column each, which is good enough
 * for names, ids and ports. */
size_t table_width(const char *text, size_t length);

/* Appends a cell to a line of a table: a tab or a line break inside of it becomes a blank. */
void table_put(Str *line, const char *cell);
