/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

static bool reserve(Str *s, size_t more) {
        size_t wanted = s->length + more + 1, capacity = s->capacity ? s->capacity : 64;
        char *text;

        if (s->failed)
                return false;
        if (wanted <= s->capacity)
                return true;

        while (capacity < wanted)
                capacity *= 2;
        text = realloc(s->text, capacity);
        if (!text) {
                s->failed = true;
                return false;
        }
        s->text = text;
        s->capacity = capacity;
        return true;
}

void str_put_bytes(Str *s, const void *bytes, size_t n) {
        if (!reserve(s, n))
                return;
        if (n > 0)
                memcpy(s->text + s->length, bytes, n);
        s->length += n;
        s->text[s->length] = 0;
}

void str_put(Str *s, const char *text) {
        str_put_bytes(s, text, strlen(text));
}

void str_put_char(Str *s, char c) {
        str_put_bytes(s, &c, 1);
}

void str_printf(Str *s, const char *format, ...) {
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(NULL, 0, format, ap);
        va_end(ap);
        if (n < 0 || !reserve(s, (size_t) n)) {
                s->failed = true;
                return;
        }

        va_start(ap, format);
        vsnprintf(s->text + s->length, (size_t) n + 1, format, ap);
        va_end(ap);
        s->length += (size_t) n;
}

void str_clear(Str *s) {
        free(s->text);
        *s = (Str){};
}

char *str_take(Str *s) {
        char *text = s->text;

        if (s->failed) {
                str_clear(s);
                return NULL;
        }
        if (!text)
                text = strdup("");
        *s = (Str){};
        return text;
}

char *str_format(const char *format, ...) {
        va_list ap;
        char *text;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        return n < 0 ? NULL : text;
}

int str_set(char **string, const char *value) {
        char *copy = value ? strdup(value) : NULL;

        if (value && !copy)
                return -ENOMEM;
        free(*string);
        *string = copy;
        return 0;
}

