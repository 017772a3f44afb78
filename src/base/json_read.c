/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Reading: from text straight into the struct
 *
 * One pass, no tree in between.  Members come in the table's order where isola
 * wrote them, so the search for a member begins behind the last one found.  What
 * no table asks for is gone through for its syntax only.
 */

#include <assert.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"

#define JSON_FILE_MAX (16u << 20)
#define DEPTH_MAX     128
#define FIELDS_MAX    128 /* of one struct: bits of a mask */

typedef unsigned __int128 Mask;

typedef struct Reader {
        const char *text, *next, *end;
        const char *document; /* how errors call it */
        int depth;
        Err *err;
} Reader;

/* Where in the document a reader is: a chain of names on the stack. */
typedef struct Place {
        const struct Place *outer;
        const char *name; /* NULL for an element of an array */
        size_t name_length;
        size_t index;
} Place;

static int read_struct(Reader *r, const JsonType *type, char *base, const Place *place);
static int skip_value(Reader *r);

/* ---- errors ---- */

static void put_place(Str *s, const Place *p) {
        if (!p)
                return;
        put_place(s, p->outer);
        if (!p->name)
                str_printf(s, "[%zu]", p->index);
        else if (p->name_length > 0)
                str_printf(s, "%s%.*s", p->outer ? "." : "", (int) p->name_length, p->name);
}

static int line_of(const Reader *r, const char *at) {
        int line = 1;

        for (const char *c = r->text; c < at; c++)
                line += *c == '\n';
        return line;
}

/* The value that begins @at is JSON, but not what the table wants. */
static int wrong(Reader *r, const char *at, const Place *place, const char *what) {
        autostr s = {};

        put_place(&s, place);
        return refuse(r->err, EINVAL, "%s:%d: %s%s%s", r->document, line_of(r, at),
                      s.text ? s.text : "", s.text ? ": " : "", what);
}

static int syntax(Reader *r, const char *what) {
        bool ended = r->next >= r->end;

        return refuse(r->err, EINVAL, "%s:%d: not JSON: %s%s", r->document, line_of(r, r->next),
                      ended ? "it ends, but should go on with " : "expected ", what);
}

static int no_memory(Reader *r) {
        return fail(r->err, ENOMEM, "cannot read '%s'", r->document);
}

/* ---- words ---- */

