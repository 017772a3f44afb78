/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Numbers in network byte order
 *
 * Reading is sticky: bytes that are not there are zero, and .failed tells at the end.  Writing goes
 * into a Str, which remembers when memory ran out.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

typedef struct OfReader {
        const uint8_t *at;
        size_t left;
        bool failed;
} OfReader;

static inline OfReader of_reader(const void *bytes, size_t size) {
        return (OfReader){ bytes, size, false };
}

/* @n bytes, or NULL if there are fewer left. */
static inline const uint8_t *of_get(OfReader *r, size_t n) {
        const uint8_t *at = r->at;

        if (r->failed || n > r->left) {
                r->failed = true;
                return NULL;
        }
        r->at += n;
        r->left -= n;
        return at;
}

static inline uint64_t of_get_number(OfReader *r, size_t n) {
        const uint8_t *bytes = of_get(r, n);
        uint64_t number = 0;

        for (size_t i = 0; bytes && i < n; i++)
                number = number << 8 | bytes[i];
        return number;
}

static inline uint8_t of_get_u8(OfReader *r) {
        return (uint8_t) of_get_number(r, 1);
}
static inline uint16_t of_get_u16(OfReader *r) {
        return (uint16_t) of_get_number(r, 2);
}
static inline uint32_t of_get_u32(OfReader *r) {
        return (uint32_t) of_get_number(r, 4);
}
static inline uint64_t of_get_u64(OfReader *r) {
        return of_get_number(r, 8);
}
static inline void of_skip(OfReader *r, size_t n) {
        (void) of_get(r, n);
}
/* Copies @n bytes, or zeros if they are not there. */
static inline void of_get_into(OfReader *r, void *to, size_t n) {
        const uint8_t *bytes = of_get(r, n);

        if (bytes)
                memcpy(to, bytes, n);
        else
                memset(to, 0, n);
}
/* The next @n bytes as a reader of their own. */
static inline OfReader of_get_part(OfReader *r, size_t n) {
        const uint8_t *bytes = of_get(r, n);

        return bytes ? of_reader(bytes, n) : (OfReader){ .failed = true };
}

static inline void of_put_number(Str *s, uint64_t number, size_t n) {
        uint8_t bytes[8];

        for (size_t i = n; i-- > 0; number >>= 8)
                bytes[i] = (uint8_t) number;
        str_put_bytes(s, bytes, n);
}
static inline void of_put_u8(Str *s, uint8_t number) {
        of_put_number(s, number, 1);
}
static inline void of_put_u16(Str *s, uint16_t number) {
        of_put_number(s, number, 2);
}
static inline void of_put_u32(Str *s, uint32_t number) {
        of_put_number(s, number, 4);
}
static inline void of_put_u64(Str *s, uint64_t number) {
        of_put_number(s, number, 8);
}
static inline void of_put_zeros(Str *s, size_t n) {
        static const uint8_t zeros[16];

        for (; n > sizeof zeros; n -= sizeof zeros)
                str_put_bytes(s, zeros, sizeof zeros);
        str_put_bytes(s, zeros, n);
}
/* Puts a number where one was left out: lengths come before what they are the length of. */
static inline void of_patch_u16(Str *s, size_t at, uint16_t number) {
        if (s->failed)
                return;
        s->text[at] = (char) (number >> 8);
        s->text[at + 1] = (char) number;
}
