/* SPDX-License-Identifier: GPL-2.0-or-later */

/* text/template's functions, and those Docker adds to them (cli/templates). */

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "cli/template.h"

static int give(json_t *value, json_t **ret, Err *err) {
        if (!value)
                return fail(err, ENOMEM, "cannot run the template");
        *ret = value;
        return 0;
}

static int give_text(Str *s, json_t **ret, Err *err) {
        autofree char *text = str_take(s);

        return give(text ? json_string_nocheck(text) : NULL, ret, err);
}

static int want(size_t n, size_t least, size_t most, const char *name, Err *err) {
        if (n >= least && n <= most)
                return 0;
        if (least == most)
                return refuse(err, E2BIG, "wrong number of args for %s: want %zu got %zu", name,
                              least, n);
        return refuse(err, E2BIG, "wrong number of args for %s: want at least %zu got %zu", name,
                      least, n);
}

static int want_string(const json_t *value, Err *err) {
        if (json_is_string(value))
                return 0;
        return refuse(err, EINVAL, "wrong type for value; expected string; got %s",
                      template_type(value));
}

bool template_truth(const json_t *value) {
        switch (json_typeof(value)) {
        case JSON_OBJECT:
                return json_object_size(value) > 0;
        case JSON_ARRAY:
                return json_array_size(value) > 0;
        case JSON_STRING:
                return json_string_length(value) > 0;
        case JSON_INTEGER:
                return json_integer_value(value) != 0;
        case JSON_REAL:
                return json_real_value(value) < 0 || json_real_value(value) > 0;
        default:
                return json_is_true(value);
        }
}

static int call_never(json_t *const *args, size_t n, json_t **ret, Err *err) {
        return refuse(err, EINVAL, "is no function");
}

static int call_not(json_t *const *args, size_t n, json_t **ret, Err *err) {
        int r = want(n, 1, 1, "not", err);

        return r < 0 ? r : give(json_boolean(!template_truth(args[0])), ret, err);
}

/* ---- comparing ---- */

/* -1, 0 or 1, or 2 if one of two numbers is none; -EINVAL for what cannot be compared. */
static int compare(const json_t *a, const json_t *b, bool *ret_ordered, Err *err) {
        *ret_ordered = true;
        if (json_is_string(a) && json_is_string(b)) {
                int r = strcmp(json_string_value(a), json_string_value(b));

                return r < 0 ? -1 : r > 0;
        }
        if (json_is_integer(a) && json_is_integer(b)) {
                json_int_t x = json_integer_value(a), y = json_integer_value(b);

                return x < y ? -1 : x > y;
        }
        if (json_is_real(a) && json_is_real(b)) {
                double x = json_real_value(a), y = json_real_value(b);

                return x < y ? -1 : x > y;
        }
        *ret_ordered = false;
        if (json_is_boolean(a) && json_is_boolean(b))
                return json_is_true(a) != json_is_true(b);
        if (json_is_null(a) || json_is_null(b))
                return json_is_null(a) != json_is_null(b);
        if (json_is_object(a) || json_is_array(a) || json_is_object(b) || json_is_array(b))
                return refuse(err, EINVAL, "non-comparable types %s, %s", template_type(a),
                              template_type(b));
        return refuse(err, EINVAL, "incompatible types for comparison");
}

/* {{eq a b c}}: a equals b or c. */
static int call_eq(json_t *const *args, size_t n, json_t **ret, Err *err) {
        bool equal = false, ordered;
        int r;

        if (n < 2)
                return refuse(err, EINVAL, "missing argument for comparison");
        for (size_t i = 1; i < n && !equal; i++) {
                Err why = {};

                r = compare(args[0], args[i], &ordered, &why);
                if (why.code) {
                        r = refuse(err, r, "%s", why.message ? why.message : "cannot compare");
                        err_clear(&why);
                        return r;
                }
                equal = r == 0;
        }
        return give(json_boolean(equal), ret, err);
}

static int call_ne(json_t *const *args, size_t n, json_t **ret, Err *err) {
        int r = want(n, 2, 2, "ne", err);

        if (r >= 0)
                r = call_eq(args, n, ret, err);
        if (r >= 0)
                *ret = json_boolean(!json_is_true(*ret));
        return r;
}

