/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/toml.h"

#define DEPTH_MAX  16
#define TABLES_MAX 10000
#define PARTS_MAX  16

/* How a table came to be, which says who may still add to it. */
typedef enum Origin {
        ORIGIN_HEADER = 1, /* [a.b]: once */
        ORIGIN_DOTTED,     /* a.b = 1: by more such keys */
        ORIGIN_INLINE,     /* { b = 1 }: nobody */
        ORIGIN_LIST,       /* [[a]]: by more of the same */
} Origin;

typedef struct Mark {
        const json_t *table;
        Origin origin;
} Mark;

typedef struct Toml {
        const char *p, *end, *place;
        int line, depth;
        json_t *root, *table; /* the table that keys go to */
        Mark *marks;
        size_t n_marks;
        Err *err;
} Toml;

static int wrong(Toml *t, const char *format, ...) printf_like(2, 3);

static int wrong(Toml *t, const char *format, ...) {
        autofree char *words = NULL, *clean = NULL;
        va_list args;

        va_start(args, format);
        if (vasprintf(&words, format, args) < 0)
                words = NULL;
        va_end(args);
        clean = words ? str_printable(words) : NULL;
        return refuse(t->err, EINVAL, "%s:%d: %s", t->place, t->line, clean ? clean : "damaged");
}

static int no_memory(Toml *t) {
        return fail(t->err, ENOMEM, "cannot read '%s'", t->place);
}

static Origin origin_of(const Toml *t, const json_t *table) {
        for (size_t i = 0; i < t->n_marks; i++)
                if (t->marks[i].table == table)
                        return t->marks[i].origin;
        return 0;
}

static int mark(Toml *t, const json_t *table, Origin origin) {
        Mark *m;

        if (t->n_marks >= TABLES_MAX)
                return wrong(t, "there are more than %d tables", TABLES_MAX);
        m = json_grow(&t->marks, &t->n_marks, sizeof *m);
        if (!m)
                return no_memory(t);
        *m = (Mark){ table, origin };
        return 0;
}

static char peek(const Toml *t) {
        return t->p < t->end ? *t->p : 0;
}

static bool take(Toml *t, char c) {
        if (peek(t) != c || t->p == t->end)
                return false;
        t->p++;
        return true;
}

static void skip_blanks(Toml *t) {
        while (peek(t) == ' ' || peek(t) == '\t')
                t->p++;
}

static bool is_control(char c) {
        return ((unsigned char) c < ' ' && c != '\t') || c == 127;
}

static bool is_line_end(const Toml *t) {
        return peek(t) == '\n' || (peek(t) == '\r' && t->end - t->p > 1 && t->p[1] == '\n');
}

/* Blanks, and a comment. */
static int skip_rest(Toml *t) {
        skip_blanks(t);
        if (peek(t) == '#')
                for (; t->p < t->end && !is_line_end(t); t->p++)
                        if (is_control(*t->p))
                                return wrong(t, "a comment holds a control character");
        if (is_line_end(t) && *t->p == '\r')
                t->p++;
        return 0;
}

/* Blanks, comments and line ends. */
static int skip_lines(Toml *t) {
        for (;;) {
                int r = skip_rest(t);

                if (r < 0 || !take(t, '\n'))
                        return r;
                t->line++;
        }
}

static int end_line(Toml *t) {
        int r = skip_rest(t);

        if (r < 0 || t->p == t->end)
                return r;
        if (!take(t, '\n'))
                return wrong(t, "nothing may follow, but '%c' does", peek(t));
        t->line++;
        return 0;
}

/* ------------------------------------------------------------------ strings */

