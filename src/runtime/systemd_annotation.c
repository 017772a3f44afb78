/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * GVariant's text format, as far as properties of units need it: booleans, numbers, strings and
 * arrays of one of these, with or without a type in front ("uint64 5", "@as []").
 */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "runtime/systemd_properties.h"

#define ELEMENTS_MAX  256
#define US_PER_SECOND 1000000

typedef struct Value {
        char type; /* of D-Bus; 0: a number whose type nobody has said */
        int64_t number;
        uint64_t big; /* the same where it is above INT64_MAX */
        double real;
        char *text;
} Value;

typedef struct Values {
        Value items[ELEMENTS_MAX];
        size_t n;
        char type;
        bool array;
} Values;

static void values_clear(Values *v) {
        for (size_t i = 0; i < v->n; i++)
                free(v->items[i].text);
}

static const char *skip_space(const char *p) {
        return p + strspn(p, " \t\n");
}

/* "uint64 " or "@t " in front of a value; returns what follows, and the type. */
static const char *read_type(const char *p, char *ret) {
        static const struct {
                const char *word;
                char type;
        } words[] = {
                { "boolean ", 'b' }, { "byte ", 'y' },   { "int16 ", 'n' },      { "uint16 ", 'q' },
                { "int32 ", 'i' },   { "uint32 ", 'u' }, { "int64 ", 'x' },      { "uint64 ", 't' },
                { "double ", 'd' },  { "string ", 's' }, { "objectpath ", 'o' },
        };

        *ret = 0;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
                const char *rest = str_after(p, words[i].word);

                if (rest) {
                        *ret = words[i].type;
                        return skip_space(rest);
                }
        }
        if (p[0] == '@' && p[1] && strchr("bynqiuxtdso", p[1]) && p[2] == ' ') {
                *ret = p[1];
                return skip_space(p + 2);
        }
        return p;
}

static const char *read_string(const char *p, Value *ret) {
        char quote = *p++;
        autostr text = {};

        for (; *p && *p != quote; p++) {
                if (*p == '\\' && p[1])
                        p++;
                str_put_char(&text, *p);
        }
        if (*p != quote)
                return NULL;
        ret->type = ret->type ? ret->type : 's';
        ret->text = str_take(&text);
        return ret->text && (ret->type == 's' || ret->type == 'o') ? p + 1 : NULL;
}

static const char *read_number(const char *p, Value *ret) {
        char *end, *real_end;

        errno = 0;
        if (*p == '-')
                ret->number = strtoll(p, &end, 0);
        else {
                ret->big = strtoull(p, &end, 0);
                ret->number = ret->big > INT64_MAX ? INT64_MAX : (int64_t) ret->big;
        }
        ret->real = strtod(p, &real_end);
        if (real_end > end) {
                ret->type = ret->type ? ret->type : 'd';
                return ret->type == 'd' ? real_end : NULL;
        }
        return end == p || errno == ERANGE ? NULL : end;
}

static const char *read_value(const char *p, Value *ret) {
        p = read_type(skip_space(p), &ret->type);
        if (*p == '\'' || *p == '"')
                return read_string(p, ret);
        for (int i = 0; i < 2; i++) {
                const char *rest = str_after(p, i ? "true" : "false");

                if (rest) {
                        bool fits = ret->type == 0 || ret->type == 'b';

                        ret->type = 'b';
                        ret->number = i;
                        return fits ? rest : NULL;
                }
        }
        return ret->type && strchr("bso", ret->type) ? NULL : read_number(p, ret);
}

/* The elements' type is the first one that is said. */
static const char *read_array(const char *p, Values *v) {
        v->array = true;
        p = skip_space(p + 1);
        while (p && *p != ']') {
                if (v->n == ELEMENTS_MAX)
                        return NULL;
                p = read_value(p, &v->items[v->n++]);
                p = p ? skip_space(p) : NULL;
                if (p && v->type == 0)
                        v->type = v->items[v->n - 1].type;
                if (p && *p == ',')
                        p = skip_space(p + 1);
                else if (p && *p != ']')
                        return NULL;
        }
        return p ? p + 1 : NULL;
}

static int read_values(const char *text, Values *v) {
        const char *p = skip_space(text);

        if (p[0] == '@' && p[1] == 'a' && p[2] && strchr("bynqiuxtdso", p[2])) {
                v->type = p[2];
                p = skip_space(p + 3);
                if (*p != '[')
                        return -EINVAL;
        }
        if (*p == '[')
                p = read_array(p, v);
        else {
                p = read_value(p, &v->items[v->n++]);
                v->type = v->items[0].type;
        }
        if (!p || *skip_space(p) || (v->array && v->n == 0 && v->type == 0))
                return -EINVAL;
        v->type = v->type ? v->type : 'i'; /* a bare number, as GVariant has it */
        for (size_t i = 0; i < v->n; i++) {
                char type = v->items[i].type;

                /* A number without a type of its own takes any type of numbers. */
                if (type ? type != v->type : strchr("bso", v->type) != NULL)
                        return -EINVAL;
        }
        return 0;
}

