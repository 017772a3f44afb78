/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Archives: entries have names and sizes, and their contents are as long as they say. */

#include "fuzz.h"
#include "store/tar_read.h"

typedef struct Bytes {
        const uint8_t *next;
        size_t left;
} Bytes;

static ssize_t take(void *context, void *buffer, size_t n, Err *err) {
        Bytes *b = context;

        n = n < b->left ? n : b->left;
        memcpy(buffer, b->next, n);
        b->next += n;
        b->left -= n;
        return (ssize_t) n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Bytes bytes = { data, size };
        autoptr(TarReader) reader = NULL;
        autoerr err = {};
        const TarEntry *entry;
        int r;

        must(tar_reader_new(take, &bytes, &reader, NULL) >= 0);
        while ((r = tar_next(reader, &entry, &err)) > 0) {
                char buffer[1000];
                int64_t read = 0;
                ssize_t n;

                must(entry->name && entry->link && entry->size >= 0);
                while ((n = tar_read(reader, buffer, sizeof buffer, NULL)) > 0)
                        read += n;
                must(read <= entry->size && (size_t) read <= size);
                if (n < 0)
                        break;
        }
        if (r <= 0)
                must_agree(r, &err);
        return 0;
}
