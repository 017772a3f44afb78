/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "filter/field_internal.h"

#define DEPTH_MAX 32 /* typedefs of typedefs */

typedef struct Named {
        const char *name;
        FieldStyle style;
        uint32_t size;
        bool swapped;
} Named;

/* isola_filter.h's types, and the kernel's own for byte order. */
static const Named known[] = {
        { "isola_ip", FIELD_IP, FIELD_IP_SIZE, false },
        { "isola_prefix", FIELD_PREFIX, FIELD_PREFIX_SIZE, false },
        { "isola_mac", FIELD_MAC, 6, false },
        { "isola_ip4", FIELD_IP4, 4, false },
        { "isola_be16", FIELD_NUMBER, 2, true },
        { "isola_be32", FIELD_NUMBER, 4, true },
        { "__be16", FIELD_NUMBER, 2, true },
        { "__be32", FIELD_NUMBER, 4, true },
        { "__be64", FIELD_NUMBER, 8, true },
};

static const Named *find_known(const char *name, uint32_t size) {
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                if (str_equal(name, known[i].name) && size == known[i].size)
                        return &known[i];
        return NULL;
}

static bool is_text(const struct btf *btf, const struct btf_type *array) {
        const struct btf_type *element;
        int id = btf__resolve_type(btf, btf_array(array)->type);

        element = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t) id);
        return element && btf_is_int(element) &&
               str_equal(btf__name_by_offset(btf, element->name_off), "char");
}

static void take_style(const struct btf *btf, const struct btf_type *t, Field *ret) {
        bool fits_number = ret->bits > 0 && ret->bits <= 64;

        if (btf_is_composite(t) || btf_is_datasec(t))
                ret->style = FIELD_RECORD;
        else if (btf_is_array(t))
                ret->style = is_text(btf, t) ? FIELD_TEXT : FIELD_LIST;
        else if (btf_is_any_enum(t) && fits_number)
                ret->style = FIELD_ENUM;
        else if (btf_is_int(t) && fits_number)
                ret->style = btf_int_encoding(t) & BTF_INT_BOOL ? FIELD_BOOL : FIELD_NUMBER;
        else
                ret->style = FIELD_NONE;
        ret->is_signed = (btf_is_int(t) && (btf_int_encoding(t) & BTF_INT_SIGNED)) ||
                         (btf_is_any_enum(t) && btf_kflag(t));
}

int field_of_type(const struct btf *btf, uint32_t id, size_t at, Field *ret) {
        const Named *named = NULL;
        const struct btf_type *t;

        for (int depth = 0;; depth++) {
                int64_t size = btf__resolve_size(btf, id);

                t = btf__type_by_id(btf, id);
                if (!t || size < 0 || size > UINT32_MAX / 8 || depth > DEPTH_MAX)
                        return -EINVAL;
                if (!named)
                        named = find_known(btf__name_by_offset(btf, t->name_off), (uint32_t) size);
                *ret = (Field){ .id = id, .at = at, .bits = (uint32_t) size * 8 };
                if (!btf_is_mod(t) && !btf_is_typedef(t) && !btf_is_var(t))
                        break;
                id = t->type;
        }
        take_style(btf, t, ret);
        if (named) {
                ret->style = named->style;
                ret->swapped = named->swapped;
        }
        return 0;
}

size_t field_length(const struct btf *btf, const Field *record) {
        const struct btf_type *t = btf__type_by_id(btf, record->id);

        /* Elements without a size could be any number. */
        if (record->style == FIELD_LIST)
                return record->bits > 0 ? btf_array(t)->nelems : 0;
        return record->style == FIELD_RECORD ? btf_vlen(t) : 0;
}

static int take_element(const struct btf *btf, const Field *list, const struct btf_type *t,
                        size_t i, Field *ret) {
        int r;

        r = field_of_type(btf, btf_array(t)->type, list->at, ret);
        if (r >= 0)
                ret->at += i * ret->bits;
        return r;
}

static bool is_number(const Field *f) {
        return f->style == FIELD_NUMBER || f->style == FIELD_BOOL || f->style == FIELD_ENUM;
}