static void put_utf8(Str *s, unsigned c) {
        if (c < 0x80) {
                str_put_char(s, (char) c);
        } else if (c < 0x800) {
                str_put_char(s, (char) (0xc0 | c >> 6));
                str_put_char(s, (char) (0x80 | (c & 0x3f)));
        } else if (c < 0x10000) {
                str_put_char(s, (char) (0xe0 | c >> 12));
                str_put_char(s, (char) (0x80 | (c >> 6 & 0x3f)));
                str_put_char(s, (char) (0x80 | (c & 0x3f)));
        } else {
                str_put_char(s, (char) (0xf0 | c >> 18));
                str_put_char(s, (char) (0x80 | (c >> 12 & 0x3f)));
                str_put_char(s, (char) (0x80 | (c >> 6 & 0x3f)));
                str_put_char(s, (char) (0x80 | (c & 0x3f)));
        }
}

static int read_code_point(Toml *t, int digits, Str *s) {
        unsigned c = 0;

        for (int i = 0; i < digits; i++, t->p++) {
                if (!isxdigit((unsigned char) peek(t)))
                        return wrong(t, "an escape takes %d hexadecimal digits", digits);
                c = c << 4 | (unsigned) (isdigit((unsigned char) *t->p)
                                                 ? *t->p - '0'
                                                 : tolower((unsigned char) *t->p) - 'a' + 10);
        }
        if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
                return wrong(t, "U+%04X is no character", c);
        put_utf8(s, c);
        return 0;
}

static int read_escape(Toml *t, Str *s) {
        static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
        char c = peek(t);
        const char *known = c ? strchr(from, c) : NULL;

        if (!c)
                return wrong(t, "a string does not end");
        t->p++;
        if (c == 'u' || c == 'U')
                return read_code_point(t, c == 'u' ? 4 : 8, s);
        if (!known)
                return wrong(t, "there is no escape '\\%c'", c);
        str_put_char(s, to[known - from]);
        return 0;
}

static int read_string(Toml *t, char **ret) {
        char quote = *t->p++;
        autostr s = {};

        if (t->end - t->p > 1 && t->p[0] == quote && t->p[1] == quote)
                return wrong(t, "strings over several lines are not read here");
        while (!take(t, quote)) {
                int r = 0;

                if (t->p == t->end || *t->p == '\n')
                        return wrong(t, "a string does not end");
                if (is_control(*t->p))
                        return wrong(t, "a string holds a control character");
                if (quote == '"' && take(t, '\\'))
                        r = read_escape(t, &s);
                else
                        str_put_char(&s, *t->p++);
                if (r < 0)
                        return r;
        }
        *ret = str_take(&s);
        return *ret ? 0 : no_memory(t);
}

/* ------------------------------------------------------------------ keys */

static bool is_bare(char c) {
        return isalnum((unsigned char) c) || c == '_' || c == '-';
}

static int read_key_part(Toml *t, char **ret) {
        const char *from = t->p;

        if (peek(t) == '"' || peek(t) == '\'')
                return read_string(t, ret);
        while (is_bare(peek(t)))
                t->p++;
        if (t->p == from)
                return wrong(t, "a key is missing");
        *ret = strndup(from, (size_t) (t->p - from));
        return *ret ? 0 : no_memory(t);
}

/* "a.'b c'.d"; blanks around it are passed over. */
static int read_key(Toml *t, char ***ret) {
        for (;;) {
                char *part = NULL;
                int r;

                skip_blanks(t);
                r = read_key_part(t, &part);
                if (r < 0)
                        return r;
                if (strv_take(ret, part) < 0)
                        return no_memory(t);
                if (strv_length(*ret) > PARTS_MAX)
                        return wrong(t, "a key has more than %d parts", PARTS_MAX);
                skip_blanks(t);
                if (!take(t, '.'))
                        return 0;
        }
}

