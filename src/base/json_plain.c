/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_plain.h"
#include "base/str.h"

#define DEPTH_MAX  32
#define FIELDS_MAX 64 /* of one struct: bits of a mask */

typedef struct Reader {
        const char *next, *end;
        int depth;
} Reader;

static int read_struct(Reader *r, const JsonType *type, char *base);
static int skip_value(Reader *r);

/* ---- words ---- */

static void skip_blanks(Reader *r) {
        while (r->next < r->end && strchr(" \t\r\n", *r->next) && *r->next)
                r->next++;
}

/* Takes the character if it is there. */
static bool take(Reader *r, char c) {
        skip_blanks(r);
        if (r->next == r->end || *r->next != c)
                return false;
        r->next++;
        return true;
}

static bool take_word(Reader *r, const char *word) {
        size_t n = strlen(word);

        skip_blanks(r);
        if ((size_t) (r->end - r->next) < n || memcmp(r->next, word, n) != 0)
                return false;
        r->next += n;
        return true;
}

/* Finds a string's bytes, up to its closing quote; @escaped: whether there are escapes in them. */
static int take_string(Reader *r, const char **ret, size_t *ret_n, bool *escaped) {
        const char *c;

        if (!take(r, '"'))
                return -EINVAL;
        *escaped = false;
        for (c = r->next; c < r->end && *c != '"'; c++) {
                if ((unsigned char) *c < 0x20 || (unsigned char) *c >= 0x7f)
                        return -EINVAL;
                if (*c != '\\')
                        continue;
                *escaped = true;
                if (++c == r->end || !*c || !strchr("\"\\/bfnrt", *c))
                        return -EINVAL;
        }
        if (c == r->end)
                return -EINVAL;
        *ret = r->next;
        *ret_n = (size_t) (c - r->next);
        r->next = c + 1;
        return 0;
}

static char unescape(char c) {
        static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
        const char *found = strchr(from, c);

        return found ? to[found - from] : c;
}

static int copy_string(Reader *r, char **ret) {
        const char *text;
        size_t n, length = 0;
        bool escaped;
        char *copy;

        if (take_string(r, &text, &n, &escaped) < 0)
                return -EINVAL;
        copy = strndup(text, n);
        if (!copy)
                return -ENOMEM;
        for (size_t i = 0; escaped && i < n; i++)
                copy[length++] = text[i] == '\\' ? unescape(text[++i]) : text[i];
        if (escaped)
                copy[length] = 0;
        *ret = copy;
        return 0;
}

/* A whole number without leading zeros; others are read with more care elsewhere. */
static int take_number(Reader *r, int64_t *ret) {
        bool negative = take(r, '-');
        const char *first = r->next;
        uint64_t n = 0;

        while (r->next < r->end && *r->next >= '0' && *r->next <= '9' && r->next - first < 18)
                n = n * 10 + (uint64_t) (*r->next++ - '0');
        if (r->next == first || (*first == '0' && r->next - first > 1))
                return -EINVAL;
        if (r->next < r->end && strchr(".eE0123456789", *r->next))
                return -EINVAL;
        *ret = negative ? -(int64_t) n : (int64_t) n;
        return 0;
}

/* ---- what is not wanted ---- */

/* Goes through "[…]" or "{…}", of which the opening is read already. */
static int skip_members(Reader *r, bool object) {
        char close = object ? '}' : ']';
        int code = 0;

        if (take(r, close))
                return 0;
        do {
                const char *key;
                bool escaped;
                size_t n;

                if (object && (take_string(r, &key, &n, &escaped) < 0 || !take(r, ':')))
                        return -EINVAL;
                code = skip_value(r);
        } while (code == 0 && take(r, ','));
        return code < 0 || !take(r, close) ? -EINVAL : 0;
}

