/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <zlib.h>

#include "base/auto.h"
#include "store/inflate.h"
#include "test.h"

/* Input in pieces of the given size, as a slow network gives it. */
typedef struct Slow {
        const unsigned char *bytes;
        size_t n, at, piece;
        unsigned char buffer[70000 + INFLATE_SLACK];
} Slow;

static int more(InflateInput *in, Err *err) {
        Slow *s = in->context;
        size_t left = (size_t) (in->end - in->at),
               n = s->n - s->at < s->piece ? s->n - s->at : s->piece;

        memmove(s->buffer, in->at, left);
        memcpy(s->buffer + left, s->bytes + s->at, n);
        s->at += n;
        in->at = s->buffer;
        in->end = s->buffer + left + n;
        return n > 0;
}

static unsigned seed;

static unsigned next_random(void) {
        seed = seed * 1103515245 + 12345;
        return seed >> 16 & 0x7fff;
}

/* Some of what layers hold: noise, text, runs, and what was there before. */
static void fill(unsigned char *bytes, size_t n) {
        for (size_t i = 0; i < n;) {
                size_t run = 1 + next_random() % 3000;

                if (run > n - i)
                        run = n - i;
                switch (next_random() % 5) {
                case 0:
                        for (size_t k = 0; k < run; k++)
                                bytes[i + k] = (unsigned char) next_random();
                        break;
                case 1:
                        memset(bytes + i, (int) next_random(), run);
                        break;
                case 2:
                        for (size_t k = 0; k < run; k++)
                                bytes[i + k] = "the quick brown fox "[next_random() % 20];
                        break;
                case 3:
                        for (size_t k = 0; k < run; k++)
                                bytes[i + k] =
                                        (unsigned char) ("abc"[k % 3] + (next_random() % 97 == 0));
                        break;
                default:
                        for (size_t back = 1 + next_random() * 3 % (i + 1), k = 0; k < run; k++)
                                bytes[i + k] = i >= back ? bytes[i + k - back] : 0;
                }
                i += run;
        }
}

static size_t pack(const unsigned char *bytes, size_t n, int level, int strategy,
                   unsigned char *out, size_t room) {
        z_stream z = {};

        expect(deflateInit2(&z, level, Z_DEFLATED, -15, 8, strategy) == Z_OK);
        z.next_in = (unsigned char *) bytes;
        z.avail_in = (unsigned) n;
        z.next_out = out;
        z.avail_out = (unsigned) room;
        expect(deflate(&z, Z_FINISH) == Z_STREAM_END);
        expect(deflateEnd(&z) == Z_OK);
        return room - z.avail_out;
}

/* Inflates all; the bytes, or negative errno.  @ret_rest: what of the input was not used. */
static ssize_t unpack(const unsigned char *bytes, size_t n, size_t piece, unsigned char *out,
                      size_t room, size_t *ret_rest) {
        Slow *slow = calloc(1, sizeof *slow);
        InflateInput in = { .more = more, .context = slow };
        Inflate *z = inflate_new();
        const unsigned char *some;
        autoerr err = {};
        size_t done = 0;
        ssize_t got;

        slow->bytes = bytes;
        slow->n = n;
        slow->piece = piece;
        in.at = in.end = slow->buffer;
        while ((got = inflate_next(z, &in, &some, &err)) > 0) {
                expect(done + (size_t) got <= room);
                memcpy(out + done, some, (size_t) got);
                done += (size_t) got;
        }
        *ret_rest = (size_t) (in.end - in.at) + slow->n - slow->at;
        inflate_free(z);
        free(slow);
        expect(got == 0 || got == err.code);
        return got < 0 ? got : (ssize_t) done;
}

#define ROOM (1u << 20)

TEST(what_zlib_packed_is_what_it_was) {
        static const int strategies[] = { Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE,
                                          Z_FIXED };
        autofree unsigned char *plain = malloc(ROOM), *packed = malloc(2 * ROOM);
        autofree unsigned char *again = malloc(ROOM + 1);

        for (seed = 1; seed < 120; seed++) {
                unsigned keep = seed;
                size_t n = (size_t) next_random() * (keep % 8) * 4 % ROOM, size, rest;
                size_t piece = 1 + (keep % 3 == 0 ? next_random() % 20 : next_random() * 2u);

                fill(plain, n);
                size = pack(plain, n, (int) (keep % 10), strategies[keep % 5], packed,
                            2 * ROOM - 3);
                memcpy(packed + size, "end", 3);
                expect(unpack(packed, size + 3, piece, again, ROOM + 1, &rest) == (ssize_t) n);
                expect(memcmp(plain, again, n) == 0);
                expect(rest == 3);
                seed = keep;
        }
}

TEST(what_is_cut_short_or_changed_is_refused_or_ends) {
        autofree unsigned char *plain = malloc(ROOM), *packed = malloc(2 * ROOM);
        autofree unsigned char *again = malloc(64 * ROOM);
        size_t size, rest;

        seed = 7;
        fill(plain, 60000);
        size = pack(plain, 60000, 6, Z_DEFAULT_STRATEGY, packed, 2 * ROOM);
        for (size_t cut = 0; cut < size; cut += 1 + cut / 7)
                expect(unpack(packed, cut, 4096, again, 64 * ROOM, &rest) == -EBADMSG);
        for (unsigned i = 0; i < 3000; i++) {
                size_t at = (next_random() * 32768u + next_random()) % (i % 2 ? size : 200);
                unsigned char before = packed[at];
                ssize_t n;

                packed[at] ^= (unsigned char) (1 << next_random() % 8);
                n = unpack(packed, size, 70000, again, 64 * ROOM, &rest);
                expect(n == -EBADMSG || n >= 0);
                packed[at] = before;
        }
}

TEST(zlib_and_we_agree_on_what_is_damaged) {
        autofree unsigned char *plain = malloc(ROOM), *packed = malloc(2 * ROOM);
        autofree unsigned char *again = malloc(4 * ROOM);
        autofree unsigned char *theirs = malloc(4 * ROOM);

        for (seed = 1000; seed < 3000; seed++) {
                unsigned keep = seed;
                size_t size, rest;
                z_stream z = {};
                ssize_t n;
                int r;

                fill(plain, 500);
                size = pack(plain, 500, 9, keep % 3 ? Z_DEFAULT_STRATEGY : Z_HUFFMAN_ONLY, packed,
                            2 * ROOM);
                packed[next_random() % (size < 120 ? size : 120)] ^=
                        (unsigned char) (1 << next_random() % 8);
                n = unpack(packed, size, 70000, again, 4 * ROOM, &rest);
                expect(inflateInit2(&z, -15) == Z_OK);
                z.next_in = packed;
                z.avail_in = (unsigned) size;
                z.next_out = theirs;
                z.avail_out = 4 * ROOM;
                r = inflate(&z, Z_FINISH);
                expect((r == Z_STREAM_END) == (n >= 0));
                if (n >= 0)
                        expect(z.total_out == (size_t) n && memcmp(theirs, again, (size_t) n) == 0);
                inflateEnd(&z);
                seed = keep;
        }
}
