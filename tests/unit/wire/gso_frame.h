/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Makes TCP's frames as a TAP device gives them, for tests. */

#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#include "wire/frame.h"

#define SEGMENT  1000 /* bytes of payload in each packet */
#define SEQUENCE 0xfffffff0U
#define IP_ID    0xfffe

static inline void put16(uint8_t *p, uint32_t v) {
        p[0] = (uint8_t) (v >> 8);
        p[1] = (uint8_t) v;
}
static inline uint32_t get16(const uint8_t *p) {
        return (uint32_t) p[0] << 8 | p[1];
}
static inline uint32_t sum16(uint32_t sum, const uint8_t *p, size_t n) {
        for (; n > 1; n -= 2, p += 2)
                sum += get16(p);
        if (n)
                sum += (uint32_t) *p << 8;
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return sum;
}

static inline uint8_t payload_byte(size_t i) {
        return (uint8_t) (i * 7 + i / 256);
}

/* Fills @p with virtio_net_hdr, Ethernet, IP and TCP with @payload bytes; returns the length. */
static inline size_t make_gso(uint8_t *p, bool ip6, bool vlan, size_t payload) {
        struct virtio_net_hdr header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                         .gso_type = ip6 ? VIRTIO_NET_HDR_GSO_TCPV6
                                                         : VIRTIO_NET_HDR_GSO_TCPV4,
                                         .gso_size = SEGMENT,
                                         .csum_offset = 16 };
        size_t network = vlan ? 18 : 14, tcp = network + (ip6 ? 40 : 20), headers = tcp + 32;
        uint8_t *f = p + FRAME_HEADER, *addresses = f + network + (ip6 ? 8 : 12);
        uint32_t sum;

        memset(p, 0, FRAME_HEADER + headers);
        header.csum_start = (uint16_t) tcp;
        header.hdr_len = (uint16_t) headers;
        memcpy(p, &header, sizeof header);
        if (vlan)
                put16(f + 12, 0x8100);
        put16(f + network - 2, ip6 ? 0x86dd : 0x0800);
        if (ip6) {
                f[network] = 0x60;
                put16(f + network + 4, (uint32_t) (32 + payload));
                f[network + 6] = 6;
        } else {
                f[network] = 0x45;
                put16(f + network + 2, (uint32_t) (52 + payload));
                put16(f + network + 4, IP_ID);
                f[network + 9] = 6;
        }
        for (size_t i = 0; i < (ip6 ? 32U : 8U); i++)
                addresses[i] = (uint8_t) (0x20 + i);
        if (!ip6)
                put16(f + network + 10, ~sum16(0, f + network, 20));
        put16(f + tcp + 4, SEQUENCE >> 16);
        put16(f + tcp + 6, SEQUENCE & 0xffff);
        f[tcp + 12] = 0x80;
        f[tcp + 13] = 0x80 | 0x10 | 0x08 | 0x01; /* CWR ACK PSH FIN */
        sum = sum16(6, addresses, ip6 ? 32 : 8);
        put16(f + tcp + 16,
              sum16(sum, (uint8_t[2]){ (uint8_t) ((32 + payload) >> 8), (uint8_t) (32 + payload) },
                    2));
        for (size_t i = 0; i < payload; i++)
                f[headers + i] = payload_byte(i);
        return FRAME_HEADER + headers + payload;
}
