/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Bytes as tests write them: hexadecimal digits, blanks anywhere. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/str.h"
#include "test.h"

__attribute__((__unused__)) static size_t from_hex(const char *hex, uint8_t *bytes, size_t max) {
        size_t n = 0;
        unsigned byte;

        for (; *hex; hex++) {
                if (*hex == ' ')
                        continue;
                expect(n < max && sscanf(hex, "%2x", &byte) == 1);
                bytes[n++] = (uint8_t) byte;
                hex++;
        }
        return n;
}

__attribute__((__unused__)) static char *to_hex(const void *bytes, size_t size) {
        autostr out = {};

        for (size_t i = 0; i < size; i++)
                str_printf(&out, "%02x", ((const uint8_t *) bytes)[i]);
        return str_take(&out);
}

/* Fails with both in sight. */
__attribute__((__unused__)) static void expect_bytes(const Str *got, const char *hex) {
        uint8_t bytes[2048];
        size_t n = from_hex(hex, bytes, sizeof bytes);
        autofree char *a = to_hex(got->text, got->length), *b = to_hex(bytes, n);

        expect_str(a, b);
}
