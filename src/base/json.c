/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/json_plain.h"
#include "base/str.h"

#define JSON_FILE_MAX (16u << 20)

/* Where in the document a reader is: a chain of names on the stack. */
typedef struct Place {
        const struct Place *outer;
        const char *name; /* NULL for an element of an array */
        size_t index;
        const char *document;
} Place;

static int read_value(const JsonField *f, json_t *json, char *base, const Place *place, Err *err);
static int read_struct(const JsonType *type, json_t *json, char *base, const Place *place,
                       Err *err);
static json_t *write_struct(const JsonType *type, const char *base, bool all);

static void put_place(Str *s, const Place *p) {
        if (!p->outer) {
                str_printf(s, "%s: ", p->document);
                return;
        }
        put_place(s, p->outer);
        if (!p->name)
                str_printf(s, "[%zu]", p->index);
        else if (*p->name)
                str_printf(s, "%s%s", p->outer->outer ? "." : "", p->name);
}

static int wrong(const Place *place, Err *err, const char *what) {
        autostr s = {};

        put_place(&s, place);
        return refuse(err, EINVAL, "%s: %s", s.text ? s.text : place->document, what);
}

static int read_string(json_t *json, char **ret, const Place *place, Err *err) {
        if (!json_is_string(json))
                return wrong(place, err, "not a string");
        *ret = strdup(json_string_value(json));
        return *ret ? 0 : fail(err, ENOMEM, "cannot read JSON");
}

static int read_number(const JsonField *f, json_t *json, char *member, const Place *place,
                       Err *err) {
        json_int_t n = json_integer_value(json);

        if (f->kind == JSON_KIND_DOUBLE && json_is_number(json)) {
                *(double *) (void *) member = json_number_value(json);
                return 0;
        }
        if (!json_is_integer(json))
                return wrong(place, err, "not a whole number");

        switch (f->kind) {
        case JSON_KIND_INT:
                if (n < INT32_MIN || n > INT32_MAX)
                        return wrong(place, err, "out of range");
                *(int *) (void *) member = (int) n;
                return 0;
        case JSON_KIND_U64:
                if (n < 0)
                        return wrong(place, err, "negative");
                *(uint64_t *) (void *) member = (uint64_t) n;
                return 0;
        case JSON_KIND_U32:
                if (n < 0 || n > UINT32_MAX)
                        return wrong(place, err, n < 0 ? "negative" : "out of range");
                *(uint32_t *) (void *) member = (uint32_t) n;
                return 0;
        default:
                *(int64_t *) (void *) member = n;
                return 0;
        }
}

static int read_strings(json_t *json, char ***ret, const Place *place, Err *err) {
        json_t *item;
        size_t i;

        if (!json_is_array(json))
                return wrong(place, err, "not a list");
        json_array_foreach(json, i, item) {
                Place here = { place, NULL, i, place->document };
                char *s = NULL;
                int r = read_string(item, &s, &here, err);

                if (r < 0)
                        return r;
                if (strv_take(ret, s) < 0)
                        return fail(err, ENOMEM, "cannot read JSON");
        }
        /* An empty list that was said differs from none: CMD [] is not the image's. */
        if (!*ret) {
                *ret = calloc(1, sizeof **ret);
                if (!*ret)
                        return fail(err, ENOMEM, "cannot read JSON");
        }
        return 0;
}

static int read_keys(const JsonField *f, json_t *json, char ***ret, const Place *place, Err *err) {
        const char *key;
        json_t *item;

        if (!json_is_object(json))
                return wrong(place, err, "not an object");
        json_object_foreach(json, key, item) {
                Place here = { place, key, 0, place->document };
                int r;

                if (f->kind == JSON_KIND_PAIRS && !json_is_string(item))
                        return wrong(&here, err, "not a string");
                r = f->kind == JSON_KIND_PAIRS
                            ? strv_addf(ret, "%s=%s", key, json_string_value(item))
                            : strv_add(ret, key);
                if (r < 0)
                        return fail(err, r, "cannot read JSON");
        }
        return 0;
}

