/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Frames of nodes, the virtio_net_hdr first: taken apart, all of their payload is there once. */

#include "fuzz.h"
#include "wire/gso.h"

static Frame *read_frame(Pool *pool, const uint8_t *data, size_t size) {
        size_t length = size - FRAME_HEADER, head = length < FRAME_HEAD ? length : FRAME_HEAD;
        Frame *f = pool_take(pool);

        must(f);
        memcpy(f->data, data, FRAME_HEADER + head);
        f->head_length = (uint16_t) head;
        f->rest = pool_take_rest(pool);
        must(f->rest);
        f->rest_length = (uint32_t) (length - head);
        memcpy(f->rest, data + FRAME_HEADER + head, f->rest_length);
        return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint64_t bytes = 0;
        Pool pool;
        Frame *f;
        Gso g;

        if (size <= FRAME_HEADER || size > FRAME_HEADER + FRAME_HEAD + FRAME_REST)
                return 0;
        pool_init(&pool, 16 << 20);
        f = read_frame(&pool, data, size);
        g = gso_look(f);
        must(g.n >= 1 && g.size >= g.last_size);
        for (uint32_t i = 0; g.n > 1 && i < g.n;) {
                uint32_t count = i % 3 + 1 < g.n - i ? i % 3 + 1 : g.n - i;
                Frame *piece = gso_piece(&pool, f, &g, i, count);

                must(piece &&
                     frame_length(piece) == gso_bytes(&g, i, count) - (count - 1) * g.header);
                bytes += frame_length(piece) - g.header;
                frame_finish_checksum(piece);
                frame_flip(piece, i * 977);
                frame_release(&pool, piece);
                i += count;
        }
        must(g.n == 1 || bytes == frame_length(f) - g.header);
        frame_finish_checksum(f);
        frame_flip(f, size);
        frame_release(&pool, f);
        pool_clear(&pool);
        return 0;
}