static bool in_range(const Value *value, char type) {
        switch (type) {
        case 'y':
                return value->number >= 0 && value->number <= UINT8_MAX;
        case 'n':
                return value->number >= INT16_MIN && value->number <= INT16_MAX;
        case 'q':
                return value->number >= 0 && value->number <= UINT16_MAX;
        case 'i':
                return value->number >= INT32_MIN && value->number <= INT32_MAX;
        case 'u':
                return value->number >= 0 && value->number <= UINT32_MAX;
        case 't':
                return value->number >= 0;
        case 'x':
                return value->big <= INT64_MAX;
        default:
                return true;
        }
}

static void put_value(DbusMessage *m, const Value *value, char type) {
        switch (type) {
        case 'b':
                dbus_put_bool(m, value->number != 0);
                break;
        case 'y':
                dbus_put_byte(m, (uint8_t) value->number);
                break;
        case 'n':
        case 'q':
                dbus_put_u16(m, (uint16_t) value->number);
                break;
        case 'i':
        case 'u':
                dbus_put_u32(m, (uint32_t) value->number);
                break;
        case 'x':
                dbus_put_u64(m, (uint64_t) value->number);
                break;
        case 't':
                dbus_put_u64(m, value->big);
                break;
        case 'd':
                dbus_put_double(m, value->real);
                break;
        default:
                dbus_put_string(m, value->text);
        }
}

static size_t alignment_of(char type) {
        switch (type) {
        case 'y':
                return 1;
        case 'n':
        case 'q':
                return 2;
        case 'x':
        case 't':
        case 'd':
                return 8;
        default:
                return 4;
        }
}

static uint64_t microseconds(const Value *value, char type) {
        if (type == 'd')
                return value->real < UINT64_MAX / US_PER_SECOND
                               ? (uint64_t) (value->real * US_PER_SECOND)
                               : UINT64_MAX;
        return value->big < UINT64_MAX / US_PER_SECOND ? value->big * US_PER_SECOND : UINT64_MAX;
}

/* "TimeoutStopSec" 5 is "TimeoutStopUSec" 5000000 on the bus. */
static char *in_microseconds(const char *name, Values *v) {
        Value *value = &v->items[0];
        size_t length = strlen(name);

        if (v->array || !str_ends_with(name, "Sec") || str_ends_with(name, "USec") ||
            !strchr("nqiuxtd", v->type))
                return strdup(name);
        if (v->type == 'd' && !(value->real >= 0))
                value->number = -1; /* which is out of range */
        else
                value->big = microseconds(value, v->type);
        v->type = 't';
        return str_format("%.*sUSec", (int) length - 3, name);
}

static int put_values(DbusMessage *m, const char *name, Values *v, Err *err) {
        autofree char *bus_name = in_microseconds(name, v);
        char signature[3] = { v->type, 0, 0 };
        DbusArray array = {};

        if (!bus_name)
                return fail(err, ENOMEM, "cannot set property '%s'", name);
        for (size_t i = 0; i < v->n; i++)
                if (!in_range(&v->items[i], v->type))
                        return refuse(err, EINVAL, "property '%s': a number is out of range", name);
        if (v->array) {
                signature[0] = 'a';
                signature[1] = v->type;
        }
        systemd_put_name(m, bus_name, signature);
        if (v->array)
                array = dbus_open_array(m, alignment_of(v->type));
        for (size_t i = 0; i < v->n; i++)
                put_value(m, &v->items[i], v->type);
        if (v->array)
                dbus_close_array(m, array);
        return 0;
}

int systemd_put_annotation(DbusMessage *m, const char *name, const char *value, Err *err) {
        autofree Values *v = calloc(1, sizeof *v);
        int r;

        if (!v)
                return fail(err, ENOMEM, "cannot set property '%s'", name);
        if (!*name ||
            strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") !=
                    strlen(name))
                return refuse(err, EINVAL, "'%s' is not a name of a property", name);
        r = read_values(value, v);
        r = r < 0 ? err_hint(err,
                             refuse(err, EINVAL, "property '%s': cannot understand '%s'", name,
                                    value),
                             "values are written like true, 'text', uint64 5 or ['a', 'b']")
                  : put_values(m, name, v, err);
        values_clear(v);
        return r;
}
