/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Values by the names of their members
 *
 * What the keys and values of a BPF map look like stands in the BTF that the
 * compiler made (-g) and the kernel keeps.  With it a member is read and written
 * by its path, "flow.sport", "slots[3].bytes"; the empty path is the value
 * itself.  A member of an unnamed struct or union counts as its parent's.
 *
 *   int, bool, enum, bit fields   numbers (decimal or 0x…), true and false, the constant's name or
 *                                 what stands behind its first '_': ISOLA_DROP, drop
 *   char[N]                       text
 *   isola_ip, isola_ip4           10.0.0.1, 2001:db8::1
 *   isola_prefix                  10.0.0.0/8
 *   isola_mac                     02:00:00:00:00:01
 *   isola_be16, __be16, …32       the number, not its bytes' order
 *   struct, union, array          by member; shown as an object or a list
 *
 * Members whose names begin with '_' are padding: they are 0 and not shown.
 * Numbers that JSON's readers would round (from 2^63 on) are shown as text.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct btf;
struct json_t;

/* A type of a value, and where it is explained. */
typedef struct FieldType {
        const struct btf *btf;
        uint32_t id;
        const char *what; /* "key", "value", "parameter": for error sentences */
} FieldType;

/**
 * field_set() - write one member
 * @data:	the value, of @size bytes
 * @path:	member, or "" for the value itself
 * @text:	what it is to be
 * @said:	@size bytes, 0xff is put where something was written; or NULL
 *
 * Return: 0; -ENOENT if there is no such member, -EINVAL, -ERANGE.
 */
int field_set(const FieldType *type, void *data, size_t size, const char *path, const char *text,
              uint8_t *said, Err *err);

/* 0 if all members were written, one of each union; else -EINVAL with the first that was not. */
int field_check_said(const FieldType *type, const uint8_t *said, size_t size, Err *err);

/* Reads a number that is an int, bool or enum; -ENOENT, -EINVAL. */
int field_number(const FieldType *type, const void *data, size_t size, const char *path,
                 uint64_t *ret);

/* The whole value as JSON, owned by the caller; NULL without memory or if BTF does not fit @size.
 */
struct json_t *field_json(const FieldType *type, const void *data, size_t size);
