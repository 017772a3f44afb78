/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <bpf/btf.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "filter/field_internal.h"

#define DEPTH_MAX  32
#define IP4_PREFIX 96 /* bits of ::ffff:0:0/96 */

static uint64_t mask_of(uint32_t bits) {
        return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

static uint64_t swap(uint64_t value, uint32_t bits) {
        return __builtin_bswap64(value) >> (64 - bits);
}

static bool is_swapped(const Field *f) {
        return f->swapped && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
}

/*
 * A number of any width at any bit.  Bits are counted from the lowest of the first byte, as
 * compilers do for little-endian machines; elsewhere whole bytes only, which is all but bit fields.
 */
static uint64_t load(const Field *f, const uint8_t *data) {
        size_t first = f->at / 8, shift = f->at % 8, n = (shift + f->bits + 7) / 8;
        unsigned __int128 value = 0;

        for (size_t i = 0; i < n; i++) {
                size_t place = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? i : n - 1 - i;

                value |= (unsigned __int128) data[first + i] << (8 * place);
        }
        value = (value >> shift) & mask_of(f->bits);
        return is_swapped(f) ? swap((uint64_t) value, f->bits) : (uint64_t) value;
}

static void store(const Field *f, uint8_t *data, uint64_t value) {
        size_t first = f->at / 8, shift = f->at % 8, n = (shift + f->bits + 7) / 8;
        unsigned __int128 mask = (unsigned __int128) mask_of(f->bits) << shift, bits;

        bits = (unsigned __int128) (is_swapped(f) ? swap(value, f->bits) : value) << shift;
        for (size_t i = 0; i < n; i++) {
                size_t place = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? i : n - 1 - i;
                uint8_t kept = (uint8_t) ~(mask >> (8 * place));

                data[first + i] =
                        (uint8_t) ((data[first + i] & kept) | ((bits & mask) >> (8 * place)));
        }
}

static bool is_ip4(const uint8_t *address) {
        static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

        return memcmp(address, mapped, sizeof mapped) == 0;
}

static int read_ip(const char *text, uint8_t *ret) {
        struct in_addr v4;

        if (inet_pton(AF_INET, text, &v4) == 1) {
                memset(ret, 0, 10);
                memset(ret + 10, 0xff, 2);
                memcpy(ret + 12, &v4, 4);
                return 0;
        }
        return inet_pton(AF_INET6, text, ret) == 1 ? 0 : -EINVAL;
}

static void write_ip(const uint8_t *address, char ret[INET6_ADDRSTRLEN]) {
        if (is_ip4(address))
                inet_ntop(AF_INET, address + 12, ret, INET6_ADDRSTRLEN);
        else
                inet_ntop(AF_INET6, address, ret, INET6_ADDRSTRLEN);
}

/* "10.0.0.0/8", or an address alone for all of its bits; bits behind the prefix become 0. */
static int read_prefix(const char *text, uint8_t *ret) {
        const char *slash = strchr(text, '/');
        autofree char *address = strndup(text, slash ? (size_t) (slash - text) : strlen(text));
        uint32_t length = 128;
        int bits;

        if (!address || read_ip(address, ret + 4) < 0)
                return -EINVAL;
        if (slash) {
                bool v4 = !strchr(address, ':');

                if (parse_int(slash + 1, 0, v4 ? 32 : 128, &bits) < 0)
                        return -EINVAL;
                length = (uint32_t) bits + (v4 ? IP4_PREFIX : 0);
        }
        for (uint32_t bit = length; bit < 128; bit++)
                ret[4 + bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
        memcpy(ret, &length, sizeof length);
        return 0;
}

static int read_mac(const char *text, uint8_t *ret) {
        int end = 0;

        if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", ret, ret + 1, ret + 2, ret + 3,
                   ret + 4, ret + 5, &end) != 6 ||
            text[end])
                return -EINVAL;
        return 0;
}

static int read_hex(const char *digits, uint64_t *ret) {
        char *end;

        if (!*digits || strspn(digits, "0123456789abcdefABCDEF") != strlen(digits))
                return -EINVAL;
        errno = 0;
        *ret = strtoull(digits, &end, 16);
        return errno ? -ERANGE : 0;
}

