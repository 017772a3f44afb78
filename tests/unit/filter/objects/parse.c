/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tells what it is told of a packet. */

#include "isola_filter.h"

struct told {
        u32 length, segments, interface;
        u16 ethertype, vlan, sport, dport, window;
        u8 family, protocol, ttl, tos, fragment, malformed, tcp_flags, icmp_type, icmp_code;
        bool egress, inner;
        u8 _fill[3];
        isola_mac smac, dmac;
        isola_ip saddr, daddr, inner_daddr;
        u32 seq, ack, network, transport, payload, end;
        u16 inner_dport;
};

ISOLA_ARRAY(last, struct told, 1);

ISOLA_FILTER(parse) {
        struct isola_packet inner;
        u32 key = 0;
        struct told *told = isola_get(&last, &key);

        if (!told)
                return ISOLA_PASS;
        __builtin_memset(told, 0, sizeof *told);
        told->length = p->length;
        told->segments = p->segments;
        told->interface = p->interface;
        told->ethertype = p->ethertype;
        told->vlan = p->vlan;
        told->sport = p->sport;
        told->dport = p->dport;
        told->window = p->window;
        told->family = p->family;
        told->protocol = p->protocol;
        told->ttl = p->ttl;
        told->tos = p->tos;
        told->fragment = p->fragment;
        told->malformed = p->malformed;
        told->tcp_flags = p->tcp_flags;
        told->icmp_type = p->icmp_type;
        told->icmp_code = p->icmp_code;
        told->egress = isola_egress();
        told->smac = p->smac;
        told->dmac = p->dmac;
        told->saddr = p->saddr;
        told->daddr = p->daddr;
        told->seq = p->seq;
        told->ack = p->ack;
        told->network = p->network;
        told->transport = p->transport;
        told->payload = p->payload;
        told->end = p->end;
        if (isola_inner(p, &inner)) {
                told->inner = true;
                told->inner_daddr = inner.daddr;
                told->inner_dport = inner.dport;
        }
        return ISOLA_MATCH;
}
