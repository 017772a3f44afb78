/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Strings
 *
 * Str builds a string piece by piece.  It is sticky: when memory runs out it
 * remembers that and ignores what follows; str_take() reports it.  A list of
 * strings ("strv") is a NULL-terminated array that owns its strings; NULL is an
 * empty list.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

typedef struct Str {
        char *text; /* NUL-terminated, or NULL while empty */
        size_t length;
        size_t capacity;
        bool failed; /* memory ran out */
} Str;

#define autostr __attribute__((__cleanup__(str_clear))) Str

void str_put(Str *s, const char *text);
void str_put_bytes(Str *s, const void *bytes, size_t n);
void str_put_char(Str *s, char c);
void str_printf(Str *s, const char *format, ...) printf_like(2, 3);
void str_clear(Str *s);
/* Returns the text, owned by the caller ("" for an empty one), and empties s; NULL if memory ran
 * out. */
char *str_take(Str *s);

/* Returns a new formatted string, or NULL without memory. */
char *str_format(const char *format, ...) printf_like(1, 2);

/* Puts a copy of @value, or NULL, in the place of an owned string; 0 or -ENOMEM, and then as it
 * was. */
int str_set(char **string, const char *value);

static inline bool str_equal(const char *a, const char *b) {
        return a == b || (a && b && __builtin_strcmp(a, b) == 0);
}
static inline bool str_empty(const char *s) {
        return !s || !*s;
}
/* Returns what follows prefix in s, or NULL if s does not begin with it. */
const char *str_after(const char *s, const char *prefix);
bool str_ends_with(const char *s, const char *suffix);
/* Shell-style match of * and ? and [set] over the whole string. */
bool str_glob(const char *pattern, const char *s);
/* Returns the length of the UTF-8 character (RFC 3629) that the @n bytes begin with, 0 if none. */
size_t str_utf8_length(const char *s, size_t n);
/* Replaces what a terminal would obey (C0, DEL, C1, invalid UTF-8, bidirectional marks) by '?'. */
char *str_printable(const char *s);
/* Same for text whose line breaks and tabs are ours. */
char *str_printable_lines(const char *s);
/* Same for a JSON document: what a terminal would obey is escaped, so that it means the same. */
char *str_printable_json(const char *json);

/* Whole-string numbers; -EINVAL for anything else, -ERANGE where it does not fit. */
int parse_u64(const char *s, uint64_t *ret);
int parse_i64(const char *s, int64_t *ret);
/* @min, @max: inclusive. */
int parse_int(const char *s, int min, int max, int *ret);
/* Accepts true/false, 1/0, yes/no, on/off. */
int parse_bool(const char *s, bool *ret);

char **strv_free(char **list);
static inline void strv_auto(char ***list) {
        *list = strv_free(*list);
}
#define autostrv                 __attribute__((__cleanup__(strv_auto))) char **
#define strv_foreach(item, list) for (char **item = (char **) (list); item && *item; item++)

size_t strv_length(char *const *list);
/* Appends a copy of s; returns 0 or -ENOMEM. */
int strv_add(char ***list, const char *s);
/* Appends s itself, which is freed on failure and when NULL counts as -ENOMEM. */
int strv_take(char ***list, char *s);
int strv_addf(char ***list, const char *format, ...) printf_like(2, 3);
int strv_copy(char *const *list, char ***ret);
int strv_extend(char ***list, char *const *more);
/* Appends copies of constant words, NULL-terminated. */
int strv_add_words(char ***list, const char *const *words);
bool strv_has(char *const *list, const char *s);
/* Splits at each of the separator characters; @skip_empty drops empty fields. */
int strv_split(const char *s, const char *separators, bool skip_empty, char ***ret);
/* Splits at commas outside of double quotes, as RFC 4180 has it; -EINVAL for an open quote. */
int strv_split_csv(const char *s, char ***ret);
char *strv_join(char *const *list, const char *separator);
/* Finds KEY in a list of KEY=VALUE; returns VALUE inside the list, or NULL. */
const char *strv_env_get(char *const *list, const char *key);
/* Sets KEY=VALUE, replacing an earlier one in place; @assignment without '=' removes KEY. */
int strv_env_set(char ***list, const char *assignment);