const char *str_after(const char *s, const char *prefix) {
        size_t n = strlen(prefix);

        return s && strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

bool str_ends_with(const char *s, const char *suffix) {
        size_t n = strlen(s), m = strlen(suffix);

        return n >= m && strcmp(s + n - m, suffix) == 0;
}

bool str_glob(const char *pattern, const char *s) {
        return fnmatch(pattern, s, 0) == 0;
}

/* Decodes one UTF-8 character (RFC 3629) of at most @max bytes; its length, or 0 if it is none. */
static size_t decode_utf8(const unsigned char *p, size_t max, uint32_t *ret) {
        size_t n = p[0] < 0x80       ? 1
                   : p[0] >> 5 == 6  ? 2
                   : p[0] >> 4 == 14 ? 3
                   : p[0] >> 3 == 30 ? 4
                                     : 0;
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        uint32_t c = n == 1 ? p[0] : n ? p[0] & (0x7fu >> n) : 0;

        if (n > max)
                return 0;
        for (size_t i = 1; i < n; i++) {
                if (p[i] >> 6 != 2)
                        return 0;
                c = c << 6 | (p[i] & 0x3f);
        }
        if (n == 0 || c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
                return 0;
        *ret = c;
        return n;
}

size_t str_utf8_length(const char *s, size_t n) {
        uint32_t c;

        return n > 0 ? decode_utf8((const unsigned char *) s, n, &c) : 0;
}

static bool is_harmless(uint32_t c) {
        if (c < 0x20 || (c >= 0x7f && c < 0xa0))
                return false;
        /* Marks and overrides that change the order of what follows (UAX #9). */
        return !(c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
                 (c >= 0x2066 && c <= 0x2069));
}

typedef enum Printable { PRINTABLE_WORDS, PRINTABLE_LINES, PRINTABLE_JSON } Printable;

static char *printable(const char *text, Printable kind) {
        const unsigned char *p = (const unsigned char *) text;
        autostr s = {};

        while (*p) {
                uint32_t c;
                size_t n = decode_utf8(p, SIZE_MAX, &c);

                if (n > 0 &&
                    (is_harmless(c) || (kind != PRINTABLE_WORDS && (c == '\n' || c == '\t'))))
                        str_put_bytes(&s, p, n);
                else if (n > 0 && kind == PRINTABLE_JSON)
                        str_printf(&s, "\\u%04x", c); /* all of them are below U+10000 */
                else
                        str_put_char(&s, '?');
                p += n ? n : 1;
        }
        return str_take(&s);
}

char *str_printable(const char *text) {
        return printable(text, PRINTABLE_WORDS);
}

char *str_printable_lines(const char *text) {
        return printable(text, PRINTABLE_LINES);
}

char *str_printable_json(const char *text) {
        return printable(text, PRINTABLE_JSON);
}

int parse_u64(const char *s, uint64_t *ret) {
        unsigned long long value;
        char *end;

        if (!s || *s < '0' || *s > '9')
                return -EINVAL;
        errno = 0;
        value = strtoull(s, &end, 10);
        if (*end)
                return -EINVAL;
        if (errno == ERANGE)
                return -ERANGE;
        *ret = value;
        return 0;
}

int parse_i64(const char *s, int64_t *ret) {
        bool negative = s && *s == '-';
        uint64_t value;
        int r;

        r = parse_u64(s && negative ? s + 1 : s, &value);
        if (r < 0)
                return r;
        if (value > (uint64_t) INT64_MAX + negative)
                return -ERANGE;
        *ret = negative ? (int64_t) (0 - value) : (int64_t) value;
        return 0;
}

int parse_int(const char *s, int min, int max, int *ret) {
        int64_t value;
        int r;

        r = parse_i64(s, &value);
        if (r < 0)
                return r;
        if (value < min || value > max)
                return -ERANGE;
        *ret = (int) value;
        return 0;
}

int parse_bool(const char *s, bool *ret) {
        static const char *const words[] = { "false", "true", "0", "1", "no", "yes", "off", "on" };

        for (size_t i = 0; s && i < sizeof words / sizeof *words; i++)
                if (strcasecmp(s, words[i]) == 0) {
                        *ret = i % 2;
                        return 0;
                }
        return -EINVAL;
}

char **strv_free(char **list) {
        strv_foreach(s, list)
                free(*s);
        free(list);
        return NULL;
}

size_t strv_length(char *const *list) {
        size_t n = 0;

        while (list && list[n])
                n++;
        return n;
}

int strv_take(char ***list, char *s) {
        size_t n = strv_length(*list);
        char **longer;

        if (!s)
                return -ENOMEM;
        /* Grown in powers of two: the list itself says when it is full. */
        if (n == 0 || (n & (n + 1)) == 0) {
                longer = realloc(*list, (n ? (n + 1) * 2 : 2) * sizeof *longer);
                if (!longer) {
                        free(s);
                        return -ENOMEM;
                }
                *list = longer;
        }
        (*list)[n] = s;
        (*list)[n + 1] = NULL;
        return 0;
}

int strv_add(char ***list, const char *s) {
        return strv_take(list, strdup(s));
}

int strv_addf(char ***list, const char *format, ...) {
        va_list ap;
        char *s;
        int n;

        va_start(ap, format);
        n = vasprintf(&s, format, ap);
        va_end(ap);
        return n < 0 ? -ENOMEM : strv_take(list, s);
}

int strv_extend(char ***list, char *const *more) {
        strv_foreach(s, more)
                if (strv_add(list, *s) < 0)
                        return -ENOMEM;
        return 0;
}

int strv_add_words(char ***list, const char *const *words) {
        for (; *words; words++)
                if (strv_add(list, *words) < 0)
                        return -ENOMEM;
        return 0;
}

int strv_copy(char *const *list, char ***ret) {
        autostrv copy = NULL;
        int r;

        r = strv_extend(&copy, list);
        if (r < 0)
                return r;
        *ret = take_ptr(copy);
        return 0;
}

bool strv_has(char *const *list, const char *wanted) {
        strv_foreach(s, list)
                if (strcmp(*s, wanted) == 0)
                        return true;
        return false;
}

int strv_split(const char *s, const char *separators, bool skip_empty, char ***ret) {
        autostrv list = NULL;

        for (;;) {
                size_t n = strcspn(s, separators);

                if ((n > 0 || !skip_empty) && strv_take(&list, strndup(s, n)) < 0)
                        return -ENOMEM;
                if (!s[n])
                        break;
                s += n + 1;
        }
        *ret = take_ptr(list);
        return 0;
}

int strv_split_csv(const char *s, char ***ret) {
        autostrv fields = NULL;
        autostr field = {};
        bool quoted = false;

        for (; *s; s++) {
                if (*s == '"' && quoted && s[1] == '"')
                        str_put_char(&field, *s++);
                else if (*s == '"')
                        quoted = !quoted;
                else if (*s != ',' || quoted)
                        str_put_char(&field, *s);
                else if (strv_take(&fields, str_take(&field)) < 0)
                        return -ENOMEM;
        }
        if (quoted)
                return -EINVAL;
        if (strv_take(&fields, str_take(&field)) < 0)
                return -ENOMEM;
        *ret = take_ptr(fields);
        return 0;
}

char *strv_join(char *const *list, const char *separator) {
        autostr s = {};

        for (size_t i = 0; list && list[i]; i++) {
                if (i > 0)
                        str_put(&s, separator);
                str_put(&s, list[i]);
        }
        return str_take(&s);
}

/* Returns the entry of KEY, of which the first n bytes of key are the name. */
static char **find_assignment(char *const *list, const char *key, size_t n) {
        strv_foreach(s, list)
                if (strncmp(*s, key, n) == 0 && (*s)[n] == '=')
                        return s;
        return NULL;
}

const char *strv_env_get(char *const *list, const char *key) {
        size_t n = strlen(key);
        char **entry = find_assignment(list, key, n);

        return entry ? *entry + n + 1 : NULL;
}

int strv_env_set(char ***list, const char *assignment) {
        size_t n = strcspn(assignment, "=");
        char **entry = find_assignment(*list, assignment, n), *copy;

        if (!assignment[n]) {
                if (entry) {
                        free(*entry);
                        memmove(entry, entry + 1, (strv_length(entry + 1) + 1) * sizeof *entry);
                }
                return 0;
        }
        if (!entry)
                return strv_add(list, assignment);

        copy = strdup(assignment);
        if (!copy)
                return -ENOMEM;
        free(*entry);
        *entry = copy;
        return 0;
}
