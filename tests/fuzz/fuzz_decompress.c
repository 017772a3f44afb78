/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Compressed streams: their framing, members one after the other, and what follows them. */

#include <sys/mman.h>

#include "base/file.h"
#include "fuzz.h"
#include "store/decompress.h"

#define MUCH (4u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        autoclose int file = memfd_create("fuzz", MFD_CLOEXEC);
        Decompress *d = NULL;
        char buffer[4096];
        autoerr err = {};
        size_t total = 0;
        ssize_t n = 0;
        int r;

        must(file >= 0 && fd_write_all(file, data, size) >= 0 && lseek(file, 0, SEEK_SET) == 0);
        r = decompress_open(file, &d, &err);
        must_agree(r, &err);
        if (r < 0)
                return 0;
        while (total < MUCH && (n = decompress_read(d, buffer, sizeof buffer, &err)) > 0)
                total += (size_t) n;
        must(n >= 0 || err.message);
        decompress_free(d);
        return 0;
}