/* @signs: which of compare()'s results mean yes. */
static int call_order(json_t *const *args, size_t n, const char *name, bool less, bool equal,
                      bool more, json_t **ret, Err *err) {
        Err why = {};
        bool ordered;
        int r;

        r = want(n, 2, 2, name, err);
        if (r < 0)
                return r;
        r = compare(args[0], args[1], &ordered, &why);
        if (why.code || !ordered) {
                r = refuse(err, EINVAL, "%s",
                           why.message ? why.message : "invalid type for comparison");
                err_clear(&why);
                return r;
        }
        return give(json_boolean(r < 0 ? less : r > 0 ? more : equal), ret, err);
}

static int call_lt(json_t *const *args, size_t n, json_t **ret, Err *err) {
        return call_order(args, n, "lt", true, false, false, ret, err);
}

static int call_le(json_t *const *args, size_t n, json_t **ret, Err *err) {
        return call_order(args, n, "le", true, true, false, ret, err);
}

static int call_gt(json_t *const *args, size_t n, json_t **ret, Err *err) {
        return call_order(args, n, "gt", false, false, true, ret, err);
}

static int call_ge(json_t *const *args, size_t n, json_t **ret, Err *err) {
        return call_order(args, n, "ge", false, true, true, ret, err);
}

/* ---- parts ---- */

static int call_len(json_t *const *args, size_t n, json_t **ret, Err *err) {
        int r = want(n, 1, 1, "len", err);

        if (r < 0)
                return r;
        switch (json_typeof(args[0])) {
        case JSON_OBJECT:
                return give(json_integer((json_int_t) json_object_size(args[0])), ret, err);
        case JSON_ARRAY:
                return give(json_integer((json_int_t) json_array_size(args[0])), ret, err);
        case JSON_STRING:
                return give(json_integer((json_int_t) json_string_length(args[0])), ret, err);
        case JSON_NULL:
                return give(json_integer(0), ret, err);
        default:
                return refuse(err, EINVAL, "len of type %s", template_type(args[0]));
        }
}

static int index_once(json_t *value, const json_t *key, json_t **ret, Err *err) {
        if (json_is_null(value)) {
                *ret = json_null();
                return 0;
        }
        if (json_is_object(value)) {
                if (!json_is_string(key))
                        return refuse(err, EINVAL, "value has type %s; should be string",
                                      template_type(key));
                *ret = json_object_get(value, json_string_value(key));
                if (!*ret)
                        *ret = json_null();
                return 0;
        }
        if (!json_is_array(value) && !json_is_string(value))
                return refuse(err, EINVAL, "can't index item of type %s", template_type(value));
        if (!json_is_integer(key))
                return refuse(err, EINVAL, "cannot index slice/array with type %s",
                              template_type(key));
        if (json_is_string(value))
                return refuse(err, EINVAL, "use slice for parts of a string");
        *ret = json_integer_value(key) < 0
                       ? NULL
                       : json_array_get(value, (size_t) json_integer_value(key));
        if (!*ret)
                return refuse(err, EINVAL, "index out of range: %" JSON_INTEGER_FORMAT,
                              json_integer_value(key));
        return 0;
}

static int call_index(json_t *const *args, size_t n, json_t **ret, Err *err) {
        json_t *value;
        int r;

        r = want(n, 1, SIZE_MAX, "index", err);
        if (r < 0)
                return r;
        value = args[0];
        for (size_t i = 1; i < n; i++) {
                r = index_once(value, args[i], &value, err);
                if (r < 0)
                        return r;
        }
        return give(json_incref(value), ret, err);
}

static int slice_bounds(json_t *const *args, size_t n, size_t length, size_t *from, size_t *to,
                        Err *err) {
        size_t *bounds[] = { from, to };

        *from = 0;
        *to = length;
        for (size_t i = 1; i < n; i++) {
                json_int_t bound = json_integer_value(args[i]);

                if (!json_is_integer(args[i]))
                        return refuse(err, EINVAL, "cannot index slice/array with type %s",
                                      template_type(args[i]));
                if (bound < 0 || (size_t) bound > length)
                        return refuse(err, EINVAL,
                                      "index out of range: "
                                      "%" JSON_INTEGER_FORMAT,
                                      bound);
                *bounds[i - 1] = (size_t) bound;
        }
        if (*from > *to)
                return refuse(err, EINVAL, "invalid slice index: %zu > %zu", *from, *to);
        return 0;
}

