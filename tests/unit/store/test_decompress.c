/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <bzlib.h>
#include <lzma.h>
#include <sys/mman.h>
#include <zlib.h>
#include <zstd.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "store/decompress.h"
#include "test.h"

static char plain[300000];

static void fill_plain(void) {
        for (size_t i = 0; i < sizeof plain; i++)
                plain[i] = (char) ('a' + (i * i / 7) % 23);
}

static size_t pack_gzip(char *out, size_t room) {
        z_stream z = { .next_in = (unsigned char *) plain,
                       .avail_in = sizeof plain,
                       .next_out = (unsigned char *) out,
                       .avail_out = (unsigned) room };

        expect(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, 0) == Z_OK);
        expect(deflate(&z, Z_FINISH) == Z_STREAM_END);
        deflateEnd(&z);
        return z.total_out;
}

static size_t pack_bzip2(char *out, size_t room) {
        unsigned n = (unsigned) room;

        expect(BZ2_bzBuffToBuffCompress(out, &n, plain, sizeof plain, 1, 0, 0) == BZ_OK);
        return n;
}

static size_t pack_xz(char *out, size_t room) {
        size_t n = 0;

        expect(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, NULL, (unsigned char *) plain,
                                       sizeof plain, (unsigned char *) out, &n, room) == LZMA_OK);
        return n;
}

static size_t pack_zstd(char *out, size_t room) {
        return ZSTD_compress(out, room, plain, sizeof plain, 1);
}

/* Reads @size bytes as a stream in odd pieces; the result must be @times the plain text. */
static int reads(const char *packed, size_t size, int times, Err *err) {
        autoclose int file = memfd_create("packed", 0);
        Decompress *d = NULL;
        char piece[7777];
        size_t at = 0;
        ssize_t n = 0;
        int r;

        expect_ok(fd_write_all(file, packed, size));
        expect(lseek(file, 0, SEEK_SET) == 0);
        r = decompress_open(file, &d, err);
        if (r < 0)
                return r;
        while ((n = decompress_read(d, piece, sizeof piece, err)) > 0) {
                for (ssize_t i = 0; i < n; i++)
                        expect(piece[i] == plain[(at + (size_t) i) % sizeof plain]);
                at += (size_t) n;
        }
        decompress_free(d);
        if (n < 0)
                return (int) n;
        expect(at == (size_t) times * sizeof plain);
        return 0;
}

static size_t (*const packers[])(char *, size_t) = { pack_gzip, pack_xz, pack_zstd, pack_bzip2 };

TEST(every_format_is_told_by_its_beginning) {
        autofree char *packed = malloc(2 * sizeof plain);

        fill_plain();
        expect_ok(reads(plain, sizeof plain, 1, NULL));
        for (size_t i = 0; i < 4; i++)
                expect_ok(reads(packed, packers[i](packed, 2 * sizeof plain), 1, NULL));
}

TEST(members_follow_each_other_and_zeros_pad) {
        autofree char *packed = calloc(5, sizeof plain);

        fill_plain();
        for (size_t i = 0; i < 4; i++) {
                size_t n = packers[i](packed, 2 * sizeof plain);

                memcpy(packed + n, packed, n);
                memset(packed + 2 * n, 0, 512);
                expect_ok(reads(packed, 2 * n + 512, 2, NULL));
        }
}

TEST(what_is_torn_or_followed_by_something_is_damaged) {
        static const char *const names[] = { "gzip", "xz", "zstd", "bzip2" };
        autofree char *packed = malloc(2 * sizeof plain);

        fill_plain();
        for (size_t i = 0; i < 4; i++) {
                size_t n = packers[i](packed, 2 * sizeof plain - 16);
                autofree char *torn =
                        str_format("the %s data is damaged: it is cut short", names[i]);
                autofree char *more =
                        str_format("the %s data is damaged: something else follows it", names[i]);
                autoerr a = {}, b = {};

                expect(reads(packed, n - 5, 1, &a) == -EBADMSG);
                expect_str(a.message, torn);
                memcpy(packed + n, "garbage", 7);
                expect(reads(packed, n + 7, 1, &b) == -EBADMSG);
                expect_str(b.message, more);
        }
}

TEST(no_flipped_bit_does_harm) {
        autofree char *packed = malloc(2 * sizeof plain);

        fill_plain();
        for (size_t i = 0; i < 4; i++) {
                size_t n = packers[i](packed, 2 * sizeof plain);

                for (size_t bit = 0; bit < n * 8; bit += n / 4 + 1) {
                        autoclose int file = memfd_create("packed", 0);
                        Decompress *d = NULL;
                        autoerr err = {};
                        char piece[7777];
                        ssize_t got = 0;

                        packed[bit / 8] ^= (char) (1 << bit % 8);
                        expect_ok(fd_write_all(file, packed, n));
                        expect(lseek(file, 0, SEEK_SET) == 0);
                        packed[bit / 8] ^= (char) (1 << bit % 8);
                        if (decompress_open(file, &d, &err) < 0)
                                continue;
                        while ((got = decompress_read(d, piece, sizeof piece, &err)) > 0)
                                ;
                        decompress_free(d);
                        expect(got == 0 || err.message);
                }
        }
}
