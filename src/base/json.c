/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Writing, freeing and copying; json_read.c reads. */

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"

static void put_struct(Str *s, const JsonType *type, const char *base, bool all);

static void put_string(Str *s, const char *text) {
        static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
        size_t left = strlen(text);

        str_put_char(s, '"');
        for (const char *c = text; *c;) {
                size_t n = str_utf8_length(c, left);
                const char *found = strchr(from, *c);

                if (n == 0)
                        str_put(s, "\xef\xbf\xbd"); /* U+FFFD: JSON has no other bytes */
                else if (found)
                        str_printf(s, "\\%c", to[found - from]);
                else if ((unsigned char) *c < 0x20)
                        str_printf(s, "\\u%04X", (unsigned) *c);
                else
                        str_put_bytes(s, c, n);
                n = n ? n : 1;
                c += n;
                left -= n;
        }
        str_put_char(s, '"');
}

static void put_strings(Str *s, char *const *list) {
        const char *between = "[";

        strv_foreach(item, list) {
                str_put(s, between);
                put_string(s, *item);
                between = ",";
        }
        str_put(s, *between == '[' ? "[]" : "]");
}

/* "a" as "a":{}, or "a=1" as "a":"1". */
static void put_keys(Str *s, bool pairs, char *const *list) {
        const char *between = "{";

        strv_foreach(item, list) {
                size_t n = pairs ? strcspn(*item, "=") : strlen(*item);
                autofree char *key = strndup(*item, n);

                str_put(s, between);
                put_string(s, key ? key : "");
                str_put(s, ":");
                if (pairs)
                        put_string(s, (*item)[n] ? *item + n + 1 : "");
                else
                        str_put(s, "{}");
                between = ",";
                s->failed = s->failed || !key;
        }
        str_put(s, *between == '{' ? "{}" : "}");
}

static void put_numbers(Str *s, const int64_t *numbers, size_t n) {
        str_put_char(s, '[');
        for (size_t i = 0; i < n; i++)
                str_printf(s, "%s%" PRId64, i ? "," : "", numbers[i]);
        str_put_char(s, ']');
}

static void put_many(Str *s, const JsonField *f, const char *elements, size_t n, bool all) {
        bool map = f->kind == JSON_KIND_MAP;

        str_put_char(s, map ? '{' : '[');
        for (size_t i = 0; i < n; i++) {
                const char *element = elements + i * f->type->size;

                if (i)
                        str_put_char(s, ',');
                if (map) {
                        put_string(s, *(char *const *) (const void *) element);
                        str_put_char(s, ':');
                }
                put_struct(s, f->type, element, all);
        }
        str_put_char(s, map ? '}' : ']');
}

/* A member that holds no pointer. */
static void put_scalar(Str *s, const JsonField *f, const void *member) {
        switch (f->kind) {
        case JSON_KIND_BOOL:
                str_put(s, *(const bool *) member ? "true" : "false");
                return;
        case JSON_KIND_INT:
                str_printf(s, "%d", *(const int *) member);
                return;
        case JSON_KIND_U32:
                str_printf(s, "%" PRIu32, *(const uint32_t *) member);
                return;
        case JSON_KIND_U64:
                str_printf(s, "%" PRIu64, *(const uint64_t *) member);
                return;
        default:
                str_printf(s, "%" PRId64, *(const int64_t *) member);
                return;
        }
}

