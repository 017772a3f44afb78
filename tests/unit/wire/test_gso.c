/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "gso_frame.h"
#include "test.h"
#include "wire/gso.h"

static Pool pool;

/* A frame as it is after readv(). */
static Frame *read_frame(const uint8_t *bytes, size_t length) {
        size_t head = length - FRAME_HEADER;
        Frame *f = pool_take(&pool);

        f->head_length = (uint16_t) (head < FRAME_HEAD ? head : FRAME_HEAD);
        memcpy(f->data, bytes, FRAME_HEADER + (size_t) f->head_length);
        f->rest_length = (uint32_t) (head - f->head_length);
        f->rest = pool_take_rest(&pool);
        memcpy(f->rest, bytes + FRAME_HEADER + f->head_length, f->rest_length);
        return f;
}

static Frame *make(bool ip6, bool vlan, size_t payload) {
        static uint8_t bytes[70000];

        return read_frame(bytes, make_gso(bytes, ip6, vlan, payload));
}

static size_t gather(Frame *f, uint8_t *to) {
        struct iovec parts[FRAME_PARTS];
        size_t length = 0;
        int n = frame_parts(f, parts);

        for (int i = 0; i < n; i++) {
                memcpy(to + length, parts[i].iov_base, parts[i].iov_len);
                length += parts[i].iov_len;
        }
        return length;
}

/* Looks at one packet as its receiver would; returns its bytes of payload. */
static size_t check_packet(Frame *piece, const Gso *g, uint32_t number, bool ip6, bool vlan) {
        static uint8_t bytes[70000];
        size_t network = vlan ? 18 : 14, tcp = network + (ip6 ? 40 : 20), length;
        uint8_t *f = bytes + FRAME_HEADER;
        struct virtio_net_hdr header;
        uint32_t sum;
        size_t payload;

        frame_finish_checksum(piece);
        length = gather(piece, bytes) - FRAME_HEADER;
        payload = length - tcp - 32;
        memcpy(&header, bytes, sizeof header);
        expect(header.flags == 0 && header.gso_type == 0 && header.gso_size == 0);
        expect(length == (number + 1 == g->n ? g->last_size : g->size));
        if (ip6)
                expect(get16(f + network + 4) == 32 + payload);
        else {
                expect(get16(f + network + 2) == 52 + payload);
                expect(get16(f + network + 4) == ((IP_ID + number) & 0xffff));
                expect(sum16(0, f + network, 20) == 0xffff);
        }
        expect((get16(f + tcp + 4) << 16 | get16(f + tcp + 6)) == SEQUENCE + number * SEGMENT);
        expect((f[tcp + 13] & 0x80) == (number == 0 ? 0x80 : 0));
        expect((f[tcp + 13] & 0x09) == (number + 1 == g->n ? 0x09 : 0) && f[tcp + 13] & 0x10);
        sum = sum16(6 + (uint32_t) (32 + payload), f + network + (ip6 ? 8 : 12), ip6 ? 32 : 8);
        expect(sum16(sum, f + tcp, length - tcp) == 0xffff);
        for (size_t i = 0; i < payload; i++)
                expect(f[tcp + 32 + i] == payload_byte(number * SEGMENT + i));
        return payload;
}

static void check_frame(bool ip6, bool vlan, size_t payload) {
        Frame *f;
        size_t sum = 0;
        Gso g;

        pool_init(&pool, 64 << 20);
        f = make(ip6, vlan, payload);
        g = gso_look(f);
        expect(g.n == (payload + SEGMENT - 1) / SEGMENT);
        expect(gso_bytes(&g, 0, g.n) == payload + g.n * g.header);
        for (uint32_t i = 0; i < g.n; i++) {
                Frame *piece = gso_piece(&pool, f, &g, i, 1);

                sum += check_packet(piece, &g, i, ip6, vlan);
                frame_release(&pool, piece);
        }
        expect(sum == payload && f->refs == 1);
        frame_release(&pool, f);
        expect(pool.free_frames == f);
        pool_clear(&pool);
}

TEST(each_packet_of_a_frame_is_what_a_receiver_expects) {
        check_frame(false, false, 64000);
        check_frame(false, true, 10001);
        check_frame(true, false, 33000);
        check_frame(true, true, 1500);
}

TEST(a_piece_of_several_packets_is_a_frame_that_can_be_taken_apart_again) {
        static uint8_t bytes[70000];
        Frame *f, *middle;
        Gso g, inner;

        pool_init(&pool, 64 << 20);
        f = make(false, false, 9500);
        g = gso_look(f);
        middle = gso_piece(&pool, f, &g, 3, 4);
        inner = gso_look(middle);
        expect(inner.n == 4 && inner.size == g.size && inner.last_size == g.size);
        expect(frame_length(middle) == g.header + 4 * SEGMENT);
        expect(frame_header(middle)->gso_size == SEGMENT);
        expect(frame_header(middle)->flags == VIRTIO_NET_HDR_F_NEEDS_CSUM);
        frame_release(&pool, f);
        expect(f->refs == 1); /* the piece's */
        middle = read_frame(bytes, gather(middle, bytes));
        for (uint32_t i = 0; i < 4; i++) {
                Frame *piece = gso_piece(&pool, middle, &inner, i, 1);

                check_packet(piece, &g, 3 + i, false, false);
                frame_release(&pool, piece);
        }
        pool_clear(&pool);
}

TEST(frames_that_are_none_of_tcp_or_lie_about_themselves_are_one_packet) {
        Frame *f;

        pool_init(&pool, 64 << 20);
        f = make(false, false, 9500);
        expect(gso_look(f).n == 10);
        frame_header(f)->gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
        expect(gso_look(f).n == 1);
        frame_header(f)->gso_type = 5; /* UDP of Linux 6.2 */
        expect(gso_look(f).n == 1);
        frame_header(f)->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
        frame_header(f)->gso_size = 0;
        expect(gso_look(f).n == 1);
        frame_header(f)->gso_size = SEGMENT;
        for (int csum_start = 0; csum_start < 34; csum_start++) {
                frame_header(f)->csum_start = (uint16_t) csum_start;
                expect(gso_look(f).n == 1);
        }
        frame_header(f)->csum_start = 0xffff;
        expect(gso_look(f).n == 1);
        frame_header(f)->csum_start = 34;
        frame_bytes(f)[14] = 0x4f; /* an IP header that goes beyond TCP's */
        expect(gso_look(f).n == 1);
        frame_bytes(f)[14] = 0x45;
        frame_bytes(f)[34 + 12] = 0x10; /* a TCP header of four bytes */
        expect(gso_look(f).n == 1);
        frame_bytes(f)[34 + 12] = 0x80;
        f->head_length = 40; /* headers that are not all there */
        expect(gso_look(f).n == 1);
        pool_clear(&pool);
}

TEST(without_memory_there_is_no_piece) {
        Frame *f;
        Gso g;

        pool_init(&pool, 2 << 20);
        f = make(false, false, 9500);
        g = gso_look(f);
        while (pool_take(&pool))
                ;
        expect(!gso_piece(&pool, f, &g, 0, 1) && f->refs == 1);
        pool_clear(&pool);
}
