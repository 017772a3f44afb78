/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The low-level calls keep OpenSSL's providers, and half a megabyte, out of a static binary. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/str.h"

void digest_begin(Digest *d) {
        SHA256_Init(&d->context);
}

void digest_add(Digest *d, const void *data, size_t size) {
        SHA256_Update(&d->context, data, size);
}

void digest_end(Digest *d, char text[DIGEST_LENGTH + 1]) {
        unsigned char bytes[SHA256_DIGEST_LENGTH];

        SHA256_Final(bytes, &d->context);
        memcpy(text, "sha256:", 7);
        for (size_t i = 0; i < sizeof bytes; i++)
                snprintf(text + 7 + 2 * i, 3, "%02x", bytes[i]);
}

void digest_of(const void *data, size_t size, char text[DIGEST_LENGTH + 1]) {
        Digest d;

        digest_begin(&d);
        digest_add(&d, data, size);
        digest_end(&d, text);
}

bool digest_is_valid(const char *text) {
        const char *hex = str_after(text, "sha256:");

        return hex && strlen(hex) == DIGEST_HEX_LENGTH &&
               strspn(hex, "0123456789abcdef") == DIGEST_HEX_LENGTH;
}