static void skip_blanks(Reader *r) {
        while (r->next < r->end &&
               (*r->next == ' ' || *r->next == '\n' || *r->next == '\t' || *r->next == '\r'))
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

static bool is_digit(const Reader *r) {
        return r->next < r->end && *r->next >= '0' && *r->next <= '9';
}

/* Reads four hexadecimal digits; -1 if there are none. */
static int take_hex(const char *s, const char *end) {
        int value = 0;

        if (end - s < 4)
                return -1;
        for (int i = 0; i < 4; i++) {
                char c = s[i];
                int digit = c >= '0' && c <= '9'   ? c - '0'
                            : c >= 'a' && c <= 'f' ? c - 'a' + 10
                            : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                   : -1;

                if (digit < 0)
                        return -1;
                value = value * 16 + digit;
        }
        return value;
}

/* The character that "\uXXXX" behind @s says, with its other half if it is one of a pair; the bytes
 * read, or 0 if it is none. */
static size_t take_unicode(const char *s, const char *end, uint32_t *ret) {
        int first = take_hex(s, end), second;

        /* A NUL would end the string in C. */
        if (first <= 0 || (first >= 0xdc00 && first < 0xe000))
                return 0;
        *ret = (uint32_t) first;
        if (first < 0xd800 || first >= 0xe000)
                return 4;
        if (end - s < 10 || s[4] != '\\' || s[5] != 'u')
                return 0;
        second = take_hex(s + 6, end);
        if (second < 0xdc00 || second >= 0xe000)
                return 0;
        *ret = 0x10000u + ((uint32_t) (first - 0xd800) << 10) + (uint32_t) (second - 0xdc00);
        return 10;
}

static size_t put_utf8(char *out, uint32_t c) {
        if (c < 0x80) {
                out[0] = (char) c;
                return 1;
        }
        if (c < 0x800) {
                out[0] = (char) (0xc0 | c >> 6);
                out[1] = (char) (0x80 | (c & 0x3f));
                return 2;
        }
        if (c < 0x10000) {
                out[0] = (char) (0xe0 | c >> 12);
                out[1] = (char) (0x80 | (c >> 6 & 0x3f));
                out[2] = (char) (0x80 | (c & 0x3f));
                return 3;
        }
        out[0] = (char) (0xf0 | c >> 18);
        out[1] = (char) (0x80 | (c >> 12 & 0x3f));
        out[2] = (char) (0x80 | (c >> 6 & 0x3f));
        out[3] = (char) (0x80 | (c & 0x3f));
        return 4;
}

/* Finds a string's bytes, up to its closing quote; @escaped: whether there are escapes in them. */
static int take_string(Reader *r, const char **ret, size_t *ret_n, bool *escaped) {
        const char *first;

        if (!take(r, '"'))
                return syntax(r, "a string");
        first = r->next;
        *escaped = false;
        while (r->next < r->end && *r->next != '"') {
                unsigned char c = (unsigned char) *r->next;
                size_t n = 1;
                uint32_t code;

                if (c < 0x20)
                        return syntax(r, "'\"': control characters must be escaped");
                if (c == '\\') {
                        *escaped = true;
                        n = r->end - r->next < 2                             ? 0
                            : strchr("\"\\/bfnrt", r->next[1]) && r->next[1] ? 2
                            : r->next[1] == 'u' ? take_unicode(r->next + 2, r->end, &code)
                                                : 0;
                        if (n == 0)
                                return syntax(r, "a known escape");
                        if (r->next[1] == 'u')
                                n += 2;
                } else if (c >= 0x80) {
                        n = str_utf8_length(r->next, (size_t) (r->end - r->next));
                        if (n == 0)
                                return syntax(r, "UTF-8");
                }
                r->next += n;
        }
        if (r->next >= r->end)
                return syntax(r, "'\"'");
        *ret = first;
        *ret_n = (size_t) (r->next++ - first);
        return 0;
}

/* In place: what an escape stands for is never longer than itself. */
static void unescape(char *text, size_t n) {
        static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
        char *out = text, *end = text + n;

        for (const char *c = text; c < end; c++) {
                const char *found;
                uint32_t code = 0;

                if (*c != '\\') {
                        *out++ = *c;
                        continue;
                }
                if (*++c == 'u') {
                        c += take_unicode(c + 1, end, &code);
                        out += put_utf8(out, code);
                        continue;
                }
                found = strchr(from, *c);
                *out++ = found ? to[found - from] : *c;
        }
        *out = 0;
}

static int copy_string(Reader *r, char **ret) {
        const char *text;
        bool escaped;
        char *copy;
        size_t n;
        int code;

        code = take_string(r, &text, &n, &escaped);
        if (code < 0)
                return code;
        copy = strndup(text, n);
        if (!copy)
                return no_memory(r);
        if (escaped)
                unescape(copy, n);
        *ret = copy;
        return 0;
}

typedef struct Number {
        bool negative, whole, huge; /* huge: beyond 64 bits */
        uint64_t value;             /* of a whole one, without its sign */
} Number;

static int take_number(Reader *r, Number *ret) {
        Number n = { .negative = take(r, '-'), .whole = true };
        const char *first = r->next;

        if (!is_digit(r))
                return syntax(r, n.negative ? "a digit" : "a value");
        while (is_digit(r) && !(*first == '0' && r->next > first))
                n.huge = __builtin_mul_overflow(n.value, 10, &n.value) ||
                         __builtin_add_overflow(n.value, (uint64_t) (*r->next++ - '0'), &n.value) ||
                         n.huge;
        if (is_digit(r))
                return syntax(r, "a number without leading zeros");
        if (r->next < r->end && *r->next == '.') {
                n.whole = false;
                r->next++;
                if (!is_digit(r))
                        return syntax(r, "a digit");
                while (is_digit(r))
                        r->next++;
        }
        if (r->next < r->end && (*r->next == 'e' || *r->next == 'E')) {
                n.whole = false;
                r->next++;
                if (r->next < r->end && (*r->next == '+' || *r->next == '-'))
                        r->next++;
                if (!is_digit(r))
                        return syntax(r, "a digit");
                while (is_digit(r))
                        r->next++;
        }
        *ret = n;
        return 0;
}

/* ---- what is not wanted ---- */

/* Goes through "[…]" or "{…}", of which the opening is read already. */
static int skip_members(Reader *r, bool object) {
        char close = object ? '}' : ']';

        if (take(r, close))
                return 0;
        do {
                const char *key;
                bool escaped;
                size_t n;
                int code = object ? take_string(r, &key, &n, &escaped) : 0;

                if (code >= 0 && object && !take(r, ':'))
                        code = syntax(r, "':'");
                if (code >= 0)
                        code = skip_value(r);
                if (code < 0)
                        return code;
        } while (take(r, ','));
        return take(r, close) ? 0 : syntax(r, object ? "',' or '}'" : "',' or ']'");
}

static int skip_value(Reader *r) {
        const char *text;
        Number number;
        bool escaped;
        size_t n;
        int code = 0;

        skip_blanks(r);
        if (r->depth >= DEPTH_MAX)
                return syntax(r, "less depth");
        r->depth++;
        if (r->next < r->end && *r->next == '"')
                code = take_string(r, &text, &n, &escaped);
        else if (take(r, '{'))
                code = skip_members(r, true);
        else if (take(r, '['))
                code = skip_members(r, false);
        else if (!take_word(r, "true") && !take_word(r, "false") && !take_word(r, "null"))
                code = take_number(r, &number);
        r->depth--;
        return code;
}

/* Something else than expected: a value of another kind, or no JSON. */
static int mismatch(Reader *r, const Place *place, const char *what) {
        const char *at;
        int code;

        skip_blanks(r);
        at = r->next;
        code = skip_value(r);
        return code < 0 ? code : wrong(r, at, place, what);
}

/* ---- kinds ---- */

static bool next_is(Reader *r, char c) {
        skip_blanks(r);
        return r->next < r->end && *r->next == c;
}

static int read_string(Reader *r, char **ret, const Place *place) {
        return next_is(r, '"') ? copy_string(r, ret) : mismatch(r, place, "not a string");
}

static int read_bool(Reader *r, bool *ret, const Place *place) {
        *ret = take_word(r, "true");
        return *ret || take_word(r, "false") ? 0 : mismatch(r, place, "neither true nor false");
}

static int read_i64(Reader *r, int64_t min, int64_t max, int64_t *ret, const Place *place) {
        const char *at;
        Number n;
        int code;

        if (!next_is(r, '-') && !is_digit(r))
                return mismatch(r, place, "not a whole number");
        at = r->next;
        code = take_number(r, &n);
        if (code < 0)
                return code;
        if (!n.whole)
                return wrong(r, at, place, "not a whole number");
        if (n.negative && min == 0 && n.value > 0)
                return wrong(r, at, place, "negative");
        if (n.huge || n.value > (uint64_t) INT64_MAX + n.negative)
                return wrong(r, at, place, "out of range");
        *ret = n.negative ? (int64_t) (0 - n.value) : (int64_t) n.value;
        return *ret < min || *ret > max ? wrong(r, at, place, "out of range") : 0;
}

static int read_u64(Reader *r, uint64_t *ret, const Place *place) {
        const char *at;
        Number n;
        int code;

        if (!next_is(r, '-') && !is_digit(r))
                return mismatch(r, place, "not a whole number");
        at = r->next;
        code = take_number(r, &n);
        if (code < 0)
                return code;
        if (!n.whole || n.huge || (n.negative && n.value > 0))
                return wrong(r, at, place,
                             !n.whole ? "not a whole number"
                             : n.huge ? "out of range"
                                      : "negative");
        *ret = n.value;
        return 0;
}

static int read_number(Reader *r, JsonKind kind, void *member, const Place *place) {
        int64_t n = 0;
        int code;

        switch (kind) {
        case JSON_KIND_INT:
                code = read_i64(r, INT32_MIN, INT32_MAX, &n, place);
                *(int *) member = (int) n;
                return code;
        case JSON_KIND_U32:
                code = read_i64(r, 0, UINT32_MAX, &n, place);
                *(uint32_t *) member = (uint32_t) n;
                return code;
        case JSON_KIND_U64:
                return read_u64(r, member, place);
        default:
                return read_i64(r, INT64_MIN, INT64_MAX, member, place);
        }
}

static int read_numbers(Reader *r, const JsonField *f, char *base, const Place *place) {
        int64_t **numbers = (int64_t **) (void *) (base + f->offset);
        size_t *count = (size_t *) (void *) (base + f->count_offset);

        if (!take(r, '['))
                return mismatch(r, place, "not a list");
        if (take(r, ']'))
                return 0;
        do {
                Place here = { place, NULL, 0, *count };
                int64_t *n = json_grow(numbers, count, sizeof *n);
                int code = n ? read_i64(r, INT64_MIN, INT64_MAX, n, &here) : no_memory(r);

                if (code < 0)
                        return code;
        } while (take(r, ','));
        return take(r, ']') ? 0 : syntax(r, "',' or ']'");
}

static int read_strings(Reader *r, char ***ret, const Place *place) {
        size_t index = 0;

        if (!take(r, '['))
                return mismatch(r, place, "not a list");
        if (take(r, ']')) {
                /* An empty list that was said differs from none: CMD [] is not the image's. */
                *ret = calloc(1, sizeof **ret);
                return *ret ? 0 : no_memory(r);
        }
        do {
                Place here = { place, NULL, 0, index++ };
                char *s = NULL;
                int code = read_string(r, &s, &here);

                if (code < 0)
                        return code;
                if (strv_take(ret, s) < 0)
                        return no_memory(r);
        } while (take(r, ','));
        return take(r, ']') ? 0 : syntax(r, "',' or ']'");
}

/* Reads `"key":`. */
static int read_key(Reader *r, char **ret) {
        int code = copy_string(r, ret);

        return code >= 0 && !take(r, ':') ? syntax(r, "':'") : code;
}

/* In "a=b=1" the key is what stands before the first '=', whatever it was in the document. */
static bool has_pair(char *const *list, const char *key) {
        size_t n = strcspn(key, "=");

        strv_foreach(pair, list) {
                if (strncmp(*pair, key, n) == 0 && (*pair)[n] == '=')
                        return true;
        }
        return false;
}

/* Keys of an object, with their values behind a '=' if they are strings. */
static int read_keys(Reader *r, bool pairs, char ***ret, const Place *place) {
        if (!take(r, '{'))
                return mismatch(r, place, "not an object");
        if (take(r, '}'))
                return 0;
        do {
                autofree char *key = NULL, *value = NULL;
                const char *at;
                Place here = { .outer = place };
                int code;

                skip_blanks(r);
                at = r->next;
                code = read_key(r, &key);
                here.name = key;
                here.name_length = key ? strlen(key) : 0;

                if (code >= 0)
                        code = pairs ? read_string(r, &value, &here) : skip_value(r);
                if (code < 0)
                        return code;
                if (pairs ? has_pair(*ret, key) : strv_has(*ret, key))
                        return wrong(r, at, &here, "said twice");
                code = pairs ? strv_addf(ret, "%s=%s", key, value) : strv_take(ret, take_ptr(key));
                if (code < 0)
                        return no_memory(r);
        } while (take(r, ','));
        return take(r, '}') ? 0 : syntax(r, "',' or '}'");
}

static bool has_key(const char *elements, size_t n, size_t size, const char *key) {
        for (size_t i = 0; i < n; i++)
                if (str_equal(*(char *const *) (const void *) (elements + i * size), key))
                        return true;
        return false;
}

static int read_element(Reader *r, const JsonField *f, char *base, const Place *place) {
        bool map = f->kind == JSON_KIND_MAP;
        char **elements = (char **) (void *) (base + f->offset);
        size_t *count = (size_t *) (void *) (base + f->count_offset);
        autofree char *key = NULL;
        Place here = { place, NULL, 0, *count };
        const char *at;
        char *element;
        int code;

        skip_blanks(r);
        at = r->next;
        code = map ? read_key(r, &key) : 0;
        if (code < 0)
                return code;
        if (map) {
                here.name = key;
                here.name_length = strlen(key);
                if (has_key(*elements, *count, f->type->size, key))
                        return wrong(r, at, &here, "said twice");
        }
        element = json_grow(elements, count, f->type->size);
        if (!element)
                return no_memory(r);
        if (map) {
                /* The name is the element's from here on, and outlives `here`. */
                *(char **) (void *) element = take_ptr(key);
                if (take_word(r, "null"))
                        return 0;
        }
        return read_struct(r, f->type, element, &here);
}

static int read_many(Reader *r, const JsonField *f, char *base, const Place *place) {
        bool map = f->kind == JSON_KIND_MAP;
        char close = map ? '}' : ']';

        if (!take(r, map ? '{' : '['))
                return mismatch(r, place, map ? "not an object" : "not a list");
        if (take(r, close))
                return 0;
        do {
                int code = read_element(r, f, base, place);

                if (code < 0)
                        return code;
        } while (take(r, ','));
        return take(r, close) ? 0 : syntax(r, map ? "',' or '}'" : "',' or ']'");
}

static int read_field(Reader *r, const JsonField *f, char *base, const Place *place) {
        void *member = base + f->offset;

        if (f->flags & JSON_HAS)
                *(bool *) (base + f->has_offset) = true;
        switch (f->kind) {
        case JSON_KIND_STRING:
                return read_string(r, member, place);
        case JSON_KIND_BOOL:
                return read_bool(r, member, place);
        case JSON_KIND_NUMBERS:
                return read_numbers(r, f, base, place);
        case JSON_KIND_STRINGS:
                return read_strings(r, member, place);
        case JSON_KIND_SET:
        case JSON_KIND_PAIRS:
                return read_keys(r, f->kind == JSON_KIND_PAIRS, member, place);
        case JSON_KIND_STRUCT:
                return read_struct(r, f->type, member, place);
        case JSON_KIND_POINTER:
                *(void **) member = calloc(1, f->type->size);
                return *(void **) member ? read_struct(r, f->type, *(void **) member, place)
                                         : no_memory(r);
        case JSON_KIND_ARRAY:
        case JSON_KIND_MAP:
                return read_many(r, f, base, place);
        default:
                return read_number(r, f->kind, member, place);
        }
}

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

/* Reads one `"key": value`; @next: where the search in the table begins. */
static int read_member(Reader *r, const JsonType *type, char *base, const Place *place, Mask *seen,
                       const JsonField **next) {
        autofree char *unescaped = NULL;
        const JsonField *f;
        const char *key, *at;
        Place here;
        Mask bit;
        bool escaped;
        size_t n;
        int code;

        skip_blanks(r);
        at = r->next;
        code = take_string(r, &key, &n, &escaped);
        if (code < 0)
                return code;
        if (!take(r, ':'))
                return syntax(r, "':'");
        if (escaped) {
                unescaped = strndup(key, n);
                if (!unescaped)
                        return no_memory(r);
                unescape(unescaped, n);
                key = unescaped;
                n = strlen(key);
        }
        f = find_field(type, *next, key, n);
        if (!f)
                return skip_value(r);
        assert(f - type->fields < FIELDS_MAX);
        *next = f + 1;
        here = (Place){ place, f->name, strlen(f->name), 0 };
        bit = (Mask) 1 << (f - type->fields);
        if (*seen & bit)
                return wrong(r, at, &here, "said twice");
        if (take_word(r, "null"))
                return 0;
        *seen |= bit;
        return read_field(r, f, base, &here);
}

static int read_members(Reader *r, const JsonType *type, char *base, const Place *place,
                        Mask *seen) {
        const JsonField *next = type->fields;

        if (take(r, '}'))
                return 0;
        do {
                int code = read_member(r, type, base, place, seen, &next);

                if (code < 0)
                        return code;
        } while (take(r, ','));
        return take(r, '}') ? 0 : syntax(r, "',' or '}'");
}

static int read_struct(Reader *r, const JsonType *type, char *base, const Place *place) {
        const char *at;
        Mask seen = 0;
        int code;

        if (type->fields[0].name && !*type->fields[0].name)
                return read_field(r, &type->fields[0], base, place);
        if (!next_is(r, '{'))
                return mismatch(r, place, "not an object");
        at = r->next++;
        if (r->depth >= DEPTH_MAX)
                return syntax(r, "less depth");
        r->depth++;
        code = read_members(r, type, base, place, &seen);
        r->depth--;
        if (code < 0)
                return code;

        for (const JsonField *f = type->fields; f->kind; f++) {
                Place here = { place, f->name, strlen(f->name), 0 };

                if (seen >> (f - type->fields) & 1)
                        continue;
                if (f->flags & JSON_REQUIRED)
                        return wrong(r, at, &here, "missing");
                if (f->flags & JSON_MINUS)
                        *(int64_t *) (void *) (base + f->offset) = -1;
        }
        return 0;
}

int json_parse(const JsonType *type, const char *text, size_t size, const char *document,
               void *value, Err *err) {
        Reader r = {
                .text = text, .next = text, .end = text + size, .document = document, .err = err
        };
        int code;

        code = read_struct(&r, type, value, NULL);
        if (code >= 0) {
                skip_blanks(&r);
                if (r.next != r.end)
                        code = syntax(&r, "nothing more");
        }
        if (code < 0)
                json_clear(type, value);
        return code;
}

int json_load(const JsonType *type, int dir, const char *path, void *value, Err *err) {
        autofree char *text = NULL;
        size_t size;
        int r;

        r = file_read(dir, path, JSON_FILE_MAX, &text, &size);
        if (r < 0)
                return fail(err, r, "cannot read '%s'", path);
        return json_parse(type, text, size, path, value, err);
}