static int skip_value(Reader *r) {
        const char *text;
        int64_t number;
        bool escaped;
        size_t n;
        int code;

        skip_blanks(r);
        if (r->next == r->end || ++r->depth > DEPTH_MAX)
                return -EINVAL;
        if (*r->next == '"')
                code = take_string(r, &text, &n, &escaped);
        else if (take(r, '{'))
                code = skip_members(r, true);
        else if (take(r, '['))
                code = skip_members(r, false);
        else if (take_word(r, "true") || take_word(r, "false") || take_word(r, "null"))
                code = 0;
        else
                code = take_number(r, &number);
        r->depth--;
        return code;
}

/* ---- kinds ---- */

static int read_bool(Reader *r, bool *ret) {
        *ret = take_word(r, "true");
        return *ret || take_word(r, "false") ? 0 : -EINVAL;
}

static int read_number(Reader *r, JsonKind kind, void *member) {
        int64_t n;

        if (take_number(r, &n) < 0)
                return -EINVAL;
        if (kind == JSON_KIND_INT) {
                if (n < INT32_MIN || n > INT32_MAX)
                        return -EINVAL;
                *(int *) member = (int) n;
        } else if (kind == JSON_KIND_U64) {
                if (n < 0)
                        return -EINVAL;
                *(uint64_t *) member = (uint64_t) n;
        } else if (kind == JSON_KIND_U32) {
                if (n < 0 || n > UINT32_MAX)
                        return -EINVAL;
                *(uint32_t *) member = (uint32_t) n;
        } else
                *(int64_t *) member = n;
        return 0;
}

static int read_strings(Reader *r, char ***ret) {
        if (!take(r, '['))
                return -EINVAL;
        if (take(r, ']')) {
                /* An empty list that was said differs from none. */
                *ret = calloc(1, sizeof **ret);
                return *ret ? 0 : -ENOMEM;
        }
        do {
                char *s;
                int code = copy_string(r, &s);

                if (code < 0)
                        return code;
                if (strv_take(ret, s) < 0)
                        return -ENOMEM;
        } while (take(r, ','));
        return take(r, ']') ? 0 : -EINVAL;
}

/* Keys of an object, with their values behind a '=' if they are strings. */
static int read_keys(Reader *r, bool pairs, char ***ret) {
        if (!take(r, '{'))
                return -EINVAL;
        if (take(r, '}'))
                return 0;
        do {
                autofree char *key = NULL, *value = NULL;
                int code = copy_string(r, &key);

                if (code == 0)
                        code = !take(r, ':') ? -EINVAL
                               : pairs       ? copy_string(r, &value)
                                             : skip_value(r);
                if (code < 0)
                        return code;
                /* The same key twice is a mistake that is told elsewhere. */
                if (pairs ? strv_env_get(*ret, key) != NULL : strv_has(*ret, key))
                        return -EINVAL;
                code = pairs ? strv_addf(ret, "%s=%s", key, value) : strv_take(ret, take_ptr(key));
                if (code < 0)
                        return code;
        } while (take(r, ','));
        return take(r, '}') ? 0 : -EINVAL;
}

static bool has_key(const char *elements, size_t n, size_t size, const char *key) {
        for (size_t i = 0; i < n; i++)
                if (str_equal(*(char *const *) (const void *) (elements + i * size), key))
                        return true;
        return false;
}

static int read_many(Reader *r, const JsonField *f, char *base) {
        bool map = f->kind == JSON_KIND_MAP;
        char **elements = (char **) (void *) (base + f->offset);
        size_t *count = (size_t *) (void *) (base + f->count_offset);
        char close = map ? '}' : ']';

        if (!take(r, map ? '{' : '['))
                return -EINVAL;
        if (take(r, close))
                return 0;
        do {
                autofree char *key = NULL;
                char *element;
                int code;

                code = map ? copy_string(r, &key) : 0;
                if (code == 0 && map && !take(r, ':'))
                        code = -EINVAL;
                if (code == 0 && map && has_key(*elements, *count, f->type->size, key))
                        code = -EINVAL;
                if (code < 0)
                        return code;
                element = json_grow(elements, count, f->type->size);
                if (!element)
                        return -ENOMEM;
                if (map)
                        *(char **) (void *) element = take_ptr(key);
                if (map && take_word(r, "null"))
                        continue;
                code = read_struct(r, f->type, element);
                if (code < 0)
                        return code;
        } while (take(r, ','));
        return take(r, close) ? 0 : -EINVAL;
}

