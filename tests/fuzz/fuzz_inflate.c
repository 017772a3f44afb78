/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Compressed layers: our decoder and zlib take the same streams for good, and find the same in
 * them. */

#include <zlib.h>

#include "fuzz.h"
#include "store/inflate.h"

#define MOST (1u << 20)

static int more(InflateInput *input, Err *err) {
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        autofree unsigned char *copy = calloc(1, size + INFLATE_SLACK), *theirs = malloc(MOST);
        InflateInput input = { .more = more };
        Inflate *ours = inflate_new();
        const unsigned char *some;
        z_stream z = {};
        autoerr err = {};
        size_t done = 0;
        ssize_t n;
        int r;

        must(copy && theirs && ours && inflateInit2(&z, -15) == Z_OK);
        memcpy(copy, data, size);
        input.at = copy;
        input.end = copy + size;
        z.next_in = copy;
        z.avail_in = (unsigned) size;
        z.next_out = theirs;
        z.avail_out = MOST;
        r = inflate(&z, Z_FINISH);
        while ((n = inflate_next(ours, &input, &some, &err)) > 0 && done + (size_t) n <= MOST) {
                must(done + (size_t) n > z.total_out ||
                     memcmp(theirs + done, some, (size_t) n) == 0);
                done += (size_t) n;
        }
        must(r != Z_STREAM_END || (n == 0 && done == z.total_out));
        must(n != 0 || done > MOST || r == Z_STREAM_END || z.total_out == MOST);
        must(n != 0 || input.at == copy + z.total_in || r != Z_STREAM_END);
        inflate_free(ours);
        inflateEnd(&z);
        return 0;
}