int field_member(const struct btf *btf, const Field *record, size_t i, Field *ret,
                 const char **ret_name) {
        const struct btf_type *t = btf__type_by_id(btf, record->id);
        uint32_t bits;
        int r;

        *ret_name = NULL;
        if (btf_is_array(t))
                return take_element(btf, record, t, i, ret);
        if (btf_is_datasec(t)) {
                const struct btf_var_secinfo *info = btf_var_secinfos(t) + i;
                const struct btf_type *var = btf__type_by_id(btf, info->type);

                if (var)
                        *ret_name = btf__name_by_offset(btf, var->name_off);
                return field_of_type(btf, info->type, record->at + info->offset * 8ul, ret);
        }
        *ret_name = btf__name_by_offset(btf, btf_members(t)[i].name_off);
        r = field_of_type(btf, btf_members(t)[i].type,
                          record->at + btf_member_bit_offset(t, (uint32_t) i), ret);
        bits = btf_member_bitfield_size(t, (uint32_t) i);
        /* Only numbers may have less bits than their type: all else is read as a whole. */
        if (r >= 0 && bits && (bits > ret->bits || !is_number(ret)))
                return -EINVAL;
        if (r >= 0 && bits)
                ret->bits = bits;
        return r;
}

bool field_is_union(const struct btf *btf, const Field *field) {
        return btf_is_union(btf__type_by_id(btf, field->id));
}

bool field_fits(const Field *field, size_t size) {
        return (field->at + field->bits + 7) / 8 <= size;
}

/* Finds a member by its name, also inside of members without one. */
static int find_name(const struct btf *btf, const Field *record, const char *name, size_t length,
                     int depth, Field *ret) {
        if (record->style != FIELD_RECORD || depth > DEPTH_MAX)
                return -ENOENT;
        for (size_t i = 0, n = field_length(btf, record); i < n; i++) {
                const char *own;
                Field member;

                if (field_member(btf, record, i, &member, &own) < 0)
                        continue;
                if (str_empty(own)) {
                        if (find_name(btf, &member, name, length, depth + 1, ret) == 0)
                                return 0;
                } else if (strlen(own) == length && strncmp(own, name, length) == 0) {
                        *ret = member;
                        return 0;
                }
        }
        return -ENOENT;
}

static void list_names(const struct btf *btf, const Field *record, int depth, Str *to) {
        for (size_t i = 0, n = field_length(btf, record); i < n && depth < DEPTH_MAX; i++) {
                const char *name;
                Field member;

                if (field_member(btf, record, i, &member, &name) < 0)
                        continue;
                if (str_empty(name) && member.style == FIELD_RECORD)
                        list_names(btf, &member, depth + 1, to);
                else if (!str_empty(name) && *name != '_')
                        str_printf(to, "%s%s", to->length ? ", " : "", name);
        }
}

static int not_found(const FieldType *type, const Field *in, const char *path, size_t length,
                     Err *err) {
        autostr names = {};
        int r;

        r = refuse(err, ENOENT, "the %s has no member '%.*s'", type->what, (int) length, path);
        if (in->style == FIELD_RECORD)
                list_names(type->btf, in, 0, &names);
        if (names.length && !names.failed)
                return err_hint(err, r, "it has %s", names.text);
        if (in->style == FIELD_LIST && field_length(type->btf, in) > 0)
                return err_hint(err, r, "it has elements from [0] to [%zu]",
                                field_length(type->btf, in) - 1);
        return r;
}

/* "[3]" at the begin of @path: which element; how long that is in @ret_used. */
static int read_index(const char *path, size_t n, size_t *ret, size_t *ret_used) {
        size_t digits = strspn(path + 1, "0123456789");
        autofree char *text = strndup(path + 1, digits);
        uint64_t index;

        if (!text)
                return -ENOMEM;
        if (path[digits + 1] != ']' || parse_u64(text, &index) < 0 || index >= n)
                return -ENOENT;
        *ret = index;
        *ret_used = digits + 2;
        return 0;
}

int field_find(const FieldType *type, const char *path, Field *ret, Err *err) {
        const char *p = path;
        Field in;
        int r;

        r = field_of_type(type->btf, type->id, 0, &in);
        if (r < 0)
                return refuse(err, EINVAL, "the type of the %s is not described", type->what);
        while (*p) {
                size_t used = strcspn(p, ".[");
                const char *ignored;
                Field next = {};

                if (*p == '[' && in.style == FIELD_LIST) {
                        size_t i = 0;

                        r = read_index(p, field_length(type->btf, &in), &i, &used);
                        if (r >= 0)
                                r = field_member(type->btf, &in, i, &next, &ignored);
                } else {
                        r = find_name(type->btf, &in, p, used, 0, &next);
                }
                if (r < 0)
                        return not_found(type, &in, path, strlen(path), err);
                in = next;
                p += used;
                if (*p == '.')
                        p++;
        }
        *ret = in;
        return 0;
}