/* The table @name in @in, made if it is not there; of an array of tables the last. */
static int descend(Toml *t, json_t *in, const char *name, Origin origin, json_t **ret) {
        json_t *next = json_object_get(in, name);
        Origin found = origin_of(t, next);

        if (!next) {
                next = json_object();
                if (!next || json_object_set_new(in, name, next) < 0)
                        return no_memory(t);
                *ret = next;
                return origin == ORIGIN_DOTTED ? mark(t, next, origin) : 0;
        }
        if (found == ORIGIN_LIST && origin == ORIGIN_HEADER)
                next = json_array_get(next, json_array_size(next) - 1);
        else if (!json_is_object(next) || found == ORIGIN_INLINE ||
                 (origin == ORIGIN_DOTTED && found != ORIGIN_DOTTED))
                return wrong(t, "'%s' is said already", name);
        *ret = next;
        return 0;
}

/* The table that the last of the parts goes into. */
static int walk(Toml *t, json_t *from, char **parts, Origin origin, json_t **ret) {
        json_t *at = from;
        int r = 0;

        for (; parts[1] && r >= 0; parts++)
                r = descend(t, at, *parts, origin, &at);
        *ret = at;
        return r;
}

static int read_value(Toml *t, json_t **ret);

static int read_pair(Toml *t, json_t *into) {
        autostrv parts = NULL;
        json_t *value = NULL, *at;
        const char *last;
        int r = read_key(t, &parts);

        if (r < 0)
                return r;
        last = parts[strv_length(parts) - 1];
        if (!take(t, '='))
                return wrong(t, "'%s' has no value", last);
        r = walk(t, into, parts, ORIGIN_DOTTED, &at);
        if (r >= 0 && json_object_get(at, last))
                r = wrong(t, "'%s' is said twice", last);
        skip_blanks(t);
        if (r >= 0)
                r = read_value(t, &value);
        if (r >= 0 && json_object_set_new(at, last, value) < 0)
                r = wrong(t, "the key '%s' is no UTF-8", last);
        return r;
}

/* ------------------------------------------------------------------ values */

static int read_text_value(Toml *t, json_t **ret) {
        autofree char *text = NULL;
        int r = read_string(t, &text);

        if (r < 0)
                return r;
        *ret = json_string(text);
        return *ret ? 0 : wrong(t, "a string is no UTF-8");
}

static int read_array(Toml *t, json_t *array) {
        for (;;) {
                json_t *item = NULL;
                int r = skip_lines(t);

                if (r < 0 || take(t, ']'))
                        return r;
                r = read_value(t, &item);
                if (r < 0)
                        return r;
                if (json_array_append_new(array, item) < 0)
                        return no_memory(t);
                r = skip_lines(t);
                if (r < 0)
                        return r;
                if (!take(t, ',') && peek(t) != ']')
                        return wrong(t, "an array does not end");
        }
}

static int read_inline_table(Toml *t, json_t *table) {
        skip_blanks(t);
        if (take(t, '}'))
                return 0;
        for (;;) {
                int r = read_pair(t, table);

                if (r < 0)
                        return r;
                skip_blanks(t);
                if (take(t, '}'))
                        return 0;
                if (!take(t, ','))
                        return wrong(t, "an inline table does not end in this line");
        }
}

/* true, false, or a whole number. */
static int read_word(Toml *t, json_t **ret) {
        size_t n = 0;
        autostr digits = {};
        int64_t number;

        while (t->p + n < t->end && !strchr(" \t\r\n,]}#", t->p[n]))
                n++;
        for (size_t i = 0; i < n; i++)
                if (t->p[i] != '_' || i == 0 || i + 1 == n || !isdigit((unsigned char) t->p[i - 1]))
                        str_put_char(&digits, t->p[i]);
        if (n == 0 || digits.failed)
                return n ? no_memory(t) : wrong(t, "a value is missing");
        if (str_equal(digits.text, "true") || str_equal(digits.text, "false"))
                *ret = json_boolean(*digits.text == 't');
        else if (parse_i64(digits.text + (*digits.text == '+'), &number) == 0)
                *ret = json_integer(number);
        else
                return wrong(t,
                             "'%.*s' is not read here: values are strings, whole numbers, true, "
                             "false, arrays and tables",
                             (int) n, t->p);
        t->p += n;
        return *ret ? 0 : no_memory(t);
}

