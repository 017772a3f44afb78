/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>
#include <strings.h>

#include "topology/dot.h"

void dot_put_escaped(Str *out, const char *text, bool is_label) {
        for (; *text; text++) {
                if (*text == '"' || *text == '\\')
                        str_put_char(out, '\\');
                str_put_char(out, *text);
                if (*text == '&' && is_label)
                        str_put(out, "amp;");
        }
}

void dot_put_quoted(Str *out, const char *text) {
        str_put_char(out, '"');
        dot_put_escaped(out, text, false);
        str_put_char(out, '"');
}

void dot_put_id(Str *out, const char *text) {
        static const char *const keywords[] = { "node",    "edge",     "graph",
                                                "digraph", "subgraph", "strict" };
        size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
        bool bare = n > 0 && !text[n];

        for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
                bare = bare && strcasecmp(text, keywords[i]) != 0;
        if (bare)
                str_put(out, text);
        else
                dot_put_quoted(out, text);
}

void dot_put_attribute(Str *out, const char *key, const char *value) {
        dot_put_id(out, key);
        str_put_char(out, '=');
        dot_put_quoted(out, value);
}