static int read_number(const Field *f, const char *text, uint64_t *ret) {
        const char *hex = str_after(text, "0x");
        int64_t number;
        int r;

        if (hex) {
                r = read_hex(hex, ret);
                return r >= 0 && *ret > mask_of(f->bits) ? -ERANGE : r;
        }
        if (f->is_signed) {
                int64_t most = (int64_t) (mask_of(f->bits) >> 1);

                r = parse_i64(text, &number);
                *ret = (uint64_t) number & mask_of(f->bits);
                return r >= 0 && (number > most || number < -most - 1) ? -ERANGE : r;
        }
        r = parse_u64(text, ret);
        return r >= 0 && *ret > mask_of(f->bits) ? -ERANGE : r;
}

static size_t enum_length(const struct btf *btf, const Field *f) {
        return btf_vlen(btf__type_by_id(btf, f->id));
}

static const char *enum_constant(const struct btf *btf, const Field *f, size_t i, uint64_t *ret) {
        const struct btf_type *t = btf__type_by_id(btf, f->id);

        if (btf_is_enum64(t)) {
                *ret = btf_enum64_value(btf_enum64(t) + i) & mask_of(f->bits);
                return btf__name_by_offset(btf, btf_enum64(t)[i].name_off);
        }
        *ret = (uint64_t) (int64_t) btf_enum(t)[i].val & mask_of(f->bits);
        return btf__name_by_offset(btf, btf_enum(t)[i].name_off);
}

static int read_enum(const struct btf *btf, const Field *f, const char *text, uint64_t *ret) {
        for (size_t i = 0, n = enum_length(btf, f); i < n; i++) {
                const char *name = enum_constant(btf, f, i, ret), *rest;

                if (str_empty(name))
                        continue;
                rest = strchr(name, '_');
                if (strcasecmp(name, text) == 0 || (rest && strcasecmp(rest + 1, text) == 0))
                        return 0;
        }
        return read_number(f, text, ret);
}

static int read_scalar(const struct btf *btf, const Field *f, const char *text, uint8_t *data) {
        uint64_t value = 0;
        bool yes = false;
        int r;

        if (f->style == FIELD_BOOL)
                r = parse_bool(text, &yes);
        else if (f->style == FIELD_ENUM)
                r = read_enum(btf, f, text, &value);
        else
                r = read_number(f, text, &value);
        if (r >= 0)
                store(f, data, f->style == FIELD_BOOL ? yes : value);
        return r;
}

static int read_text(const Field *f, const char *text, uint8_t *to) {
        size_t size = f->bits / 8, length = strlen(text);

        if (length > size)
                return -ERANGE;
        memset(to, 0, size);
        memcpy(to, text, length);
        return 0;
}

/* Reads into whole bytes, so that a field that is refused stays as it was. */
static int read_bytes(const Field *f, const char *text, uint8_t *to) {
        uint8_t bytes[FIELD_PREFIX_SIZE];
        int r;

        switch (f->style) {
        case FIELD_IP:
                r = read_ip(text, bytes);
                break;
        case FIELD_IP4:
                r = inet_pton(AF_INET, text, bytes) == 1 ? 0 : -EINVAL;
                break;
        case FIELD_PREFIX:
                r = read_prefix(text, bytes);
                break;
        default:
                r = read_mac(text, bytes);
        }
        if (r >= 0)
                memcpy(to, bytes, f->bits / 8);
        return r;
}

static const char *wanted(const Field *f) {
        switch (f->style) {
        case FIELD_BOOL:
                return "true or false";
        case FIELD_ENUM:
                return "one of its names, or a number";
        case FIELD_IP:
                return "an address";
        case FIELD_IP4:
                return "an IPv4 address";
        case FIELD_PREFIX:
                return "a network like 10.0.0.0/8";
        case FIELD_MAC:
                return "a MAC address";
        case FIELD_TEXT:
                return "a text that fits";
        default:
                return "a number that fits";
        }
}

static void list_constants(const struct btf *btf, const Field *f, Str *to) {
        for (size_t i = 0, n = enum_length(btf, f); i < n; i++) {
                uint64_t value;
                const char *name = enum_constant(btf, f, i, &value);

                str_printf(to, "%s%s", i ? ", " : "", name ? name : "");
        }
}

static int refuse_text(const FieldType *type, const Field *f, const char *path, const char *text,
                       int code, Err *err) {
        autostr names = {};
        int r;

        r = refuse(err, code, "%s%s%s cannot be '%s': it wants %s", type->what, *path ? "." : "",
                   path, text, wanted(f));
        if (f->style == FIELD_ENUM)
                list_constants(type->btf, f, &names);
        if (names.length && !names.failed)
                return err_hint(err, r, "its names are %s", names.text);
        if (f->style == FIELD_NUMBER)
                return err_hint(err, r, "it is %s and has %u bits",
                                f->is_signed ? "signed" : "unsigned", f->bits);
        if (f->style == FIELD_TEXT)
                return err_hint(err, r, "it has %u bytes", f->bits / 8);
        return r;
}

