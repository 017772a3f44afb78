/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <endian.h>
#include <string.h>

#include "base/sha256.h"

#if defined __x86_64__ && defined __has_include
#if __has_include(<sys/platform/x86.h>)
#include <immintrin.h>
#include <sys/platform/x86.h>
#define HAVE_INSTRUCTIONS
#endif
#endif

/* FIPS 180-4 §4.2.2: of the cube roots of the first 64 primes, the first 32 bits behind the point.
 */
static const uint32_t constants[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
        0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
        0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
        0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
        0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
        0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2,
};

static uint32_t rotate(uint32_t x, unsigned n) {
        return x >> n | x << (32 - n);
}

static void one_block(uint32_t state[8], const unsigned char *block) {
        uint32_t w[64], v[8];

        for (size_t t = 0; t < 16; t++) {
                memcpy(&w[t], block + 4 * t, 4);
                w[t] = be32toh(w[t]);
        }
        for (size_t t = 16; t < 64; t++) {
                uint32_t a = w[t - 15], b = w[t - 2];

                w[t] = w[t - 16] + w[t - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
                       (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
        }
        memcpy(v, state, sizeof v);
        /* Instead of moving a to b and so on, the names move: unrolled, they are registers. */
#pragma GCC unroll 8
        for (size_t t = 0; t < 64; t++) {
                uint32_t a = v[-t % 8], b = v[(1 - t) % 8], c = v[(2 - t) % 8];
                uint32_t e = v[(4 - t) % 8], f = v[(5 - t) % 8], g = v[(6 - t) % 8];
                uint32_t *d = &v[(3 - t) % 8], *h = &v[(7 - t) % 8];

                *h += (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) +
                      constants[t] + w[t];
                *d += *h;
                *h += (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
                      ((a & b) ^ (a & c) ^ (b & c));
        }
        for (size_t i = 0; i < 8; i++)
                state[i] += v[i];
}

void sha256_blocks_plain(uint32_t state[8], const unsigned char *blocks, size_t n) {
        for (size_t i = 0; i < n; i++)
                one_block(state, blocks + i * SHA256_BLOCK);
}

#ifdef HAVE_INSTRUCTIONS

/* Four rounds at a time; the registers hold a, b, e, f and c, d, g, h: Intel's manual on
 * SHA256RNDS2, SHA256MSG1 and SHA256MSG2. */
__attribute__((target("sha,sse4.1,ssse3"))) static void blocks_by_instructions(
        uint32_t state[8], const unsigned char *blocks, size_t n) {
        const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
        __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *) state), 0xb1);
        __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *) state + 1), 0x1b);
        __m128i abef = _mm_alignr_epi8(badc, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);

        for (; n > 0; n--, blocks += SHA256_BLOCK) {
                __m128i abef_before = abef, cdgh_before = cdgh, w[4];

#pragma GCC unroll 16
                for (size_t i = 0; i < 16; i++) {
                        __m128i *now = &w[i % 4], next;
                        const __m128i *last = &w[(i + 3) % 4];

                        if (i < 4) {
                                *now = _mm_loadu_si128((const __m128i *) blocks + i);
                                *now = _mm_shuffle_epi8(*now, order);
                        } else {
                                *now = _mm_sha256msg1_epu32(*now, w[(i + 1) % 4]);
                                *now = _mm_add_epi32(*now,
                                                     _mm_alignr_epi8(*last, w[(i + 2) % 4], 4));
                                *now = _mm_sha256msg2_epu32(*now, *last);
                        }
                        next = _mm_loadu_si128((const __m128i *) constants + i);
                        next = _mm_add_epi32(*now, next);
                        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, next);
                        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(next, 0x0e));
                }
                abef = _mm_add_epi32(abef, abef_before);
                cdgh = _mm_add_epi32(cdgh, cdgh_before);
        }
        abef = _mm_shuffle_epi32(abef, 0x1b);
        cdgh = _mm_shuffle_epi32(cdgh, 0xb1);
        _mm_storeu_si128((__m128i *) state, _mm_blend_epi16(abef, cdgh, 0xf0));
        _mm_storeu_si128((__m128i *) state + 1, _mm_alignr_epi8(cdgh, abef, 8));
}

#endif

static void add_blocks(uint32_t state[8], const unsigned char *blocks, size_t n) {
#ifdef HAVE_INSTRUCTIONS
        if (CPU_FEATURE_ACTIVE(SHA) && CPU_FEATURE_ACTIVE(SSE4_1)) {
                blocks_by_instructions(state, blocks, n);
                return;
        }
#endif
        sha256_blocks_plain(state, blocks, n);
}

void sha256_begin(Sha256 *s) {
        /* FIPS 180-4 §5.3.3 */
        *s = (Sha256){ .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                  0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
}

void sha256_add(Sha256 *s, const void *data, size_t size) {
        const unsigned char *bytes = data;
        size_t held = s->size % SHA256_BLOCK;

        if (size == 0)
                return;
        s->size += size;
        if (held) {
                size_t n = SHA256_BLOCK - held < size ? SHA256_BLOCK - held : size;

                memcpy(s->rest + held, bytes, n);
                if (held + n < SHA256_BLOCK)
                        return;
                add_blocks(s->state, s->rest, 1);
                bytes += n;
                size -= n;
        }
        add_blocks(s->state, bytes, size / SHA256_BLOCK);
        memcpy(s->rest, bytes + size / SHA256_BLOCK * SHA256_BLOCK, size % SHA256_BLOCK);
}

void sha256_end(Sha256 *s, unsigned char digest[SHA256_SIZE]) {
        static const unsigned char padding[SHA256_BLOCK] = { 0x80 };
        uint64_t bits = htobe64(s->size * 8);
        size_t held = s->size % SHA256_BLOCK;

        /* As many as leave room for the size at the end of a block. */
        sha256_add(s, padding, (held < 56 ? 56 : 120) - held);
        sha256_add(s, &bits, sizeof bits);
        for (size_t i = 0; i < 8; i++) {
                uint32_t word = htobe32(s->state[i]);

                memcpy(digest + 4 * i, &word, sizeof word);
        }
}
