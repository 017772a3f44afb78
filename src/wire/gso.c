/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "wire/gso.h"

#define ETHERTYPE_IP4  0x0800
#define ETHERTYPE_IP6  0x86dd
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define IP6_HEADER     40
#define TCP_CHECKSUM   16 /* where in TCP's header */
#define TCP_FIN        0x01
#define TCP_PSH        0x08
#define TCP_CWR        0x80

static uint32_t get16(const uint8_t *p) {
        return (uint32_t) p[0] << 8 | p[1];
}

static void put16(uint8_t *p, uint32_t value) {
        p[0] = (uint8_t) (value >> 8);
        p[1] = (uint8_t) value;
}

static uint32_t get32(const uint8_t *p) {
        return get16(p) << 16 | get16(p + 2);
}

/* Finds the IP header and what kind it is; false: it is none, or not all of it is in the head. */
static bool find_network(const uint8_t *p, uint32_t length, Gso *g) {
        uint32_t at = 12, type = 0;

        while (at + 2 <= length) {
                type = get16(p + at);
                if (type != ETHERTYPE_VLAN && type != ETHERTYPE_QINQ)
                        break;
                at += 4;
        }
        g->network = at + 2;
        g->ip6 = type == ETHERTYPE_IP6;
        return (type == ETHERTYPE_IP6 || type == ETHERTYPE_IP4) &&
               g->network + (g->ip6 ? IP6_HEADER : 20) <= length;
}

Gso gso_look(Frame *f) {
        const struct virtio_net_hdr *header = frame_header(f);
        const uint8_t *p = frame_bytes(f);
        uint32_t length = frame_length(f), tcp = header->csum_start, ip, payload;
        Gso one = { .n = 1, .size = length, .last_size = length }, g = one;
        uint8_t type = header->gso_type & (uint8_t) ~VIRTIO_NET_HDR_GSO_ECN;

        if ((type != VIRTIO_NET_HDR_GSO_TCPV4 && type != VIRTIO_NET_HDR_GSO_TCPV6) ||
            !(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || header->gso_size == 0 ||
            header->csum_offset != TCP_CHECKSUM || !find_network(p, f->head_length, &g))
                return one;
        ip = g.ip6 ? IP6_HEADER : (p[g.network] & 15U) * 4;
        if (g.ip6 != (type == VIRTIO_NET_HDR_GSO_TCPV6) || ip < 20 || tcp < g.network + ip ||
            tcp + 20 > f->head_length)
                return one;
        g.header = tcp + (p[tcp + 12] >> 4) * 4U;
        if (g.header < tcp + 20 || g.header > f->head_length || g.header >= length)
                return one;
        g.payload = header->gso_size;
        payload = length - g.header;
        g.n = (payload + g.payload - 1) / g.payload;
        if (g.n < 2 || g.n > UINT16_MAX)
                return one;
        g.size = g.header + g.payload;
        g.last_size = g.header + payload - (g.n - 1) * g.payload;
        return g;
}

static void set_ip4(uint8_t *ip, uint32_t length, uint32_t first) {
        uint32_t header = (ip[0] & 15U) * 4, sum = 0;

        put16(ip + 2, length);
        put16(ip + 4, get16(ip + 4) + first);
        put16(ip + 10, 0);
        for (uint32_t i = 0; i < header; i += 2)
                sum += get16(ip + i);
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        put16(ip + 10, ~sum);
}

/* The checksum so far is that of the pseudo header, in which only the length changes. */
static void set_tcp(uint8_t *tcp, const Gso *g, uint32_t first, uint32_t count, uint32_t old_length,
                    uint32_t new_length) {
        uint32_t sequence = get32(tcp + 4) + first * g->payload;
        uint32_t sum = get16(tcp + TCP_CHECKSUM) + (~old_length & 0xffff) + new_length;

        put16(tcp + 4, sequence >> 16);
        put16(tcp + 6, sequence);
        if (first + count < g->n)
                tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
        if (first > 0)
                tcp[13] &= (uint8_t) ~TCP_CWR;
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        put16(tcp + TCP_CHECKSUM, sum);
}

Frame *gso_piece(Pool *pool, Frame *f, const Gso *g, uint32_t first, uint32_t count) {
        uint32_t payload = gso_bytes(g, first, count) - count * g->header;
        uint32_t tcp = frame_header(f)->csum_start, length = g->header + payload;
        Frame *piece = pool_take(pool);
        struct virtio_net_hdr *header;
        uint8_t *p;

        if (!piece)
                return NULL;
        memcpy(piece->data, f->data, FRAME_HEADER + (size_t) g->header);
        piece->head_length = (uint16_t) g->header;
        piece->parent = f->parent ? f->parent : f;
        piece->payload = (f->parent ? f->payload : g->header) + first * g->payload;
        piece->payload_length = payload;
        piece->parent->refs++;
        p = frame_bytes(piece);
        if (g->ip6)
                put16(p + g->network + 4, length - g->network - IP6_HEADER);
        else
                set_ip4(p + g->network, length - g->network, first);
        set_tcp(p + tcp, g, first, count, frame_length(f) - tcp, length - tcp);
        header = frame_header(piece);
        if (first > 0)
                header->gso_type &= (uint8_t) ~VIRTIO_NET_HDR_GSO_ECN;
        header->hdr_len = (uint16_t) g->header;
        if (count == 1) {
                header->gso_type = VIRTIO_NET_HDR_GSO_NONE;
                header->gso_size = 0;
        }
        return piece;
}