/* Reads an array, or a map, into consecutive structs; what was read so far is counted at once. */
static int read_many(const JsonField *f, json_t *json, char *base, const Place *place, Err *err) {
        bool map = f->kind == JSON_KIND_MAP;
        size_t n = map ? json_object_size(json) : json_array_size(json), i = 0;
        size_t *count = (size_t *) (void *) (base + f->count_offset);
        void *iterator = map ? json_object_iter(json) : NULL;
        char *elements;

        if (map ? !json_is_object(json) : !json_is_array(json))
                return wrong(place, err, map ? "not an object" : "not a list");
        if (n == 0)
                return 0;
        elements = calloc(n, f->type->size);
        if (!elements)
                return fail(err, ENOMEM, "cannot read JSON");
        *(void **) (void *) (base + f->offset) = elements;

        for (; i < n; i++) {
                const char *key = map ? json_object_iter_key(iterator) : NULL;
                json_t *item = map ? json_object_iter_value(iterator) : json_array_get(json, i);
                Place here = { place, key, i, place->document };
                char *element = elements + i * f->type->size;
                int r;

                *count = i + 1;
                if (map) {
                        *(char **) (void *) element = strdup(key);
                        if (!*(char **) (void *) element)
                                return fail(err, ENOMEM, "cannot read JSON");
                        iterator = json_object_iter_next(json, iterator);
                }
                if (map && json_is_null(item))
                        continue;
                r = read_struct(f->type, item, element, &here, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_numbers(const JsonField *f, json_t *json, char *base, const Place *place,
                        Err *err) {
        size_t n = json_array_size(json);
        int64_t *numbers;

        if (!json_is_array(json))
                return wrong(place, err, "not a list");
        if (n == 0)
                return 0;
        numbers = calloc(n, sizeof *numbers);
        if (!numbers)
                return fail(err, ENOMEM, "cannot read JSON");
        *(int64_t **) (void *) (base + f->offset) = numbers;
        *(size_t *) (void *) (base + f->count_offset) = n;

        for (size_t i = 0; i < n; i++) {
                Place here = { place, NULL, i, place->document };
                json_t *item = json_array_get(json, i);

                if (!json_is_integer(item))
                        return wrong(&here, err, "not a whole number");
                numbers[i] = json_integer_value(item);
        }
        return 0;
}

static int read_value(const JsonField *f, json_t *json, char *base, const Place *place, Err *err) {
        char *member = base + f->offset;
        void *object;

        if (f->flags & JSON_HAS)
                *(bool *) (base + f->has_offset) = true;
        switch (f->kind) {
        case JSON_KIND_STRING:
                return read_string(json, (char **) (void *) member, place, err);
        case JSON_KIND_BOOL:
                if (!json_is_boolean(json))
                        return wrong(place, err, "neither true nor false");
                *(bool *) member = json_is_true(json);
                return 0;
        case JSON_KIND_INT:
        case JSON_KIND_I64:
        case JSON_KIND_U64:
        case JSON_KIND_U32:
        case JSON_KIND_DOUBLE:
                return read_number(f, json, member, place, err);
        case JSON_KIND_NUMBERS:
                return read_numbers(f, json, base, place, err);
        case JSON_KIND_STRINGS:
                return read_strings(json, (char ***) (void *) member, place, err);
        case JSON_KIND_SET:
        case JSON_KIND_PAIRS:
                return read_keys(f, json, (char ***) (void *) member, place, err);
        case JSON_KIND_STRUCT:
                return read_struct(f->type, json, member, place, err);
        case JSON_KIND_POINTER:
                object = calloc(1, f->type->size);
                if (!object)
                        return fail(err, ENOMEM, "cannot read JSON");
                *(void **) (void *) member = object;
                return read_struct(f->type, json, object, place, err);
        case JSON_KIND_ARRAY:
        case JSON_KIND_MAP:
                return read_many(f, json, base, place, err);
        default:
                return -EINVAL;
        }
}

static bool is_bare(const JsonType *type) {
        return type->fields[0].name && !*type->fields[0].name;
}

static int read_struct(const JsonType *type, json_t *json, char *base, const Place *place,
                       Err *err) {
        if (is_bare(type))
                return read_value(&type->fields[0], json, base, place, err);
        if (!json_is_object(json))
                return wrong(place, err, "not an object");

        for (const JsonField *f = type->fields; f->kind; f++) {
                Place here = { place, f->name, 0, place->document };
                json_t *item = json_object_get(json, f->name);
                int r;

                if (!item || json_is_null(item)) {
                        if (f->flags & JSON_REQUIRED)
                                return wrong(&here, err, "missing");
                        if (f->flags & JSON_MINUS)
                                *(int64_t *) (void *) (base + f->offset) = -1;
                        continue;
                }
                r = read_value(f, item, base, &here, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

int json_parse(const JsonType *type, const char *text, size_t size, const char *document,
               void *value, Err *err) {
        Place place = { NULL, NULL, 0, document };
        json_error_t error;
        json_t *json;
        int r;

        r = json_read_plain(type, text, size, value);
        if (r >= 0)
                return r;
        json_clear(type, value);

        json = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
        if (!json)
                return refuse(err, EINVAL, "%s:%d: %s", document, error.line, error.text);

        r = read_struct(type, json, value, &place, err);
        json_decref(json);
        if (r < 0)
                json_clear(type, value);
        return r;
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

static json_t *write_strings(char *const *list) {
        json_t *json = json_array();

        strv_foreach(s, list)
                json_array_append_new(json, json_string(*s));
        return json;
}

static json_t *write_keys(const JsonField *f, char *const *list) {
        json_t *json = json_object();

        strv_foreach(s, list) {
                size_t n = f->kind == JSON_KIND_PAIRS ? strcspn(*s, "=") : strlen(*s);
                autofree char *key = strndup(*s, n);

                if (key)
                        json_object_set_new(json, key,
                                            f->kind == JSON_KIND_SET
                                                    ? json_object()
                                                    : json_string((*s)[n] ? *s + n + 1 : ""));
        }
        return json;
}

static json_t *write_many(const JsonField *f, const char *elements, size_t n, bool all) {
        bool map = f->kind == JSON_KIND_MAP;
        json_t *json = map ? json_object() : json_array();

        for (size_t i = 0; i < n; i++) {
                const char *element = elements + i * f->type->size;
                json_t *item = write_struct(f->type, element, all);

                if (map)
                        json_object_set_new(json, *(char *const *) (const void *) element, item);
                else
                        json_array_append_new(json, item);
        }
        return json;
}

static json_t *write_numbers(const int64_t *numbers, size_t n) {
        json_t *json = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(json, json_integer(numbers[i]));
        return json;
}

static bool holds_pointer(JsonKind kind) {
        switch (kind) {
        case JSON_KIND_BOOL:
        case JSON_KIND_INT:
        case JSON_KIND_I64:
        case JSON_KIND_U64:
        case JSON_KIND_U32:
        case JSON_KIND_DOUBLE:
        case JSON_KIND_STRUCT:
                return false;
        default:
                return true;
        }
}

/* Returns the member's value; json_null() for one that is absent. */
static json_t *write_value(const JsonField *f, const char *base, bool all) {
        const char *member = base + f->offset;
        const void *pointer =
                holds_pointer(f->kind) ? *(void *const *) (const void *) member : NULL;

        if (f->flags & JSON_HAS && !*(const bool *) (base + f->has_offset))
                return json_null();
        switch (f->kind) {
        case JSON_KIND_STRING:
                return pointer                    ? json_string(pointer)
                       : f->flags & JSON_SAY_NULL ? json_null()
                                                  : json_string("");
        case JSON_KIND_BOOL:
                return json_boolean(*(const bool *) member);
        case JSON_KIND_INT:
                return json_integer(*(const int *) (const void *) member);
        case JSON_KIND_I64:
                return json_integer(*(const int64_t *) (const void *) member);
        case JSON_KIND_U64:
                return json_integer((json_int_t) * (const uint64_t *) (const void *) member);
        case JSON_KIND_U32:
                return json_integer(*(const uint32_t *) (const void *) member);
        case JSON_KIND_DOUBLE:
                return json_real(*(const double *) (const void *) member);
        case JSON_KIND_NUMBERS:
                return write_numbers(pointer,
                                     *(const size_t *) (const void *) (base + f->count_offset));
        case JSON_KIND_STRINGS:
                return !pointer && f->flags & JSON_SAY_NULL ? json_null() : write_strings(pointer);
        case JSON_KIND_SET:
        case JSON_KIND_PAIRS:
                return !pointer && f->flags & JSON_SAY_NULL ? json_null() : write_keys(f, pointer);
        case JSON_KIND_STRUCT:
                return write_struct(f->type, member, all);
        case JSON_KIND_POINTER:
                return pointer ? write_struct(f->type, pointer, all) : json_null();
        default:
                return !pointer && f->flags & JSON_SAY_NULL
                               ? json_null()
                               : write_many(
                                         f, pointer,
                                         *(const size_t *) (const void *) (base + f->count_offset),
                                         all);
        }
}

static bool is_absent(const JsonField *f, const char *base) {
        const char *member = base + f->offset;

        if (f->flags & JSON_HAS)
                return !*(const bool *) (base + f->has_offset);
        if (f->flags & (JSON_ALWAYS | JSON_SAY_NULL))
                return false;
        if (f->flags & JSON_MINUS)
                return *(const int64_t *) (const void *) member == -1;
        switch (f->kind) {
        case JSON_KIND_STRUCT:
                if (f->type->size > 0)
                        return false;
                for (const JsonField *inner = f->type->fields; inner->kind; inner++)
                        if (!is_absent(inner, member))
                                return false;
                return true;
        case JSON_KIND_BOOL:
                return !*(const bool *) member;
        case JSON_KIND_INT:
                return *(const int *) (const void *) member == 0;
        case JSON_KIND_I64:
        case JSON_KIND_U64:
                return *(const int64_t *) (const void *) member == 0;
        case JSON_KIND_U32:
                return *(const uint32_t *) (const void *) member == 0;
        case JSON_KIND_DOUBLE:
                return *(const double *) (const void *) member == 0;
        default:
                return !*(void *const *) (const void *) member;
        }
}

static json_t *write_struct(const JsonType *type, const char *base, bool all) {
        json_t *json;

        if (is_bare(type))
                return write_value(&type->fields[0], base, all);

        json = json_object();
        for (const JsonField *f = type->fields; f->kind; f++)
                if (all || !is_absent(f, base))
                        json_object_set_new(json, f->name, write_value(f, base, all));
        return json;
}

json_t *json_tree(const JsonType *type, const void *value) {
        return write_struct(type, value, false);
}

json_t *json_tree_all(const JsonType *type, const void *value) {
        return write_struct(type, value, true);
}

char *json_text(const JsonType *type, const void *value) {
        json_t *json = write_struct(type, value, false);
        autofree char *text = NULL;
        char *line;

        text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
        json_decref(json);
        if (!text)
                return NULL;
        line = str_format("%s\n", text);
        return line;
}

int json_save(const JsonType *type, int dir, const char *path, const void *value, bool sync,
              Err *err) {
        autofree char *text = json_text(type, value);
        int r;

        if (!text)
                return fail(err, ENOMEM, "cannot write '%s'", path);
        r = file_replace(dir, path, text, strlen(text), 0600, sync);
        if (r < 0)
                return fail(err, r, "cannot write '%s'", path);
        return 0;
}

static void clear_many(const JsonField *f, char *base) {
        size_t *count = (size_t *) (void *) (base + f->count_offset);
        char *elements = *(char **) (void *) (base + f->offset);

        for (size_t i = 0; i < *count; i++) {
                char *element = elements + i * f->type->size;

                if (f->kind == JSON_KIND_MAP)
                        free(*(char **) (void *) element);
                json_clear(f->type, element);
        }
        *count = 0;
        free(elements);
}

void json_clear(const JsonType *type, void *value) {
        char *base = value;

        for (const JsonField *f = type->fields; f->kind; f++) {
                void **pointer = (void **) (void *) (base + f->offset);

                switch (f->kind) {
                case JSON_KIND_STRING:
                case JSON_KIND_NUMBERS:
                        free(*pointer);
                        break;
                case JSON_KIND_STRINGS:
                case JSON_KIND_SET:
                case JSON_KIND_PAIRS:
                        strv_free(*pointer);
                        break;
                case JSON_KIND_STRUCT:
                        json_clear(f->type, base + f->offset);
                        break;
                case JSON_KIND_POINTER:
                        if (*pointer)
                                json_clear(f->type, *pointer);
                        free(*pointer);
                        break;
                case JSON_KIND_ARRAY:
                case JSON_KIND_MAP:
                        clear_many(f, base);
                        break;
                default:
                        break;
                }
        }
        memset(value, 0, type->size);
}

int json_clone(const JsonType *type, const void *value, void *copy) {
        json_t *json = write_struct(type, value, false);
        Place place = { NULL, NULL, 0, "copy" };
        autoerr err = {};
        int r;

        r = read_struct(type, json, copy, &place, &err);
        json_decref(json);
        if (r < 0)
                json_clear(type, copy);
        return r;
}

void *json_grow(void *array, size_t *count, size_t element_size) {
        char **elements = array, *longer;

        longer = realloc(*elements, (*count + 1) * element_size);
        if (!longer)
                return NULL;
        *elements = longer;
        memset(longer + *count * element_size, 0, element_size);
        return longer + (*count)++ * element_size;
}
