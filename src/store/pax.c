/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/str.h"
#include "store/pax.h"

void pax_clear(Pax *pax) {
        for (size_t i = 0; i < pax->n_xattrs; i++) {
                free(pax->xattrs[i].name);
                free(pax->xattrs[i].value);
        }
        free(pax->xattrs);
        free(pax->path);
        free(pax->link);
        *pax = (Pax){};
}

static int set_text(char **target, const char *value, size_t size) {
        char *copy;

        if (memchr(value, 0, size))
                return -EBADMSG;
        copy = strndup(value, size);
        if (!copy)
                return -ENOMEM;
        free(*target);
        *target = copy;
        return 0;
}

/* A whole number of seconds with an optional fraction; digits beyond nanoseconds are dropped. */
static int set_time(struct timespec *ret, const char *value, size_t size) {
        autofree char *text = strndup(value, size);
        char *dot = text ? strchr(text, '.') : NULL;
        int64_t seconds;
        long ns = 0;

        if (!text)
                return -ENOMEM;
        if (dot) {
                const char *p = dot + 1;

                *dot = 0;
                for (long unit = 100000000; isdigit((unsigned char) *p); p++, unit /= 10)
                        ns += (*p - '0') * unit;
                if (*p)
                        return -EBADMSG;
        }
        if (parse_i64(text, &seconds) < 0)
                return -EBADMSG;
        if (text[0] == '-' && ns) {
                seconds--;
                ns = 1000000000 - ns;
        }
        *ret = (struct timespec){ .tv_sec = seconds, .tv_nsec = ns };
        return 0;
}

static int set_number(Pax *pax, int which, int64_t *target, const char *value, size_t size) {
        autofree char *text = strndup(value, size);

        if (!text)
                return -ENOMEM;
        if (parse_i64(text, target) < 0)
                return -EBADMSG;
        pax->has |= which;
        return 0;
}

/* The last record of a name counts. */
static int add_xattr(Pax *pax, const char *name, const void *value, size_t size) {
        TarXattr *x = NULL;
        void *copy;

        if (str_empty(name))
                return -EBADMSG;
        for (size_t i = 0; i < pax->n_xattrs && !x; i++)
                if (str_equal(pax->xattrs[i].name, name))
                        x = &pax->xattrs[i];
        copy = malloc(size + 1);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, value, size);
        if (!x) {
                x = json_grow(&pax->xattrs, &pax->n_xattrs, sizeof *x);
                if (x)
                        x->name = strdup(name);
                if (!x || !x->name) {
                        free(copy);
                        return -ENOMEM;
                }
        }
        free(x->value);
        x->value = copy;
        x->size = size;
        return 0;
}

static int hex(char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
}

/* Undoes %XX in place; false if that is to be a NUL. */
static bool decode_percent(char *s) {
        char *out = s;

        for (; *s; s++) {
                if (*s == '%' && hex(s[1]) >= 0 && hex(s[2]) >= 0) {
                        *out = (char) (hex(s[1]) * 16 + hex(s[2]));
                        if (!*out++)
                                return false;
                        s += 2;
                } else {
                        *out++ = *s;
                }
        }
        *out = 0;
        return true;
}

/* Base 64 as libarchive writes it, without '=' at the end; -EBADMSG. */
static int decode_base64(const char *text, size_t size, unsigned char *ret, size_t *ret_size) {
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        unsigned bits = 0, n_bits = 0;
        size_t n = 0;

        while (size > 0 && text[size - 1] == '=')
                size--;
        for (size_t i = 0; i < size; i++) {
                const char *at = text[i] ? strchr(digits, text[i]) : NULL;

                if (!at)
                        return -EBADMSG;
                bits = (bits << 6 | (unsigned) (at - digits)) & 0xffff;
                n_bits += 6;
                if (n_bits >= 8) {
                        n_bits -= 8;
                        ret[n++] = (unsigned char) (bits >> n_bits);
                }
        }
        *ret_size = n;
        return 0;
}

static int add_libarchive_xattr(Pax *pax, const char *key, const char *value, size_t size) {
        autofree unsigned char *decoded = malloc(size + 1);
        autofree char *name = strdup(key);
        size_t n;
        int r;

        if (!decoded || !name)
                return -ENOMEM;
        if (!decode_percent(name))
                return -EBADMSG;
        r = decode_base64(value, size, decoded, &n);
        return r < 0 ? r : add_xattr(pax, name, decoded, n);
}

static int set_record(Pax *pax, const char *key, const char *value, size_t size) {
        const char *name;

        if (str_equal(key, "path"))
                return set_text(&pax->path, value, size);
        if (str_equal(key, "linkpath"))
                return set_text(&pax->link, value, size);
        if (str_equal(key, "uid"))
                return set_number(pax, PAX_UID, &pax->uid, value, size);
        if (str_equal(key, "gid"))
                return set_number(pax, PAX_GID, &pax->gid, value, size);
        if (str_equal(key, "size"))
                return set_number(pax, PAX_SIZE, &pax->size, value, size);
        if (str_equal(key, "mtime")) {
                pax->has |= PAX_MTIME;
                return set_time(&pax->mtime, value, size);
        }
        name = str_after(key, "SCHILY.xattr.");
        if (name)
                return add_xattr(pax, name, value, size);
        name = str_after(key, "LIBARCHIVE.xattr.");
        if (name)
                return add_libarchive_xattr(pax, name, value, size);
        return str_after(key, "GNU.sparse.") ? -ENOTSUP : 0;
}

int pax_parse(Pax *pax, const char *text, size_t size) {
        const char *p = text, *end = text + size;

        while (p < end) {
                autofree char *key = NULL;
                const char *digits = p, *equals, *newline;
                size_t length = 0;
                int r;

                for (; p < end && *p >= '0' && *p <= '9' && length <= size; p++)
                        length = length * 10 + (size_t) (*p - '0');
                if (p == digits || p == end || *p != ' ' || length > (size_t) (end - digits) ||
                    length < (size_t) (p - digits) + 3)
                        return -EBADMSG;
                newline = digits + length - 1;
                equals = memchr(p + 1, '=', (size_t) (newline - p - 1));
                /* A NUL in the key would make two readers take it for two things. */
                if (*newline != '\n' || !equals || equals == p + 1 ||
                    memchr(p + 1, 0, (size_t) (equals - p - 1)))
                        return -EBADMSG;
                key = strndup(p + 1, (size_t) (equals - p - 1));
                if (!key)
                        return -ENOMEM;
                r = set_record(pax, key, equals + 1, (size_t) (newline - equals - 1));
                if (r < 0)
                        return r;
                p = newline + 1;
        }
        return 0;
}