static int read_nested(Toml *t, json_t *value, int (*read)(Toml *, json_t *), json_t **ret) {
        int r;

        if (!value)
                return no_memory(t);
        t->p++;
        r = ++t->depth > DEPTH_MAX ? wrong(t, "values are nested deeper than %d", DEPTH_MAX)
                                   : read(t, value);
        t->depth--;
        if (r >= 0)
                r = mark(t, value, ORIGIN_INLINE);
        if (r < 0)
                json_decref(value);
        else
                *ret = value;
        return r;
}

static int read_value(Toml *t, json_t **ret) {
        switch (peek(t)) {
        case '"':
        case '\'':
                return read_text_value(t, ret);
        case '[':
                return read_nested(t, json_array(), read_array, ret);
        case '{':
                return read_nested(t, json_object(), read_inline_table, ret);
        default:
                return read_word(t, ret);
        }
}

/* ------------------------------------------------------------------ tables */

static int open_table(Toml *t, json_t *in, const char *name) {
        json_t *table = json_object_get(in, name);

        if (table && (!json_is_object(table) || origin_of(t, table)))
                return wrong(t, "the table '%s' is said twice", name);
        if (!table) {
                table = json_object();
                if (!table || json_object_set_new(in, name, table) < 0)
                        return wrong(t, "the key '%s' is no UTF-8", name);
        }
        t->table = table;
        return mark(t, table, ORIGIN_HEADER);
}

static int open_list(Toml *t, json_t *in, const char *name) {
        json_t *list = json_object_get(in, name), *table = json_object();
        int r = 0;

        if (list && origin_of(t, list) != ORIGIN_LIST)
                r = wrong(t, "'%s' is said already", name);
        if (r >= 0 && !list) {
                list = json_array();
                if (!list || json_object_set_new(in, name, list) < 0)
                        r = wrong(t, "the key '%s' is no UTF-8", name);
                else
                        r = mark(t, list, ORIGIN_LIST);
        }
        if (r < 0) {
                json_decref(table);
                return r;
        }
        if (json_array_append_new(list, table) < 0)
                return no_memory(t);
        t->table = table;
        return mark(t, table, ORIGIN_HEADER);
}

static int read_header(Toml *t) {
        bool list;
        autostrv parts = NULL;
        json_t *in;
        int r;

        t->p++;
        list = take(t, '[');
        r = read_key(t, &parts);
        if (r < 0)
                return r;
        if (!take(t, ']') || (list && !take(t, ']')))
                return wrong(t, "a table's name ends in '%s'", list ? "]]" : "]");
        r = walk(t, t->root, parts, ORIGIN_HEADER, &in);
        if (r < 0)
                return r;
        return list ? open_list(t, in, parts[strv_length(parts) - 1])
                    : open_table(t, in, parts[strv_length(parts) - 1]);
}

static int read_all(Toml *t) {
        for (;;) {
                int r = skip_lines(t);

                if (r < 0 || t->p == t->end)
                        return r;
                r = peek(t) == '[' ? read_header(t) : read_pair(t, t->table);
                if (r >= 0)
                        r = end_line(t);
                if (r < 0)
                        return r;
        }
}

int toml_to_json(const char *text, size_t size, const char *place, char **ret, Err *err) {
        Toml t = { .p = text, .end = text + size, .place = place, .line = 1, .err = err };
        int r;

        if (size > TOML_MAX)
                return refuse(err, EINVAL, "%s is longer than %u bytes", place, TOML_MAX);
        if (memchr(text, 0, size))
                return refuse(err, EINVAL, "%s holds a NUL byte", place);
        t.root = t.table = json_object();
        r = t.root ? read_all(&t) : no_memory(&t);
        if (r >= 0) {
                *ret = json_dumps(t.root, JSON_COMPACT);
                r = *ret ? 0 : no_memory(&t);
        }
        json_decref(t.root);
        free(t.marks);
        return r;
}