static void mark(const Field *f, uint8_t *said) {
        for (size_t bit = f->at; said && bit < f->at + f->bits; bit++)
                said[bit / 8] = 0xff;
}

int field_set(const FieldType *type, void *data, size_t size, const char *path, const char *text,
              uint8_t *said, Err *err) {
        uint8_t *bytes = data;
        Field f;
        int r;

        r = field_find(type, path, &f, err);
        if (r < 0)
                return r;
        if (!field_fits(&f, size))
                return refuse(err, EINVAL, "the type of the %s does not fit its size", type->what);

        switch (f.style) {
        case FIELD_NUMBER:
        case FIELD_BOOL:
        case FIELD_ENUM:
                r = read_scalar(type->btf, &f, text, bytes);
                break;
        case FIELD_TEXT:
                r = read_text(&f, text, bytes + f.at / 8);
                break;
        case FIELD_IP:
        case FIELD_IP4:
        case FIELD_PREFIX:
        case FIELD_MAC:
                r = read_bytes(&f, text, bytes + f.at / 8);
                break;
        case FIELD_RECORD:
        case FIELD_LIST:
                return err_hint(err,
                                refuse(err, EINVAL, "%s%s%s has members, '%s' is one value",
                                       type->what, *path ? "." : "", path, text),
                                "say which: %s%s%s%s=…", type->what, *path ? "." : "", path,
                                f.style == FIELD_LIST ? "[0]" : ".MEMBER");
        default:
                return refuse(err, EINVAL, "%s%s%s is of a type that cannot be written", type->what,
                              *path ? "." : "", path);
        }
        if (r < 0)
                return refuse_text(type, &f, path, text, r, err);
        mark(&f, said);
        return 0;
}

static bool is_said(const Field *f, const uint8_t *said, size_t size) {
        if (!field_fits(f, size)) /* its BTF puts it beyond the value */
                return false;
        for (size_t bit = f->at; bit < f->at + f->bits; bit++)
                if (!said[bit / 8])
                        return false;
        return true;
}

/* The path of the first member that was not written is put together on the way back up. */
static bool all_said(const struct btf *btf, const Field *f, const uint8_t *said, size_t size,
                     int depth, Str *missing) {
        size_t n = field_length(btf, f);
        bool one = false, is_union = field_is_union(btf, f);

        if (depth > DEPTH_MAX || (f->style != FIELD_RECORD && f->style != FIELD_LIST))
                return is_said(f, said, size);
        for (size_t i = 0; i < n; i++) {
                autostr below = {};
                const char *name;
                Field member;

                if (field_member(btf, f, i, &member, &name) < 0 || (name && *name == '_'))
                        continue;
                if (all_said(btf, &member, said, size, depth + 1, &below)) {
                        one = true;
                        continue;
                }
                if (missing->length == 0 && f->style == FIELD_LIST)
                        str_printf(missing, "[%zu]", i);
                else if (missing->length == 0 && !str_empty(name))
                        str_printf(missing, ".%s", name);
                if (below.length)
                        str_put(missing, below.text);
                if (!is_union)
                        return false;
        }
        return is_union ? one : true;
}

int field_check_said(const FieldType *type, const uint8_t *said, size_t size, Err *err) {
        autostr missing = {};
        Field f;

        if (field_of_type(type->btf, type->id, 0, &f) < 0 || !field_fits(&f, size))
                return refuse(err, EINVAL, "the type of the %s is not described", type->what);
        if (all_said(type->btf, &f, said, size, 0, &missing))
                return 0;
        return refuse(err, EINVAL, "%s%s is missing", type->what,
                      missing.length ? missing.text : "");
}

int field_number(const FieldType *type, const void *data, size_t size, const char *path,
                 uint64_t *ret) {
        Field f;
        int r;

        r = field_find(type, path, &f, NULL);
        if (r < 0)
                return r;
        if (!field_fits(&f, size) ||
            (f.style != FIELD_NUMBER && f.style != FIELD_BOOL && f.style != FIELD_ENUM))
                return -EINVAL;
        *ret = load(&f, data);
        return 0;
}

static json_t *number_json(const Field *f, uint64_t value) {
        char text[32];

        if (f->is_signed && f->bits < 64 && value >> (f->bits - 1))
                value |= ~mask_of(f->bits);
        if (f->is_signed || value <= INT64_MAX)
                return json_integer((json_int_t) value);
        snprintf(text, sizeof text, "%" PRIu64, value);
        return json_string(text);
}

