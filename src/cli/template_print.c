/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How Go's fmt writes values: Print, and Printf with its verbs and complaints. */

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/template.h"

typedef struct Verb {
        char letter;
        bool minus, plus, sharp, zero, space;
        int width, precision; /* -1 where not given */
} Verb;

const char *template_type(const json_t *value) {
        switch (json_typeof(value)) {
        case JSON_OBJECT:
                return "map[string]interface {}";
        case JSON_ARRAY:
                return "[]interface {}";
        case JSON_STRING:
                return "string";
        case JSON_INTEGER:
                return "int";
        case JSON_REAL:
                return "float64";
        case JSON_TRUE:
        case JSON_FALSE:
                return "bool";
        default:
                return "nil";
        }
}

static int compare_keys(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

const char **template_keys(const json_t *object) {
        const char **keys = calloc(json_object_size(object) + 1, sizeof *keys), *key;
        json_t *value;
        size_t n = 0;

        if (!keys)
                return NULL;
        json_object_foreach((json_t *) object, key, value) if (*key != '.') keys[n++] = key;
        qsort(keys, n, sizeof *keys, compare_keys);
        return keys;
}

char *template_json(const json_t *value) {
        const char *key;
        json_t *member, *shown;
        char *text;

        if (!json_is_object(value))
                return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        /* Members that begin with a dot belong to templates, see call_method(). */
        shown = json_object();
        json_object_foreach((json_t *) value, key, member) if (*key != '.')
                json_object_set_nocheck(shown, key, member);
        text = json_dumps(shown, JSON_COMPACT);
        json_decref(shown);
        return text;
}

/* The fewest digits that read back as the same number, as Go's 'g' with precision -1. */
static void put_real(Str *out, double number) {
        char text[40];
        int precision = 1, exponent;

        if (isnan(number) || isinf(number)) {
                str_put(out, isnan(number) ? "NaN" : number > 0 ? "+Inf" : "-Inf");
                return;
        }
        do
                snprintf(text, sizeof text, "%.*e", precision - 1, number);
        while (strtod(text, NULL) != number && precision++ < 17);
        exponent = atoi(strchr(text, 'e') + 1);
        if (exponent < -4 || exponent >= 6)
                str_put(out, text);
        else
                str_printf(out, "%.*f", precision - 1 > exponent ? precision - 1 - exponent : 0,
                           number);
}

static void put_value(Str *out, const json_t *value, bool nested);

static void put_object(Str *out, const json_t *value) {
        autofree const char **keys = template_keys(value);

        str_put(out, "map[");
        for (const char **key = keys; key && *key; key++) {
                str_printf(out, "%s%s:", key == keys ? "" : " ", *key);
                put_value(out, json_object_get(value, *key), true);
        }
        str_put_char(out, ']');
}

static void put_value(Str *out, const json_t *value, bool nested) {
        switch (json_typeof(value)) {
        case JSON_OBJECT:
                put_object(out, value);
                break;
        case JSON_ARRAY:
                str_put_char(out, '[');
                for (size_t i = 0; i < json_array_size(value); i++) {
                        str_put(out, i ? " " : "");
                        put_value(out, json_array_get(value, i), true);
                }
                str_put_char(out, ']');
                break;
        case JSON_STRING:
                str_put_bytes(out, json_string_value(value), json_string_length(value));
                break;
        case JSON_INTEGER:
                str_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
                break;
        case JSON_REAL:
                put_real(out, json_real_value(value));
                break;
        case JSON_TRUE:
        case JSON_FALSE:
                str_put(out, json_is_true(value) ? "true" : "false");
                break;
        default:
                str_put(out, nested ? "<nil>" : "<no value>");
        }
}

void template_print(Str *out, const json_t *value) {
        put_value(out, value, false);
}

/* ---- Printf ---- */

static size_t count_characters(const char *s) {
        size_t n = 0;

        for (; *s; s++)
                n += ((unsigned char) *s & 0xc0) != 0x80;
        return n;
}

static void put_padded(Str *out, const Verb *v, const char *text) {
        size_t n = count_characters(text);
        size_t blanks = v->width > 0 && (size_t) v->width > n ? (size_t) v->width - n : 0;
        bool zeros = v->zero && !v->minus;

        if (zeros && blanks && (*text == '-' || *text == '+'))
                str_put_char(out, *text++);
        for (size_t i = 0; i < blanks && !v->minus; i++)
                str_put_char(out, zeros ? '0' : ' ');
        str_put(out, text);
        for (size_t i = 0; i < blanks && v->minus; i++)
                str_put_char(out, ' ');
}

static void put_bad_verb(Str *out, const Verb *v, const json_t *value) {
        str_printf(out, "%%!%c(", v->letter);
        if (json_is_null(value)) {
                str_put(out, "<nil>)");
                return;
        }
        str_printf(out, "%s=", template_type(value));
        put_value(out, value, true);
        str_put_char(out, ')');
}

/* Quotes as strconv.Quote() does. */
static char *quoted(const char *s) {
        static const char letters[] = "\aa\bb\ff\nn\rr\tt\vv\\\\\"\"";
        autostr out = {};

        str_put_char(&out, '"');
        for (; *s; s++) {
                const char *letter = NULL;

                for (size_t i = 0; letters[i]; i += 2)
                        if (letters[i] == *s)
                                letter = letters + i + 1;
                if (letter)
                        str_printf(&out, "\\%c", *letter);
                else if ((unsigned char) *s < 0x20 || *s == 0x7f)
                        str_printf(&out, "\\x%02x", (unsigned char) *s);
                else
                        str_put_char(&out, *s);
        }
        str_put_char(&out, '"');
        return str_take(&out);
}

static void put_hex_string(Str *out, const Verb *v, const char *s) {
        autostr hex = {};

        for (; *s; s++)
                str_printf(&hex, v->letter == 'x' ? "%02x" : "%02X", (unsigned char) *s);
        put_padded(out, v, hex.text ? hex.text : "");
}

static void put_string(Str *out, const Verb *v, const json_t *value) {
        const char *s = json_string_value(value);
        autofree char *text = NULL;
        size_t n = 0;

        /* The precision counts characters. */
        for (int left = v->precision; s[n]; n++)
                if (v->precision >= 0 && ((unsigned char) s[n] & 0xc0) != 0x80 && left-- == 0)
                        break;
        text = strndup(s, n);
        if (text && v->letter == 'q') {
                char *words = quoted(text);

                free(text);
                text = words;
        }
        if (!text)
                out->failed = true;
        else if (strchr("svq", v->letter))
                put_padded(out, v, text);
        else if (strchr("xX", v->letter))
                put_hex_string(out, v, text);
        else
                put_bad_verb(out, v, value);
}

static char *binary(unsigned long long number) {
        char digits[65];
        size_t i = sizeof digits - 1;

        digits[i] = 0;
        do
                digits[--i] = (char) ('0' + (number & 1));
        while (number >>= 1);
        return strdup(digits + i);
}

static void put_integer(Str *out, const Verb *v, const json_t *value) {
        json_int_t number = json_integer_value(value);
        unsigned long long size =
                number < 0 ? 0 - (unsigned long long) number : (unsigned long long) number;
        const char *sign = number < 0 ? "-" : v->plus ? "+" : v->space ? " " : "";
        autofree char *digits = NULL, *text = NULL;

        switch (v->letter) {
        case 'd':
        case 'v':
                digits = str_format("%llu", size);
                break;
        case 'x':
                digits = str_format(v->sharp ? "%#llx" : "%llx", size);
                break;
        case 'X':
                digits = str_format(v->sharp ? "%#llX" : "%llX", size);
                break;
        case 'o':
                digits = str_format(v->sharp ? "%#llo" : "%llo", size);
                break;
        case 'b':
                digits = binary(size);
                break;
        case 'c':
                digits = str_format("%c", size < 0x80 ? (int) size : '?');
                break;
        default:
                put_bad_verb(out, v, value);
                return;
        }
        text = digits ? str_format("%s%s", sign, digits) : NULL;
        if (text)
                put_padded(out, v, text);
        else
                out->failed = true;
}

static void put_float(Str *out, const Verb *v, const json_t *value) {
        autofree char *text = NULL;
        double number = json_real_value(value);
        int precision = v->precision >= 0 ? v->precision : 6;
        autostr shortest = {};

        switch (v->letter) {
        case 'f':
        case 'F':
                text = str_format("%.*f", precision, number);
                break;
        case 'e':
                text = str_format("%.*e", precision, number);
                break;
        case 'g':
        case 'v':
                if (v->precision >= 0)
                        text = str_format("%.*g", precision, number);
                else {
                        put_real(&shortest, number);
                        text = str_take(&shortest);
                }
                break;
        default:
                put_bad_verb(out, v, value);
                return;
        }
        if (text)
                put_padded(out, v, text);
        else
                out->failed = true;
}

static void put_with_verb(Str *out, const Verb *v, const json_t *value);

/* Verbs go through lists and maps to what is in them. */
static void put_members(Str *out, const Verb *v, const json_t *value) {
        autofree const char **keys = json_is_object(value) ? template_keys(value) : NULL;

        str_put(out, keys ? "map[" : "[");
        for (const char **key = keys; key && *key; key++) {
                str_printf(out, "%s%s:", key == keys ? "" : " ", *key);
                put_with_verb(out, v, json_object_get(value, *key));
        }
        for (size_t i = 0; !keys && i < json_array_size(value); i++) {
                str_put(out, i ? " " : "");
                put_with_verb(out, v, json_array_get(value, i));
        }
        str_put_char(out, ']');
}

static void put_with_verb(Str *out, const Verb *v, const json_t *value) {
        switch (json_typeof(value)) {
        case JSON_OBJECT:
        case JSON_ARRAY:
                put_members(out, v, value);
                break;
        case JSON_STRING:
                put_string(out, v, value);
                break;
        case JSON_INTEGER:
                put_integer(out, v, value);
                break;
        case JSON_REAL:
                put_float(out, v, value);
                break;
        case JSON_TRUE:
        case JSON_FALSE:
                if (strchr("tv", v->letter))
                        put_padded(out, v, json_is_true(value) ? "true" : "false");
                else
                        put_bad_verb(out, v, value);
                break;
        default:
                if (v->letter == 'v')
                        put_padded(out, v, "<nil>");
                else
                        put_bad_verb(out, v, value);
        }
}

/* Reads what stands behind a '%'; returns what follows it. */
static const char *read_verb(const char *s, Verb *v) {
        *v = (Verb){ .width = -1, .precision = -1 };
        for (;; s++) {
                if (*s == '-')
                        v->minus = true;
                else if (*s == '+')
                        v->plus = true;
                else if (*s == '#')
                        v->sharp = true;
                else if (*s == '0')
                        v->zero = true;
                else if (*s == ' ')
                        v->space = true;
                else
                        break;
        }
        for (; isdigit((unsigned char) *s); s++)
                if (v->width < 10000)
                        v->width = (v->width < 0 ? 0 : v->width * 10) + (*s - '0');
        if (*s == '.')
                for (s++, v->precision = 0; isdigit((unsigned char) *s); s++)
                        if (v->precision < 10000)
                                v->precision = v->precision * 10 + (*s - '0');
        v->letter = *s;
        return *s ? s + 1 : s;
}

static void put_extra(Str *out, json_t *const *args, size_t n) {
        str_put(out, "%!(EXTRA ");
        for (size_t i = 0; i < n; i++) {
                str_put(out, i ? ", " : "");
                if (json_is_null(args[i])) {
                        str_put(out, "<nil>");
                        continue;
                }
                str_printf(out, "%s=", template_type(args[i]));
                put_value(out, args[i], true);
        }
        str_put_char(out, ')');
}

void template_printf(Str *out, const char *format, json_t *const *args, size_t n) {
        size_t i = 0;
        Verb v;

        while (*format) {
                size_t plain = strcspn(format, "%");

                str_put_bytes(out, format, plain);
                format += plain;
                if (!*format)
                        break;
                format = read_verb(format + 1, &v);
                if (v.letter == '%')
                        str_put_char(out, '%');
                else if (!v.letter)
                        str_put(out, "%!(NOVERB)");
                else if (i >= n)
                        str_printf(out, "%%!%c(MISSING)", v.letter);
                else if (!strchr("svdtqxXobcfFeg", v.letter))
                        put_bad_verb(out, &v, args[i++]);
                else
                        put_with_verb(out, &v, args[i++]);
        }
        if (i < n)
                put_extra(out, args + i, n - i);
}
