/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/digest.h"
#include "test.h"

static void expect_digest(const char *text, size_t n, const char *hex) {
        char digest[DIGEST_LENGTH + 1];

        digest_of(text, n, digest);
        expect_str(digest_hex(digest), hex);
}

/* FIPS 180-2 appendix B, and the empty message. */
TEST(digests_are_those_of_the_standard) {
        const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        char *million = malloc(1000000);

        memset(million, 'a', 1000000);
        expect_digest("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        expect_digest("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        expect_digest(two, strlen(two),
                      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        expect_digest(million, 1000000,
                      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
        free(million);
}

TEST(pieces_make_the_digest_of_the_whole) {
        unsigned char bytes[300], whole[SHA256_SIZE], pieces[SHA256_SIZE];
        Sha256 s;

        for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = (unsigned char) (i * 7 + 3);
        for (size_t n = 0; n <= sizeof bytes; n++)
                for (size_t cut = 0; cut <= n; cut += 13) {
                        sha256_begin(&s);
                        sha256_add(&s, bytes, n);
                        sha256_end(&s, whole);
                        sha256_begin(&s);
                        sha256_add(&s, bytes, cut);
                        sha256_add(&s, NULL, 0);
                        sha256_add(&s, bytes + cut, n - cut);
                        sha256_end(&s, pieces);
                        expect(memcmp(whole, pieces, sizeof whole) == 0);
                }
}

/* Where the processor has instructions for it, everything else here is about those. */
TEST(plain_blocks_give_the_same_state) {
        unsigned char bytes[16 * SHA256_BLOCK];
        uint32_t state[8];
        Sha256 s;

        for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = (unsigned char) (i * i >> 3);
        sha256_begin(&s);
        memcpy(state, s.state, sizeof state);
        sha256_add(&s, bytes, sizeof bytes);
        sha256_blocks_plain(state, bytes, 16);
        expect(memcmp(state, s.state, sizeof state) == 0);
}