static json_t *enum_json(const struct btf *btf, const Field *f, uint64_t value) {
        for (size_t i = 0, n = enum_length(btf, f); i < n; i++) {
                uint64_t own;
                const char *name = enum_constant(btf, f, i, &own);

                if (own == value && !str_empty(name))
                        return json_string(name);
        }
        return number_json(f, value);
}

/* A text may fill all of its bytes; what is no UTF-8 is not for JSON. */
static json_t *text_json(const Field *f, const uint8_t *bytes) {
        size_t n = strnlen((const char *) bytes, f->bits / 8);
        autostr text = {};

        for (size_t i = 0; i < n;) {
                size_t length = str_utf8_length((const char *) bytes + i, n - i);

                if (length)
                        str_put_bytes(&text, bytes + i, length);
                else
                        str_put(&text, "\xef\xbf\xbd");
                i += length ? length : 1;
        }
        return text.failed ? NULL : json_string(text.length ? text.text : "");
}

static json_t *address_json(const Field *f, const uint8_t *bytes) {
        char address[INET6_ADDRSTRLEN + 5];
        uint32_t length;

        switch (f->style) {
        case FIELD_IP:
                write_ip(bytes, address);
                break;
        case FIELD_IP4:
                inet_ntop(AF_INET, bytes, address, sizeof address);
                break;
        case FIELD_PREFIX:
                memcpy(&length, bytes, sizeof length);
                write_ip(bytes + 4, address);
                if (is_ip4(bytes + 4) && length >= IP4_PREFIX)
                        length -= IP4_PREFIX;
                snprintf(address + strlen(address), 5, "/%u", length > 128 ? 128 : length);
                break;
        default:
                snprintf(address, sizeof address, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0],
                         bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]);
        }
        return json_string(address);
}

static json_t *show(const struct btf *btf, const Field *f, const uint8_t *data, size_t size,
                    int depth);

static int add_members(const struct btf *btf, const Field *record, const uint8_t *data, size_t size,
                       int depth, json_t *to) {
        for (size_t i = 0, n = field_length(btf, record); i < n; i++) {
                const char *name;
                Field member;
                json_t *value;

                if (field_member(btf, record, i, &member, &name) < 0)
                        return -EINVAL;
                if (name && *name == '_')
                        continue;
                if (str_empty(name) && member.style == FIELD_RECORD && depth < DEPTH_MAX) {
                        if (add_members(btf, &member, data, size, depth + 1, to) < 0)
                                return -EINVAL;
                        continue;
                }
                if (str_empty(name))
                        continue;
                value = show(btf, &member, data, size, depth + 1);
                if (!value || json_object_set_new(to, name, value) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int add_elements(const struct btf *btf, const Field *list, const uint8_t *data, size_t size,
                        int depth, json_t *to) {
        for (size_t i = 0, n = field_length(btf, list); i < n; i++) {
                const char *name;
                Field element;
                json_t *value;

                if (field_member(btf, list, i, &element, &name) < 0)
                        return -EINVAL;
                value = show(btf, &element, data, size, depth + 1);
                if (!value || json_array_append_new(to, value) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static json_t *show(const struct btf *btf, const Field *f, const uint8_t *data, size_t size,
                    int depth) {
        json_t *result;
        int r;

        if (!field_fits(f, size) || depth > DEPTH_MAX)
                return NULL;
        switch (f->style) {
        case FIELD_NUMBER:
                return number_json(f, load(f, data));
        case FIELD_BOOL:
                return json_boolean(load(f, data));
        case FIELD_ENUM:
                return enum_json(btf, f, load(f, data));
        case FIELD_TEXT:
                return text_json(f, data + f->at / 8);
        case FIELD_IP:
        case FIELD_IP4:
        case FIELD_PREFIX:
        case FIELD_MAC:
                return address_json(f, data + f->at / 8);
        case FIELD_RECORD:
                result = json_object();
                r = result ? add_members(btf, f, data, size, depth, result) : -ENOMEM;
                break;
        case FIELD_LIST:
                result = json_array();
                r = result ? add_elements(btf, f, data, size, depth, result) : -ENOMEM;
                break;
        default:
                return json_null();
        }
        if (r < 0) {
                json_decref(result);
                return NULL;
        }
        return result;
}

json_t *field_json(const FieldType *type, const void *data, size_t size) {
        Field f;

        if (field_of_type(type->btf, type->id, 0, &f) < 0)
                return NULL;
        return show(type->btf, &f, data, size, 0);
}
