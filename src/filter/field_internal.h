/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What field.c and field_type.c share: where a member lies, and what is written there. */

#include <stdbool.h>

#include "filter/field.h"

/* How the bytes of a field are written. */
typedef enum FieldStyle {
        FIELD_NONE, /* pointers, floating point, …: shown as nothing, not written */
        FIELD_NUMBER,
        FIELD_BOOL,
        FIELD_ENUM,
        FIELD_TEXT,
        FIELD_IP,
        FIELD_IP4,
        FIELD_PREFIX,
        FIELD_MAC,
        FIELD_RECORD, /* struct, union, all globals of a section */
        FIELD_LIST,
} FieldStyle;

typedef struct Field {
        uint32_t id;   /* type without typedef and const */
        size_t at;     /* in bits, from the value's begin */
        uint32_t bits; /* how many */
        FieldStyle style;
        bool is_signed; /* a number */
        bool swapped;   /* a number in network byte order */
} Field;

/* Room that isola_prefix and isola_ip take. */
#define FIELD_IP_SIZE     16
#define FIELD_PREFIX_SIZE 20

/* Looks through typedefs and const; -EINVAL if BTF is damaged. */
int field_of_type(const struct btf *btf, uint32_t id, size_t at, Field *ret);
/* The number of members or elements. */
size_t field_length(const struct btf *btf, const Field *record);
/* One of them; @ret_name: NULL or "" if it has no name. */
int field_member(const struct btf *btf, const Field *record, size_t i, Field *ret,
                 const char **ret_name);
bool field_is_union(const struct btf *btf, const Field *field);
/* Follows a path; -ENOENT with a sentence. */
int field_find(const FieldType *type, const char *path, Field *ret, Err *err);
/* Whether it lies within @size bytes. */
bool field_fits(const Field *field, size_t size);
