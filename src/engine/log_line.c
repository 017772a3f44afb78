/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "engine/log_line.h"

/* Length that the first byte of a UTF-8 character promises; 0 if it cannot be the first. */
static size_t promised_length(unsigned char c) {
        return c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
}

/* Length of the whole character at p (RFC 3629), or 0 if there is none. */
static size_t character_length(const unsigned char *p, const unsigned char *end) {
        size_t n = promised_length(*p);

        if (n == 0 || n > (size_t) (end - p))
                return 0;
        for (size_t i = 1; i < n; i++)
                if (p[i] >> 6 != 2)
                        return 0;
        /* Overlong forms, surrogates, and what is beyond U+10FFFF. */
        if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
            (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
                return 0;
        return n;
}

static bool is_plain(unsigned char c) {
        return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

/* Line and paragraph separator end a line in JavaScript, so Go escapes them. */
static bool is_separator(const unsigned char *p) {
        return p[0] == 0xe2 && p[1] == 0x80 && (p[2] & 0xfe) == 0xa8;
}

/* Escapes what is at p, which is not plain; returns bytes read, and written in *ret. */
static size_t escape_one(const unsigned char *p, const unsigned char *end, char *out, size_t *ret) {
        static const char digits[] = "0123456789abcdef";
        size_t n = character_length(p, end);

        if (n == 0) {
                memcpy(out, "\\ufffd", 6);
                *ret = 6;
                return 1;
        }
        if (n == 3 && is_separator(p)) {
                memcpy(out, p[2] == 0xa8 ? "\\u2028" : "\\u2029", 6);
                *ret = 6;
                return 3;
        }
        if (n > 1) {
                memcpy(out, p, n);
                *ret = n;
                return n;
        }
        out[0] = '\\';
        *ret = 2;
        if (*p == '"' || *p == '\\')
                out[1] = (char) *p;
        else if (*p == '\n')
                out[1] = 'n';
        else if (*p == '\r')
                out[1] = 'r';
        else {
                memcpy(out + 1, "u00", 3);
                out[4] = digits[*p >> 4];
                out[5] = digits[*p & 15];
                *ret = 6;
        }
        return 1;
}

size_t log_escaped_size(const void *text, size_t size) {
        const unsigned char *p = text, *end = p + size;
        char scratch[LOG_ESCAPE_MAX];
        size_t total = 0, n;

        while (p < end)
                if (is_plain(*p)) {
                        p++;
                        total++;
                } else {
                        p += escape_one(p, end, scratch, &n);
                        total += n;
                }
        return total;
}

size_t log_escape(const char **text, const char *text_end, char *out, size_t room) {
        const unsigned char *p = (const unsigned char *) *text;
        const unsigned char *end = (const unsigned char *) text_end;
        size_t filled = 0, n;

        while (p < end && filled + LOG_ESCAPE_MAX <= room)
                if (is_plain(*p))
                        out[filled++] = (char) *p++;
                else {
                        p += escape_one(p, end, out + filled, &n);
                        filled += n;
                }
        *text = (const char *) p;
        return filled;
}

size_t log_unfinished_character(const void *text, size_t size) {
        const unsigned char *p = text;

        for (size_t n = 1; n <= 3 && n <= size; n++) {
                unsigned char c = p[size - n];

                if (c >> 6 == 2)
                        continue;
                return promised_length(c) > n ? n : 0;
        }
        return 0;
}

/* Reads n digits, or returns -1. */
static int64_t read_digits(const char *p, size_t n) {
        int64_t value = 0;

        for (size_t i = 0; i < n; i++) {
                if (p[i] < '0' || p[i] > '9')
                        return -1;
                value = value * 10 + (p[i] - '0');
        }
        return value;
}

static int64_t days_since_1970(int64_t year, int64_t month, int64_t day) {
        int64_t y = month <= 2 ? year - 1 : year, cycle = y / 400, in_cycle = y % 400;
        int64_t in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

        return cycle * 146097 + in_cycle * 365 + in_cycle / 4 - in_cycle / 100 + in_year - 719468;
}

/* Reads "2026-11-22T14:30:00.123Z", as every log has it, without strptime(). */
static int parse_time(const char *text, size_t size, int64_t *ret_ns) {
        static const struct {
                size_t at, n;
        } fields[] = { { 0, 4 }, { 5, 2 }, { 8, 2 }, { 11, 2 }, { 14, 2 }, { 17, 2 } };
        int64_t v[6], fraction = 0, unit = 100000000;
        char copy[64];

        if (size < 20 || size >= sizeof copy)
                return -EINVAL;
        for (size_t i = 0; i < 6; i++)
                v[i] = read_digits(text + fields[i].at, fields[i].n);

        if (text[size - 1] != 'Z' || text[10] != 'T' || v[0] < 1970 || v[0] > 2261 || v[1] < 1 ||
            v[1] > 12 || v[2] < 1) {
                memcpy(copy, text, size);
                copy[size] = 0;
                return clock_parse_rfc3339(copy, ret_ns);
        }
        for (size_t i = 3; i < 6; i++)
                if (v[i] < 0)
                        return -EINVAL;
        for (const char *p = text + 20; p < text + size - 1 && unit > 0; p++, unit /= 10) {
                if (*p < '0' || *p > '9')
                        return -EINVAL;
                fraction += (*p - '0') * unit;
        }
        *ret_ns = ((days_since_1970(v[0], v[1], v[2]) * 24 + v[3]) * 60 + v[4]) * 60 + v[5];
        *ret_ns = *ret_ns * 1000000000 + fraction;
        return 0;
}

static char *skip_blanks(char *p, const char *end) {
        while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
                p++;
        return p;
}

/* @p: after the opening quote; returns the closing one, or NULL. */
static char *end_of_string(char *p, const char *end) {
        for (; p < end && *p != '"'; p++)
                if (*p == '\\')
                        p++;
        return p < end ? p : NULL;
}

/* Returns what follows the value at p, or NULL if it does not end. */
static char *skip_value(char *p, const char *end) {
        int depth = 0;

        for (; p < end; p++) {
                if (*p == '"') {
                        p = end_of_string(p + 1, end);
                        if (!p)
                                return NULL;
                } else if (*p == '{' || *p == '[')
                        depth++;
                else if ((*p == '}' || *p == ']') && depth > 0)
                        depth--;
                else if (*p != ',' && *p != '}')
                        continue;
                else if (depth == 0)
                        return p;
        }
        return NULL;
}

static int hex_value(const char *p, const char *end) {
        int value = 0;

        if (end - p < 4)
                return -1;
        for (int i = 0; i < 4; i++) {
                int c = p[i], digit = c >= '0' && c <= '9'   ? c - '0'
                                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                             : -1;

                if (digit < 0)
                        return -1;
                value = value << 4 | digit;
        }
        return value;
}

static char *put_utf8(char *out, uint32_t c) {
        if (c < 0x80) {
                *out++ = (char) c;
                return out;
        }
        if (c < 0x800)
                *out++ = (char) (0xc0 | c >> 6);
        else {
                if (c < 0x10000)
                        *out++ = (char) (0xe0 | c >> 12);
                else {
                        *out++ = (char) (0xf0 | c >> 18);
                        *out++ = (char) (0x80 | (c >> 12 & 0x3f));
                }
                *out++ = (char) (0x80 | (c >> 6 & 0x3f));
        }
        *out++ = (char) (0x80 | (c & 0x3f));
        return out;
}

/* Reads \uXXXX, or a pair of surrogates, at p (after the u); returns what follows. */
static char *unescape_unicode(char *p, const char *end, char **out) {
        int c = hex_value(p, end), low;

        if (c < 0)
                return NULL;
        p += 4;
        if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
                low = hex_value(p + 2, end);
                if (low >= 0xdc00 && low < 0xe000) {
                        *out = put_utf8(*out, 0x10000 + ((uint32_t) (c - 0xd800) << 10) +
                                                      (uint32_t) (low - 0xdc00));
                        return p + 6;
                }
        }
        *out = put_utf8(*out, c >= 0xd800 && c < 0xe000 ? 0xfffd : (uint32_t) c);
        return p;
}

/* Undoes the escapes in place: what they stand for is never longer.  Returns the size, or -1. */
static ssize_t unescape(char *text, size_t size) {
        static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
        char *p = text, *end = text + size, *out = text;

        while (p < end) {
                const char *known;
                char *escape = memchr(p, '\\', (size_t) (end - p));
                size_t n = (size_t) ((escape ? escape : end) - p);

                memmove(out, p, n);
                out += n;
                if (!escape)
                        break;
                p = escape + 2;
                if (p > end)
                        return -1;
                if (escape[1] == 'u') {
                        p = unescape_unicode(p, end, &out);
                        if (!p)
                                return -1;
                        continue;
                }
                known = strchr(from, escape[1]);
                *out++ = known && escape[1] ? to[known - from] : escape[1];
        }
        return out - text;
}

static bool is_word(const char *p, const char *end, const char *word) {
        size_t n = strlen(word);

        return (size_t) (end - p) == n && memcmp(p, word, n) == 0;
}

static int take_member(const char *key, const char *key_end, char *value, char *value_end,
                       LogLine *line) {
        bool is_string = *value == '"';

        if (is_word(key, key_end, "attrs") && *value == '{') {
                line->attributes = value;
                line->attributes_size = (size_t) (value_end - value);
                return 0;
        }
        if (!is_string)
                return 0;
        value++;
        value_end = end_of_string(value, value_end);
        if (is_word(key, key_end, "log")) {
                ssize_t n = unescape(value, (size_t) (value_end - value));

                if (n < 0)
                        return -EINVAL;
                line->text = value;
                line->size = (size_t) n;
        } else if (is_word(key, key_end, "stream"))
                line->stream = is_word(value, value_end, "stderr") ? 2 : 1;
        else if (is_word(key, key_end, "time"))
                return parse_time(value, (size_t) (value_end - value), &line->time_ns);
        return 0;
}

int log_line_parse(char *text, size_t size, LogLine *ret) {
        LogLine line = { .stream = 1, .time_ns = INT64_MIN };
        char *end = text + size, *p = skip_blanks(text, end);
        int r;

        if (p == end || *p++ != '{')
                return -EINVAL;
        for (;;) {
                char *key, *key_end, *value, *value_end;

                p = skip_blanks(p, end);
                if (p == end || *p != '"')
                        return -EINVAL;
                key = p + 1;
                key_end = end_of_string(key, end);
                if (!key_end)
                        return -EINVAL;
                p = skip_blanks(key_end + 1, end);
                if (p == end || *p != ':')
                        return -EINVAL;
                value = skip_blanks(p + 1, end);
                value_end = skip_value(value, end);
                if (!value_end)
                        return -EINVAL;

                p = value_end + 1; /* taking a member may overwrite it */
                if (*value_end == '}') {
                        r = take_member(key, key_end, value, value_end, &line);
                        break;
                }
                r = take_member(key, key_end, value, value_end, &line);
                if (r < 0)
                        return r;
        }
        if (r < 0 || line.time_ns == INT64_MIN)
                return -EINVAL;

        *ret = line;
        return 0;
}

int log_line_time(const char *line, size_t size, int64_t *ret_ns) {
        static const char key[] = "\"time\":\"";
        const char *end = line + size, *p, *quote;

        /* The time is the last member; inside of a text its quotes would be escaped. */
        for (p = end - (sizeof key - 1); p >= line; p--)
                if (memcmp(p, key, sizeof key - 1) == 0)
                        break;
        if (p < line)
                return -EINVAL;
        p += sizeof key - 1;
        quote = memchr(p, '"', (size_t) (end - p));
        return quote ? parse_time(p, (size_t) (quote - p), ret_ns) : -EINVAL;
}

/* Escapes as in a query string, so that a value cannot pass for another pair. */
static size_t put_query(const char *p, size_t size, char *out, size_t max) {
        size_t filled = 0;

        for (size_t i = 0; i < size && filled + 4 <= max; i++) {
                unsigned char c = (unsigned char) p[i];

                if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
                    (c && strchr("-_.~", c)))
                        out[filled++] = (char) c;
                else if (c == ' ')
                        out[filled++] = '+';
                else
                        filled += (size_t) snprintf(out + filled, max - filled, "%%%02X", c);
        }
        return filled;
}

size_t log_line_details(const LogLine *line, char *out, size_t max) {
        char *p = line->attributes, *end;
        size_t filled = 0;
        bool is_key = true;

        if (!p)
                return 0;
        end = p + line->attributes_size;
        while (p < end) {
                char *close;
                ssize_t n;

                p = memchr(p, '"', (size_t) (end - p));
                close = p ? end_of_string(p + 1, end) : NULL;
                if (!close)
                        break;
                n = unescape(p + 1, (size_t) (close - p - 1));
                if (n < 0 || filled + 1 >= max)
                        break;
                if (filled > 0)
                        out[filled++] = is_key ? ',' : '=';
                filled += put_query(p + 1, (size_t) n, out + filled, max - filled);
                is_key = !is_key;
                p = close + 1;
        }
        return filled;
}
