/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* SHA-256 (over OpenSSL) and digests as image-spec writes them: "sha256:" and 64 hexadecimal
 * digits. */

#include <openssl/sha.h>
#include <stdbool.h>
#include <stddef.h>

#define DIGEST_LENGTH     71 /* "sha256:" + 64 */
#define DIGEST_HEX_LENGTH 64

typedef struct Digest {
        SHA256_CTX context;
} Digest;

void digest_begin(Digest *d);
void digest_add(Digest *d, const void *data, size_t size);
/* Writes "sha256:…" with its NUL. */
void digest_end(Digest *d, char text[DIGEST_LENGTH + 1]);
void digest_of(const void *data, size_t size, char text[DIGEST_LENGTH + 1]);
bool digest_is_valid(const char *text);
/* Returns the hexadecimal part of a valid digest. */
static inline const char *digest_hex(const char *text) {
        return text + 7;
}