static int call_slice(json_t *const *args, size_t n, json_t **ret, Err *err) {
        size_t from, to, length;
        json_t *part;
        int r;

        r = want(n, 1, 3, "slice", err);
        if (r < 0)
                return r;
        if (!json_is_string(args[0]) && !json_is_array(args[0]))
                return refuse(err, EINVAL, "can't slice item of type %s", template_type(args[0]));
        length = json_is_string(args[0]) ? json_string_length(args[0]) : json_array_size(args[0]);
        r = slice_bounds(args, n, length, &from, &to, err);
        if (r < 0)
                return r;

        if (json_is_string(args[0]))
                return give(json_stringn_nocheck(json_string_value(args[0]) + from, to - from), ret,
                            err);
        part = json_array();
        for (size_t i = from; i < to; i++)
                json_array_append(part, json_array_get(args[0], i));
        return give(part, ret, err);
}

/* ---- text ---- */

static int call_json(json_t *const *args, size_t n, json_t **ret, Err *err) {
        autofree char *text = NULL;
        int r;

        r = want(n, 1, 1, "json", err);
        if (r < 0)
                return r;
        text = template_json(args[0]);
        return give(text ? json_string_nocheck(text) : NULL, ret, err);
}

/* fmt.Sprint parts two operands by a blank if neither is a string. */
static int call_print(json_t *const *args, size_t n, json_t **ret, Err *err) {
        autostr s = {};

        for (size_t i = 0; i < n; i++) {
                if (i > 0 && !json_is_string(args[i]) && !json_is_string(args[i - 1]))
                        str_put_char(&s, ' ');
                if (json_is_null(args[i]))
                        str_put(&s, "<nil>");
                else
                        template_print(&s, args[i]);
        }
        return give_text(&s, ret, err);
}

static int call_println(json_t *const *args, size_t n, json_t **ret, Err *err) {
        autostr s = {};

        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        str_put_char(&s, ' ');
                if (json_is_null(args[i]))
                        str_put(&s, "<nil>");
                else
                        template_print(&s, args[i]);
        }
        str_put_char(&s, '\n');
        return give_text(&s, ret, err);
}

static int call_printf(json_t *const *args, size_t n, json_t **ret, Err *err) {
        autostr s = {};
        int r;

        r = want(n, 1, SIZE_MAX, "printf", err);
        if (r >= 0)
                r = want_string(args[0], err);
        if (r < 0)
                return r;
        template_printf(&s, json_string_value(args[0]), args + 1, n - 1);
        return give_text(&s, ret, err);
}

static int call_join(json_t *const *args, size_t n, json_t **ret, Err *err) {
        autostr s = {};
        int r;

        r = want(n, 2, 2, "join", err);
        if (r >= 0)
                r = want_string(args[1], err);
        if (r < 0)
                return r;
        if (!json_is_array(args[0]) && !json_is_null(args[0]))
                return refuse(err, EINVAL, "wrong type for value; expected []string; got %s",
                              template_type(args[0]));
        for (size_t i = 0; i < json_array_size(args[0]); i++) {
                str_put(&s, i ? json_string_value(args[1]) : "");
                template_print(&s, json_array_get(args[0], i));
        }
        return give_text(&s, ret, err);
}

static int call_split(json_t *const *args, size_t n, json_t **ret, Err *err) {
        const char *text, *separator;
        json_t *parts;
        int r;

        r = want(n, 2, 2, "split", err);
        if (r >= 0)
                r = want_string(args[0], err);
        if (r >= 0)
                r = want_string(args[1], err);
        if (r < 0)
                return r;

        parts = json_array();
        text = json_string_value(args[0]);
        separator = json_string_value(args[1]);
        for (;;) {
                const char *end = *separator ? strstr(text, separator) : *text ? text + 1 : NULL;

                if (!end || (!*separator && !*end)) {
                        if (*separator || *text)
                                json_array_append_new(parts, json_string_nocheck(text));
                        break;
                }
                json_array_append_new(parts, json_stringn_nocheck(text, (size_t) (end - text)));
                text = end + strlen(separator);
        }
        return give(parts, ret, err);
}