static int read_pointer(Reader *r, const JsonField *f, void **ret) {
        *ret = calloc(1, f->type->size);
        return *ret ? read_struct(r, f->type, *ret) : -ENOMEM;
}

static int read_field(Reader *r, const JsonField *f, char *base) {
        void *member = base + f->offset;

        if (f->flags & JSON_HAS)
                *(bool *) (base + f->has_offset) = true;
        switch (f->kind) {
        case JSON_KIND_STRING:
                return copy_string(r, member);
        case JSON_KIND_BOOL:
                return read_bool(r, member);
        case JSON_KIND_INT:
        case JSON_KIND_I64:
        case JSON_KIND_U64:
        case JSON_KIND_U32:
                return read_number(r, f->kind, member);
        case JSON_KIND_STRINGS:
                return read_strings(r, member);
        case JSON_KIND_SET:
        case JSON_KIND_PAIRS:
                return read_keys(r, f->kind == JSON_KIND_PAIRS, member);
        case JSON_KIND_STRUCT:
                return read_struct(r, f->type, member);
        case JSON_KIND_POINTER:
                return read_pointer(r, f, member);
        case JSON_KIND_ARRAY:
        case JSON_KIND_MAP:
                return read_many(r, f, base);
        default:
                return -EINVAL;
        }
}

/* Members come in the table's order, where isola wrote them: the search begins behind the last. */
static const JsonField *find_field(const JsonType *type, const JsonField *after, const char *key,
                                   size_t n) {
        for (const JsonField *f = after; f->kind; f++)
                if (strncmp(f->name, key, n) == 0 && !f->name[n])
                        return f;
        for (const JsonField *f = type->fields; f < after; f++)
                if (strncmp(f->name, key, n) == 0 && !f->name[n])
                        return f;
        return NULL;
}

static int read_members(Reader *r, const JsonType *type, char *base, uint64_t *seen) {
        const JsonField *next = type->fields;

        if (take(r, '}'))
                return 0;
        do {
                const JsonField *f;
                const char *key;
                bool escaped;
                size_t n;
                int code;

                if (take_string(r, &key, &n, &escaped) < 0 || escaped || !take(r, ':'))
                        return -EINVAL;
                f = find_field(type, next, key, n);
                if (!f) {
                        if (skip_value(r) < 0)
                                return -EINVAL;
                        continue;
                }
                if (f - type->fields >= FIELDS_MAX || *seen >> (f - type->fields) & 1)
                        return -EINVAL;
                next = f + 1;
                if (take_word(r, "null"))
                        continue;
                *seen |= 1ULL << (f - type->fields);
                code = read_field(r, f, base);
                if (code < 0)
                        return code;
        } while (take(r, ','));
        return take(r, '}') ? 0 : -EINVAL;
}

static int read_struct(Reader *r, const JsonType *type, char *base) {
        uint64_t seen = 0;
        int code;

        if (type->fields[0].name && !*type->fields[0].name)
                return read_field(r, &type->fields[0], base);
        if (++r->depth > DEPTH_MAX || !take(r, '{'))
                return -EINVAL;
        code = read_members(r, type, base, &seen);
        r->depth--;
        if (code < 0)
                return code;

        for (const JsonField *f = type->fields; f->kind; f++) {
                if (f - type->fields < FIELDS_MAX && seen >> (f - type->fields) & 1)
                        continue;
                if (f->flags & JSON_REQUIRED)
                        return -EINVAL;
                if (f->flags & JSON_MINUS)
                        *(int64_t *) (void *) (base + f->offset) = -1;
        }
        return 0;
}

int json_read_plain(const JsonType *type, const char *text, size_t size, void *value) {
        Reader r = { .next = text, .end = text + size };
        int code;

        code = read_struct(&r, type, value);
        if (code < 0)
                return code;
        skip_blanks(&r);
        return r.next == r.end ? 0 : -EINVAL;
}
