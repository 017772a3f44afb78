/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * JSON by field tables
 *
 * A C struct and its JSON object are described once, as a table of fields, and
 * read, written and freed from it.  A row whose member has another C type than
 * its kind needs does not compile.
 *
 *         static const JsonField mount_fields[] = {
 *                 JSON_STRING(OciMount, destination, "destination", JSON_REQUIRED),
 *                 JSON_STRINGS(OciMount, options, "options"),
 *                 {},
 *         };
 *         const JsonType oci_mount_type = { sizeof(OciMount), mount_fields };
 *
 * Shapes, and the members they need:
 *
 *   JSON_STRING   char *        "text"; NULL is left out (or "" with JSON_ALWAYS)
 *   JSON_BOOL     bool          false is left out unless JSON_ALWAYS
 *   JSON_INT      int           0 is left out unless JSON_ALWAYS; so below
 *   JSON_I64      int64_t
 *   JSON_U64      uint64_t
 *   JSON_U32      uint32_t
 *   JSON_OPT_INT, JSON_OPT_I64, JSON_OPT_U64, JSON_OPT_U32, JSON_OPT_BOOL
 *                               the same where 0 differs from nothing: member
 *                               has_<member> says whether it is there
 *   JSON_NUMBERS  int64_t *, size_t   [1, 2]; the count is member n_<member>
 *   JSON_STRINGS  char **       ["a", "b"]; NULL is left out (or [] with
 *                               JSON_ALWAYS, null with JSON_SAY_NULL)
 *   JSON_SET      char **       {"a": {}, "b": {}}
 *   JSON_PAIRS    char **       {"a": "1"} as a list of "a=1"
 *   JSON_STRUCT   X             an object inside this struct
 *   JSON_WITHIN   -             an object whose members lie in this same struct; its type has
 *                               size 0, so that clearing it leaves the other members alone
 *   JSON_POINTER  X *           an object of its own, NULL when absent
 *   JSON_ARRAY    X *, size_t   [{}, {}]; the count is member n_<member>
 *   JSON_MAP      X *, size_t   {"key": {}}; the first member of X is `char *key`
 *
 * A type whose only field has the name "" is written as that field's bare
 * value, which is how a map of arrays is said.
 *
 * Unknown members are ignored, duplicate keys refused, null counts as absent,
 * nesting is bounded.  A member's name is matched exactly, case included.  Whole
 * numbers are exact up to 64 bits, signed or not; bytes that are no UTF-8 are
 * written as U+FFFD.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

struct json_t; /* jansson's; only templates and printing look inside */

typedef enum JsonKind {
        JSON_KIND_END,
        JSON_KIND_STRING,
        JSON_KIND_BOOL,
        JSON_KIND_INT,
        JSON_KIND_I64,
        JSON_KIND_U64,
        JSON_KIND_U32,
        JSON_KIND_NUMBERS,
        JSON_KIND_STRINGS,
        JSON_KIND_SET,
        JSON_KIND_PAIRS,
        JSON_KIND_STRUCT,
        JSON_KIND_POINTER,
        JSON_KIND_ARRAY,
        JSON_KIND_MAP,
} JsonKind;

enum {
        JSON_REQUIRED = 1, /* reading: missing is an error */
        JSON_ALWAYS = 2,   /* writing: said even when empty */
        JSON_MINUS = 8,    /* an I64 that is absent is -1, and the other way round */
        JSON_SAY_NULL = 4, /* writing: an absent string, list, object or map is null */
        JSON_HAS = 16,     /* the bool at has_offset says whether it is there */
};

typedef struct JsonType JsonType;

typedef struct JsonField {
        JsonKind kind;
        int flags;
        const char *name;
        size_t offset;
        union {
                size_t count_offset; /* of the size_t that counts an array or a map */
                size_t has_offset;
        };
        const JsonType *type;
} JsonField;

struct JsonType {
        size_t size;
        const JsonField *fields;
};

