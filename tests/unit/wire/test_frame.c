/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "gso_frame.h"
#include "test.h"
#include "wire/frame.h"

TEST(slots_are_used_again_and_the_limit_is_kept) {
        Frame *first, *all[2000];
        Pool pool;
        int n = 0;

        pool_init(&pool, 3 << 20);
        first = pool_take(&pool);
        frame_release(&pool, first);
        expect(pool_take(&pool) == first);
        frame_release(&pool, first);
        while (n < 2000 && (all[n] = pool_take(&pool)))
                n++;
        expect(n == 3 * 512 && pool.bytes == 3 << 20 && !pool_take_rest(&pool));
        for (int i = 0; i < n; i++)
                frame_release(&pool, all[i]);
        expect(pool_take(&pool) && pool.bytes == 3 << 20);
        pool_clear(&pool);
}

TEST(rests_come_back_with_their_frame) {
        uint8_t *rests[2000];
        Pool pool;
        Frame *f;
        int n = 0;

        pool_init(&pool, 64 << 20);
        f = pool_take(&pool);
        f->rest = pool_take_rest(&pool);
        rests[0] = f->rest;
        frame_release(&pool, f);
        expect(pool_take_rest(&pool) == rests[0]);
        pool_put_rest(&pool, rests[0]);
        while (n < 2000 && (rests[n] = pool_take_rest(&pool))) {
                memset(rests[n], n, FRAME_REST);
                n++;
        }
        expect(n == 63 * 16);
        for (int i = 0; i < n; i++)
                pool_put_rest(&pool, rests[i]);
        expect(pool.n_free_rests == (size_t) n);
        pool_clear(&pool);
}

static Frame *make_udp(Pool *pool, size_t payload) {
        Frame *f = pool_take(pool);

        *frame_header(f) = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                                    .csum_start = 34,
                                                    .csum_offset = 6 };
        for (size_t i = 0; i < 42 + payload; i++)
                frame_bytes(f)[i] = (uint8_t) (i * 3);
        f->head_length = (uint16_t) (42 + payload);
        return f;
}

TEST(a_checksum_that_was_left_to_the_card_is_that_of_all_behind_it) {
        Pool pool;

        pool_init(&pool, 64 << 20);
        for (size_t payload = 0; payload < 40; payload++) {
                Frame *f = make_udp(&pool, payload);
                uint32_t pseudo = get16(frame_bytes(f) + 40); /* what the kernel puts there */

                frame_finish_checksum(f);
                expect(frame_header(f)->flags == 0);
                expect(sum16(pseudo, frame_bytes(f) + 34, 8 + payload) == 0xffff);
        }
        pool_clear(&pool);
}

TEST(a_checksum_of_zero_is_written_as_its_other_form) {
        Pool pool;
        Frame *f;

        pool_init(&pool, 64 << 20);
        f = make_udp(&pool, 2);
        memset(frame_bytes(f) + 34, 0, 10);
        put16(frame_bytes(f) + 42, 0xffff);
        frame_finish_checksum(f);
        expect(get16(frame_bytes(f) + 40) == 0xffff);
        pool_clear(&pool);
}

TEST(a_header_that_points_beyond_the_frame_changes_nothing) {
        uint8_t before[100];
        Pool pool;
        Frame *f;

        pool_init(&pool, 64 << 20);
        f = make_udp(&pool, 10);
        frame_header(f)->csum_start = 50;
        frame_header(f)->csum_offset = 65535;
        memcpy(before, frame_bytes(f), 52);
        frame_finish_checksum(f);
        expect(memcmp(before, frame_bytes(f), 52) == 0);
        pool_clear(&pool);
}

TEST(one_bit_behind_the_ethernet_header_turns_over) {
        Pool pool;
        Frame *f;

        pool_init(&pool, 64 << 20);
        f = make_udp(&pool, 10);
        for (uint64_t choice = 0; choice < 1000; choice++) {
                int differ = 0;

                frame_flip(f, choice * 0x9e3779b97f4a7c15);
                for (size_t i = 0; i < 52; i++)
                        differ += __builtin_popcount(frame_bytes(f)[i] ^ (uint8_t) (i * 3));
                expect(differ == 1 &&
                       memcmp(frame_bytes(f),
                              (uint8_t[]){ 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39 },
                              14) == 0);
                frame_flip(f, choice * 0x9e3779b97f4a7c15);
        }
        f->head_length = 14;
        frame_flip(f, 5);
        pool_clear(&pool);
}