/* Changes the letters of ASCII, which is what names in templates have. */
static int change_letters(json_t *const *args, size_t n, const char *name, int (*first)(int),
                          int (*rest)(int), json_t **ret, Err *err) {
        autofree char *text = NULL;
        bool inside = false;
        int r;

        r = want(n, 1, 1, name, err);
        if (r >= 0)
                r = want_string(args[0], err);
        if (r < 0)
                return r;
        text = strdup(json_string_value(args[0]));
        for (char *c = text; c && *c; c++) {
                int (*change)(int) = inside ? rest : first;

                if (change && (unsigned char) *c < 0x80)
                        *c = (char) change(*c);
                inside = isalnum((unsigned char) *c) || *c == '_' || *c == '\'' || *c & 0x80;
        }
        return give(text ? json_string_nocheck(text) : NULL, ret, err);
}

static int call_upper(json_t *const *args, size_t n, json_t **ret, Err *err) {
        return change_letters(args, n, "upper", toupper, toupper, ret, err);
}

static int call_lower(json_t *const *args, size_t n, json_t **ret, Err *err) {
        return change_letters(args, n, "lower", tolower, tolower, ret, err);
}

static int call_title(json_t *const *args, size_t n, json_t **ret, Err *err) {
        return change_letters(args, n, "title", toupper, NULL, ret, err);
}

/* {{pad text before after}}: blanks around a text that is not empty. */
static int call_pad(json_t *const *args, size_t n, json_t **ret, Err *err) {
        autostr s = {};
        int r;

        r = want(n, 3, 3, "pad", err);
        if (r >= 0)
                r = want_string(args[0], err);
        if (r < 0)
                return r;
        if (!json_is_integer(args[1]) || !json_is_integer(args[2]))
                return refuse(err, EINVAL, "wrong type for value; expected int");
        if (json_integer_value(args[1]) > 1000 || json_integer_value(args[2]) > 1000)
                return refuse(err, EINVAL, "more than 1000 blanks");
        if (json_string_length(args[0]) > 0)
                str_printf(&s, "%*s%s%*s", (int) json_integer_value(args[1]), "",
                           json_string_value(args[0]), (int) json_integer_value(args[2]), "");
        return give_text(&s, ret, err);
}

static int call_truncate(json_t *const *args, size_t n, json_t **ret, Err *err) {
        const char *text, *end;
        json_int_t left;
        int r;

        r = want(n, 2, 2, "truncate", err);
        if (r >= 0)
                r = want_string(args[0], err);
        if (r < 0)
                return r;
        if (!json_is_integer(args[1]))
                return refuse(err, EINVAL, "wrong type for value; expected int");
        text = end = json_string_value(args[0]);
        for (left = json_integer_value(args[1]); *end; end++)
                if (((unsigned char) *end & 0xc0) != 0x80 && left-- <= 0)
                        break;
        return give(json_stringn_nocheck(text, (size_t) (end - text)), ret, err);
}

TemplateFunction template_function(const char *name) {
        static const struct {
                const char *name;
                TemplateFunction function;
        } functions[] = {
                { "and", call_never },     { "eq", call_eq },
                { "ge", call_ge },         { "gt", call_gt },
                { "index", call_index },   { "join", call_join },
                { "json", call_json },     { "le", call_le },
                { "len", call_len },       { "lower", call_lower },
                { "lt", call_lt },         { "ne", call_ne },
                { "not", call_not },       { "or", call_never },
                { "pad", call_pad },       { "print", call_print },
                { "printf", call_printf }, { "println", call_println },
                { "slice", call_slice },   { "split", call_split },
                { "title", call_title },   { "truncate", call_truncate },
                { "upper", call_upper },
        };

        for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
                if (str_equal(name, functions[i].name))
                        return functions[i].function;
        return NULL;
}
