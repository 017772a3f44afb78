/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "cli/table.h"

#define COLUMNS_MAX 64
#define GAP         3
#define WIDTH_MIN   10 /* Docker's tabwriter has the same two numbers */

size_t table_width(const char *text, size_t length) {
        size_t n = 0;

        for (size_t i = 0; i < length; i++)
                n += ((unsigned char) text[i] & 0xc0) != 0x80;
        return n;
}

static void measure(char *const *lines, size_t widths[COLUMNS_MAX]) {
        strv_foreach(line, lines) {
                const char *cell = *line;

                for (size_t i = 0; i < COLUMNS_MAX; i++) {
                        size_t length = strcspn(cell, "\t"), n = table_width(cell, length) + GAP;

                        if (!cell[length])
                                break;
                        if (n > widths[i])
                                widths[i] = n;
                        cell += length + 1;
                }
        }
}

static void put_line(Str *out, const char *line, const size_t widths[COLUMNS_MAX]) {
        for (size_t i = 0;; i++) {
                size_t length = strcspn(line, "\t");

                str_put_bytes(out, line, length);
                if (!line[length])
                        break;
                for (size_t n = table_width(line, length); i < COLUMNS_MAX && n < widths[i]; n++)
                        str_put_char(out, ' ');
                line += length + 1;
        }
        str_put_char(out, '\n');
}

void table_layout(char *const *lines, Str *out) {
        size_t widths[COLUMNS_MAX];

        for (size_t i = 0; i < COLUMNS_MAX; i++)
                widths[i] = WIDTH_MIN;
        measure(lines, widths);
        strv_foreach(line, lines)
                put_line(out, *line, widths);
}

void table_put(Str *line, const char *cell) {
        for (; *cell; cell++)
                str_put_char(line, strchr("\t\r\n", *cell) ? ' ' : *cell);
}