/* A member that is a pointer, not NULL unless an empty one is to be said. */
static void put_pointer(Str *s, const JsonField *f, const char *base, bool all) {
        const void *pointer = *(void *const *) (const void *) (base + f->offset);

        if (!pointer && (f->flags & JSON_SAY_NULL || f->kind == JSON_KIND_POINTER)) {
                str_put(s, "null");
                return;
        }
        switch (f->kind) {
        case JSON_KIND_STRING:
                put_string(s, pointer ? pointer : "");
                return;
        case JSON_KIND_STRINGS:
                put_strings(s, pointer);
                return;
        case JSON_KIND_SET:
        case JSON_KIND_PAIRS:
                put_keys(s, f->kind == JSON_KIND_PAIRS, pointer);
                return;
        case JSON_KIND_POINTER:
                put_struct(s, f->type, pointer, all);
                return;
        case JSON_KIND_NUMBERS:
                put_numbers(s, pointer, *(const size_t *) (const void *) (base + f->count_offset));
                return;
        default:
                put_many(s, f, pointer, *(const size_t *) (const void *) (base + f->count_offset),
                         all);
                return;
        }
}

static void put_value(Str *s, const JsonField *f, const char *base, bool all) {
        if (f->flags & JSON_HAS && !*(const bool *) (base + f->has_offset)) {
                str_put(s, "null");
                return;
        }
        switch (f->kind) {
        case JSON_KIND_BOOL:
        case JSON_KIND_INT:
        case JSON_KIND_I64:
        case JSON_KIND_U64:
        case JSON_KIND_U32:
                put_scalar(s, f, base + f->offset);
                return;
        case JSON_KIND_STRUCT:
                put_struct(s, f->type, base + f->offset, all);
                return;
        default:
                put_pointer(s, f, base, all);
                return;
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
        default:
                return !*(void *const *) (const void *) member;
        }
}

static void put_struct(Str *s, const JsonType *type, const char *base, bool all) {
        const char *between = "{";

        if (type->fields[0].name && !*type->fields[0].name) {
                put_value(s, &type->fields[0], base, all);
                return;
        }
        for (const JsonField *f = type->fields; f->kind; f++) {
                if (!all && is_absent(f, base))
                        continue;
                str_printf(s, "%s\"%s\":", between, f->name);
                put_value(s, f, base, all);
                between = ",";
        }
        str_put(s, *between == '{' ? "{}" : "}");
}

static json_t *make_tree(const JsonType *type, const void *value, bool all) {
        autostr s = {};

        put_struct(&s, type, value, all);
        return s.failed ? NULL : json_loadb(s.text, s.length, JSON_DECODE_ANY, NULL);
}

json_t *json_tree(const JsonType *type, const void *value) {
        return make_tree(type, value, false);
}

json_t *json_tree_all(const JsonType *type, const void *value) {
        return make_tree(type, value, true);
}

json_t *json_pairs_tree(char *const *pairs) {
        json_t *object = json_object();

        strv_foreach(pair, pairs) {
                size_t n = strcspn(*pair, "=");
                autofree char *key = strndup(*pair, n);

                if (key)
                        json_object_set_new(object, key,
                                            json_string((*pair)[n] ? *pair + n + 1 : ""));
        }
        return object;
}

char *json_text(const JsonType *type, const void *value) {
        autostr s = {};

        put_struct(&s, type, value, false);
        str_put_char(&s, '\n');
        return str_take(&s);
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

int json_create(const JsonType *type, int dir, const char *path, const void *value, Err *err) {
        autofree char *text = json_text(type, value);
        int r = text ? file_create(dir, path, text, strlen(text), 0600) : -ENOMEM;

        return r < 0 ? fail(err, r, "cannot write '%s'", path) : 0;
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
        autofree char *text = json_text(type, value);
        autoerr err = {};

        return text ? json_parse(type, text, strlen(text), "copy", copy, &err) : -ENOMEM;
}

void *json_grow(void *array, size_t *count, size_t element_size) {
        char **elements = array, *longer;
        size_t room = 1;

        /* Always of a power of two, so that adding n elements moves no more than 2n: one of the
         * size that it has is left where it is. */
        while (room < *count + 1)
                room *= 2;
        longer = realloc(*elements, room * element_size);
        if (!longer)
                return NULL;
        *elements = longer;
        memset(longer + *count * element_size, 0, element_size);
        return longer + (*count)++ * element_size;
}