#define JSON_CHECKED_(T, m, C)                                                         \
        (offsetof(T, m) +                                                              \
         0 * sizeof(struct {                                                           \
                 _Static_assert(__builtin_types_compatible_p(typeof(((T *) 0)->m), C), \
                                #T "." #m " does not fit its JSON kind");              \
                 int ignored;                                                          \
         }))
#define JSON_FLAGS_(...) (0 __VA_OPT__(| (__VA_ARGS__)))
#define JSON_PLAIN_(K, T, m, C, n, f) \
        { K, f, n, JSON_CHECKED_(T, m, C), { 0 }, NULL }
#define JSON_STRING(T, m, n, ...) \
        JSON_PLAIN_(JSON_KIND_STRING, T, m, char *, n, JSON_FLAGS_(__VA_ARGS__))
#define JSON_BOOL(T, m, n, ...) JSON_PLAIN_(JSON_KIND_BOOL, T, m, bool, n, JSON_FLAGS_(__VA_ARGS__))
#define JSON_INT(T, m, n, ...)  JSON_PLAIN_(JSON_KIND_INT, T, m, int, n, JSON_FLAGS_(__VA_ARGS__))
#define JSON_I64(T, m, n, ...) \
        JSON_PLAIN_(JSON_KIND_I64, T, m, int64_t, n, JSON_FLAGS_(__VA_ARGS__))
#define JSON_U64(T, m, n, ...) \
        JSON_PLAIN_(JSON_KIND_U64, T, m, uint64_t, n, JSON_FLAGS_(__VA_ARGS__))
#define JSON_U32(T, m, n, ...) \
        JSON_PLAIN_(JSON_KIND_U32, T, m, uint32_t, n, JSON_FLAGS_(__VA_ARGS__))
#define JSON_OPT_(K, T, m, C, n) \
        { K, JSON_HAS, n, JSON_CHECKED_(T, m, C), { JSON_CHECKED_(T, has_##m, bool) }, NULL }
#define JSON_OPT_INT(T, m, n)  JSON_OPT_(JSON_KIND_INT, T, m, int, n)
#define JSON_OPT_I64(T, m, n)  JSON_OPT_(JSON_KIND_I64, T, m, int64_t, n)
#define JSON_OPT_U64(T, m, n)  JSON_OPT_(JSON_KIND_U64, T, m, uint64_t, n)
#define JSON_OPT_U32(T, m, n)  JSON_OPT_(JSON_KIND_U32, T, m, uint32_t, n)
#define JSON_OPT_BOOL(T, m, n) JSON_OPT_(JSON_KIND_BOOL, T, m, bool, n)
#define JSON_NUMBERS(T, m, n, ...)                                                              \
        {                                                                                       \
                JSON_KIND_NUMBERS, JSON_FLAGS_(__VA_ARGS__), n, JSON_CHECKED_(T, m, int64_t *), \
                        { JSON_CHECKED_(T, n_##m, size_t) }, NULL                               \
        }
#define JSON_STRINGS(T, m, n, ...) \
        JSON_PLAIN_(JSON_KIND_STRINGS, T, m, char **, n, JSON_FLAGS_(__VA_ARGS__))
#define JSON_SET(T, m, n, ...) \
        JSON_PLAIN_(JSON_KIND_SET, T, m, char **, n, JSON_FLAGS_(__VA_ARGS__))
#define JSON_PAIRS(T, m, n, ...) \
        JSON_PLAIN_(JSON_KIND_PAIRS, T, m, char **, n, JSON_FLAGS_(__VA_ARGS__))
#define JSON_STRUCT(T, m, X, n, t, ...) \
        { JSON_KIND_STRUCT, JSON_FLAGS_(__VA_ARGS__), n, JSON_CHECKED_(T, m, X), { 0 }, t }
#define JSON_WITHIN(n, t) \
        { JSON_KIND_STRUCT, 0, n, 0, { 0 }, t }
#define JSON_POINTER(T, m, X, n, t, ...) \
        { JSON_KIND_POINTER, JSON_FLAGS_(__VA_ARGS__), n, JSON_CHECKED_(T, m, X *), { 0 }, t }
#define JSON_ARRAY(T, m, X, n, t, ...)                                                  \
        {                                                                               \
                JSON_KIND_ARRAY, JSON_FLAGS_(__VA_ARGS__), n, JSON_CHECKED_(T, m, X *), \
                        { JSON_CHECKED_(T, n_##m, size_t) }, t                          \
        }
#define JSON_MAP(T, m, X, n, t, ...)                                                  \
        {                                                                             \
                JSON_KIND_MAP, JSON_FLAGS_(__VA_ARGS__), n, JSON_CHECKED_(T, m, X *), \
                        { JSON_CHECKED_(T, n_##m, size_t) }, t                        \
        }

/**
 * json_parse() - read a document into a struct
 * @type:	what the document is
 * @text:	@size bytes of JSON
 * @place:	how errors call the document, such as its file name
 * @value:	zeroed struct of @type->size bytes; on failure it is zeroed again
 *
 * Errors name place, line and member: "config.json:3: mounts[1].destination: missing", where the
 * line is that of the value, or of the object that lacks a member.
 *
 * Return: 0; -EINVAL for bad JSON or a bad value, -ENOMEM.
 */
int json_parse(const JsonType *type, const char *text, size_t size, const char *place, void *value,
               Err *err);

/* json_parse() of the file path below directory dir; -ENOENT when there is none. */
int json_load(const JsonType *type, int dir, const char *path, void *value, Err *err);

/* Returns the document, compact, newline at the end; owned by the caller; NULL without memory. */
char *json_text(const JsonType *type, const void *value);

/* Writes the document to path below dir: temporary file, then rename; synced first if @sync. */
int json_save(const JsonType *type, int dir, const char *path, const void *value, bool sync,
              Err *err);

/* The same into a file that is new: -EEXIST if the name is taken.  What is written is there whole
 * only when it returns. */
int json_create(const JsonType *type, int dir, const char *path, const void *value, Err *err);

/* Returns the document as jansson's tree (a new reference), or NULL without memory or with a
 * number above INT64_MAX. */
struct json_t *json_tree(const JsonType *type, const void *value);
/* Same with every member, empty ones too, as documents for people have them. */
struct json_t *json_tree_all(const JsonType *type, const void *value);

/* An object of "key=value" pairs, as JSON_PAIRS writes them (a new reference). */
struct json_t *json_pairs_tree(char *const *pairs);

/* Frees everything that value owns and zeroes it; value itself is not freed. */
void json_clear(const JsonType *type, void *value);

/* Deep copy into the zeroed struct @copy; 0 or -ENOMEM. */
int json_clone(const JsonType *type, const void *value, void *copy);

/**
 * json_grow() - make room for one more element of a JSON_ARRAY or JSON_MAP
 * Return: the new, zeroed last element; NULL without memory (nothing changed).
 */
void *json_grow(void *array, size_t *count, size_t element_size);
