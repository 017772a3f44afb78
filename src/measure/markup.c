/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "measure/markup.h"

static const char *entity(char c) {
        switch (c) {
        case '&':
                return "&amp;";
        case '<':
                return "&lt;";
        case '>':
                return "&gt;";
        case '"':
                return "&quot;";
        case '\'':
                return "&#39;";
        default:
                return NULL;
        }
}

/* U+FFFE and U+FFFF are no characters, and XML does not have them. */
static bool is_character(const char *s, size_t n) {
        unsigned char c = (unsigned char) *s;

        if (n == 1)
                return (c >= ' ' && c != 0x7f) || c == '\n' || c == '\t';
        return !(n == 3 && c == 0xef && (unsigned char) s[1] == 0xbf &&
                 (unsigned char) s[2] >= 0xbe);
}

void markup_put(Str *out, const char *text) {
        size_t left = strlen(text);

        while (left > 0) {
                size_t n = str_utf8_length(text, left);
                const char *instead = n == 1 ? entity(*text) : NULL;

                if (n == 0 || !is_character(text, n)) {
                        str_put_char(out, '?');
                        n = n ? n : 1;
                } else if (instead)
                        str_put(out, instead);
                else
                        str_put_bytes(out, text, n);
                text += n;
                left -= n;
        }
}
