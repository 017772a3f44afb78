/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "topology/draw_parts.h"

const char *const draw_labels_names[] = { "auto",      "nothing", "nodes", "interfaces",
                                          "addresses", "all",     NULL };

/* U+FFFE and U+FFFF are characters of UTF-8, but none of XML. */
static bool is_no_character(const char *p) {
        return str_after(p, "\xef\xbf\xbe") || str_after(p, "\xef\xbf\xbf");
}

void draw_put_xml(Str *out, const char *text) {
        autofree char *printable = str_printable(text);

        if (!printable)
                out->failed = true;
        for (const char *p = printable; p && *p; p++) {
                const char *entity = *p == '&'    ? "&amp;"
                                     : *p == '<'  ? "&lt;"
                                     : *p == '>'  ? "&gt;"
                                     : *p == '"'  ? "&quot;"
                                     : *p == '\'' ? "&#39;"
                                                  : NULL;

                if (entity)
                        str_put(out, entity);
                else if (is_no_character(p)) {
                        str_put_char(out, '?');
                        p += 2;
                } else
                        str_put_char(out, *p);
        }
}

void draw_put_json(Str *out, const char *text) {
        autofree char *printable = str_printable(text);

        if (!printable)
                out->failed = true;
        str_put_char(out, '"');
        for (const char *p = printable; p && *p; p++) {
                if (*p == '"' || *p == '\\')
                        str_put_char(out, '\\');
                if (*p == '<' || *p == '>' || *p == '&')
                        str_printf(out, "\\u%04x", (unsigned) *p);
                else
                        str_put_char(out, *p);
        }
        str_put_char(out, '"');
}

void draw_put_number(Str *out, double number) {
        long long tenths = llround(number * 10), whole = tenths / 10, rest = llabs(tenths % 10);

        str_printf(out, "%s%lld", tenths < 0 && whole == 0 ? "-" : "", whole);
        if (rest)
                str_printf(out, ".%lld", rest);
}

/* In em: narrow, capital and other characters; beyond Latin and its like they may fill the square.
 */
static double character_width(const char *p, size_t n) {
        if (n == 1)
                return strchr("fijlrtI.,:;|!'() -", *p) ? 0.38
                       : strchr("mwMW@%", *p)           ? 0.98
                       : *p >= 'A' && *p <= 'Z'         ? 0.72
                                                        : 0.62;
        return n == 2 ? 0.66 : 1.02;
}

static double width_of(const char *text, double size, bool mono) {
        double width = 0;

        for (size_t n; *text; text += n) {
                n = str_utf8_length(text, strlen(text));
                n = n ? n : 1;
                width += mono ? n > 2 ? 1.02 : 0.605 : character_width(text, n);
        }
        return width * size;
}

double draw_text_width(const char *text, double size) {
        return width_of(text, size, false);
}

double draw_mono_width(const char *text, double size) {
        return width_of(text, size, true);
}

/* The place after @n characters. */
static const char *after_characters(const char *text, size_t n) {
        while (n-- > 0 && *text) {
                size_t length = str_utf8_length(text, strlen(text));

                text += length ? length : 1;
        }
        return text;
}

char *draw_shortened(const char *text, size_t max) {
        size_t n = 0, kept = max - 1;
        const char *head;

        for (const char *p = text; *p; n++)
                p = after_characters(p, 1);
        if (n <= max)
                return strdup(text);
        head = after_characters(text, kept - kept / 2);
        return str_format("%.*s…%s", (int) (head - text), text,
                          after_characters(text, n - kept / 2));
}

void draw_put_address(Str *out, const Address *a) {
        char text[INET6_ADDRSTRLEN];

        addr_text(a, text);
        str_printf(out, "%s/%d", text, a->prefix);
}

char *draw_quality(const Quality *q) {
        static const char *const bare[] = { "delay=", "rate=", "distribution=", "discipline=",
                                            NULL };
        autostrv settings = NULL;
        autostr s = {};

        if (quality_settings(q, &settings) < 0)
                return NULL;
        strv_foreach(setting, settings) {
                const char *value = str_after(*setting, "jitter=");
                const char *mark = value ? "±" : "";

                /* A seed says nothing about what the link is like. */
                if (str_after(*setting, "seed="))
                        continue;
                for (size_t i = 0; bare[i] && !value; i++)
                        value = str_after(*setting, bare[i]);
                if (s.length)
                        str_put_char(&s, ' ');
                if (value)
                        str_printf(&s, "%s%s", mark, value);
                else
                        str_printf(&s, "%.*s %s", (int) strcspn(*setting, "="), *setting,
                                   strchr(*setting, '=') + 1);
        }
        return str_take(&s);
}

void draw_colour(double fraction, char ret[8]) {
        static const double stops[][3] = { { 0x2f, 0x86, 0xc9 },
                                           { 0xdf, 0xa0, 0x2b },
                                           { 0xd4, 0x33, 0x3f } };
        double at = fmin(fmax(fraction, 0), 1) * 2;
        int from = at >= 1, rgb[3];

        for (int i = 0; i < 3; i++)
                rgb[i] = (int) lround(stops[from][i] +
                                      (stops[from + 1][i] - stops[from][i]) * (at - from));
        snprintf(ret, 8, "#%02x%02x%02x", rgb[0] & 0xff, rgb[1] & 0xff, rgb[2] & 0xff);
}

double draw_scale_end(const Topology *t, const DrawOptions *o) {
        double most = 0;

        if (o->value_max > 0)
                return o->value_max;
        for (size_t i = 0; i < t->n_links; i++)
                if (!isnan(o->values[i]))
                        most = fmax(most, o->values[i]);
        return most > 0 ? most : 1;
}

char *draw_value(const DrawOptions *o, size_t link) {
        double value = o->values ? o->values[link] : NAN;

        if (isnan(value))
                return NULL;
        /* Of three digits, and of next to nothing none. */
        return str_format("%.3g%s%s", value < 0.005 ? 0 : value, o->value_unit ? " " : "",
                          o->value_unit ? o->value_unit : "");
}

const char *draw_kind(const Node *n) {
        static const char *const kinds[] = { "host", "router", "bridge", "Open vSwitch bridge" };

        return kinds[n->kind];
}
