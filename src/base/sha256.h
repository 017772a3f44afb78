/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * SHA-256 (FIPS 180-4)
 *
 * Of our own, because a static binary that links OpenSSL's asks the processor
 * five times what it can do before main() runs, which a virtual machine takes
 * 0.04 ms for: more than most commands spend on their records.  It uses the
 * processor's own instructions where glibc knows of them.
 */

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE  32
#define SHA256_BLOCK 64

typedef struct Sha256 {
        uint32_t state[8];
        uint64_t size;                    /* bytes so far */
        unsigned char rest[SHA256_BLOCK]; /* those that do not fill a block */
} Sha256;

void sha256_begin(Sha256 *s);
void sha256_add(Sha256 *s, const void *data, size_t size);
void sha256_end(Sha256 *s, unsigned char digest[SHA256_SIZE]);

/* What sha256_add() does to whole blocks, without the special instructions; for tests. */
void sha256_blocks_plain(uint32_t state[8], const unsigned char *blocks, size_t n);
