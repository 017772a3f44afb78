/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Writing filters for isola
 *
 * A filter is a C function that looks at a packet and says whether it matches.
 * What happens to packets that match is said when the filter is attached.
 *
 *         #include "isola_filter.h"
 *
 *         ISOLA_PARAM(u16, port) = 23;
 *
 *         ISOLA_FILTER(telnet) {
 *                 return p->protocol == ISOLA_TCP && p->dport == port ? ISOLA_MATCH : ISOLA_PASS;
 *         }
 *
 *     clang -O2 -g -target bpf -I /usr/local/share/isola/filters -c telnet.c
 *
 * This header needs no other, neither the kernel's nor libbpf's.  -g is needed:
 * it brings the names and types by which isola reads and writes parameters and
 * maps.
 */

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wunused-variable"
#pragma clang diagnostic ignored "-Wunused-function"

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef signed short s16;
typedef signed int s32;
typedef signed long long s64;
#ifndef bool /* who includes <stdbool.h> and <stddef.h> before has these */
typedef _Bool bool;
#define true 1
#define false 0
#endif
#ifndef NULL
#define NULL ((void *) 0)
#endif

#define ISOLA_INLINE static inline __attribute__((always_inline))

/* What a filter returns. */
enum isola_verdict {
        ISOLA_PASS,     /* does not match: the next filter is asked */
        ISOLA_MATCH,    /* matches: what was said when the filter was attached */
        ISOLA_DROP,     /* the packet is gone */
        ISOLA_ACCEPT,   /* goes on, and no other filter is asked */
        ISOLA_MIRROR,   /* a copy leaves by the target, the next filter is asked */
        ISOLA_REDIRECT, /* leaves by the target instead */
        ISOLA_COUNT,    /* is counted as a match, the next filter is asked */
        ISOLA_FAILED,   /* only counted: a copy that could not be sent */
        ISOLA_VERDICTS, /* how many there are */
};

/* Numbers in network byte order: shown and taken as what they mean. */
typedef u16 isola_be16;
typedef u32 isola_be32;
/* An IPv4 address in network byte order. */
typedef u32 isola_ip4;
/* An address of either family; IPv4's as ::ffff:10.0.0.1, but shown and taken as 10.0.0.1. */
typedef struct isola_ip {
        u32 words[4];
} isola_ip;
/* Key of a map that is asked for the longest prefix, ISOLA_PREFIXES(): "10.0.0.0/8". */
typedef struct isola_prefix {
        u32 length; /* in bits; 96 more for IPv4 */
        isola_ip address;
} isola_prefix;
typedef struct isola_mac {
        u8 bytes[6];
} isola_mac;

/* struct __sk_buff of <linux/bpf.h>: what the kernel lets a program see of a packet. */
struct isola_skb {
        u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto;
        u32 priority, ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid, data, data_end;
        u32 napi_id, family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4];
        u32 remote_port, local_port, data_meta;
        u64 flow_keys, tstamp;
        u32 wire_len, gso_segs;
};
_Static_assert(__builtin_offsetof(struct isola_skb, gso_segs) == 164, "not the kernel's layout");

/*
 * A packet.  Numbers are in the machine's byte order; what a packet does not have is 0.  Offsets
 * count from its first byte, which is the Ethernet header's.
 */
struct isola_packet {
        struct isola_skb *skb;
        u32 interface; /* index of the one that the filter is attached to */
        u32 target;    /* of the one to mirror or redirect to; the filter may choose another */
        u32 length;    /* bytes, Ethernet header included */
        u32 segments;  /* frames that it will be on a wire: more than one where TCP was bundled */
        isola_mac smac, dmac;
        u16 ethertype; /* behind VLAN tags */
        u16 vlan;      /* id of the outermost tag */
        u8 family;     /* 4, 6, or 0 if it is not IP */
        u8 protocol;   /* ISOLA_TCP, …, behind IPv6's extension headers */
        u8 ttl, tos;
        u8 fragment;  /* 1: the first, 2: a later one, which has no transport header */
        u8 malformed; /* ends in the midst of a header */
        u8 tcp_flags; /* ISOLA_SYN, … */
        u8 icmp_type, icmp_code;
        isola_ip saddr, daddr;
        u16 sport, dport; /* an ICMP echo's identifier is in both */
        u16 window;
        u32 seq, ack;
        u32 network;   /* offset of the IP header */
        u32 transport; /* offset of TCP's, UDP's, ICMP's */
        u32 payload;   /* offset of what follows; 0 if not known */
        u32 end;       /* offset behind the IP packet: a short frame is filled up */
};

enum {
        ISOLA_IPV4 = 0x0800,
        ISOLA_ARP = 0x0806,
        ISOLA_VLAN = 0x8100,
        ISOLA_IPV6 = 0x86dd,
        ISOLA_QINQ = 0x88a8
};
enum { ISOLA_ICMP = 1, ISOLA_TCP = 6, ISOLA_UDP = 17, ISOLA_ICMP6 = 58, ISOLA_SCTP = 132 };
enum {
        ISOLA_FIN = 1,
        ISOLA_SYN = 2,
        ISOLA_RST = 4,
        ISOLA_PSH = 8,
        ISOLA_ACK = 16,
        ISOLA_URG = 32,
        ISOLA_ECE = 64,
        ISOLA_CWR = 128,
};

/* Maps ------------------------------------------------------------------------------------------
 */

#define isola_section(name) __attribute__((section(name), used))
#define ISOLA_MAP_(map, kind, key_type, value_type, n, flags) \
        struct {                                              \
                int (*type)[kind];                            \
                int (*max_entries)[n];                        \
                int (*map_flags)[flags];                      \
                typeof(key_type) *key;                        \
                typeof(value_type) *value;                    \
        } map isola_section(".maps")

/*
 * A map's name has at most 15 bytes.  A key must have no holes: fill them with members whose names
 * begin with '_', which isola neither shows nor asks for, and set them to 0.
 *
 * Maps of the same name are shared by all filters of the same name in a network namespace.
 */
/* Any key; full when it has n. */
#define ISOLA_HASH(map, key, value, n) ISOLA_MAP_(map, 1, key, value, n, 0)
/* Any key; those not used for the longest time make room for new ones. */
#define ISOLA_LRU(map, key, value, n) ISOLA_MAP_(map, 9, key, value, n, 0)
/* Keys from 0 to n - 1, all of which exist. */
#define ISOLA_ARRAY(map, value, n) ISOLA_MAP_(map, 2, u32, value, n, 0)
/* The same with a value for each processor. */
#define ISOLA_CPU_ARRAY(map, value, n) ISOLA_MAP_(map, 6, u32, value, n, 0)
/* Finds the longest prefix of an address; see isola_prefix_of(). */
#define ISOLA_PREFIXES(map, value, n) ISOLA_MAP_(map, 11, isola_prefix, value, n, 1)

static void *(*const isola_map_lookup)(void *map, const void *key) = (void *) 1;
static long (*const isola_map_update)(void *map, const void *key, const void *value,
                                      u64 flags) = (void *) 2;
static long (*const isola_map_delete)(void *map, const void *key) = (void *) 3;

/* The value of *k, or NULL. */
#define isola_get(map, k) ((typeof((map)->value)) isola_map_lookup(map, k))
/* Sets the value of *k to *v; 0, or a negative number if the map is full. */
#define isola_put(map, k, v)                               \
        ({                                                 \
                const typeof(*(map)->key) *put_k_ = (k);   \
                const typeof(*(map)->value) *put_v_ = (v); \
                isola_map_update(map, put_k_, put_v_, 0);  \
        })
/* The value of *k, a new one of zeros if there is none; NULL if the map is full. */
#define isola_get_or_add(map, k)                                                 \
        ({                                                                       \
                const typeof(*(map)->key) *add_k_ = (k);                         \
                typeof((map)->value) add_found_ = isola_map_lookup(map, add_k_); \
                if (!add_found_) {                                               \
                        typeof(*(map)->value) add_zero_;                         \
                        __builtin_memset(&add_zero_, 0, sizeof add_zero_);       \
                        isola_map_update(map, add_k_, &add_zero_, 1);            \
                        add_found_ = isola_map_lookup(map, add_k_);              \
                }                                                                \
                add_found_;                                                      \
        })
#define isola_delete(map, k) isola_map_delete(map, k)
/* Adds to a number that other processors change as well. */
#define isola_add(number, n) ((void) __sync_fetch_and_add(number, n))

/*
 * A loop over i from 0 to n - 1.  Older kernels' verifier takes one whose counter is in memory for
 * endless: copy i where its address is needed, as for a map's key.
 */
#define isola_in_register(i)                \
        ({                                  \
                asm volatile("" : "+r"(i)); \
                i;                          \
        })
#define isola_loop(i, n) \
        _Pragma("clang loop unroll(disable)") for (u32 i = 0; isola_in_register(i) < (n); i++)

/* Parameters ------------------------------------------------------------------------------------
 */

/*
 * A number (or struct) that is set when the filter is attached, by its name, and then constant;
 * what stands here is what it is otherwise:  ISOLA_PARAM(u64, rate) = 125000;
 */
#define ISOLA_PARAM(type, name) const volatile type name __attribute__((section(".rodata")))

/* What becomes of packets that match unless something else is said when the filter is attached:
 * drop, accept or count.  A filter defines it before it includes this file. */
#ifndef ISOLA_ACTION
#define ISOLA_ACTION ISOLA_COUNT
#endif

/* What isola sets for every filter. */
struct isola_config {
        enum isola_verdict action; /* of ISOLA_MATCH */
        u32 target;
        bool egress;
};
const volatile struct isola_config isola_config __attribute__((section(".rodata.isola"), used)) = {
        .action = ISOLA_ACTION,
};

/* Whether the filter sees what its interface sends, instead of what it receives. */
#define isola_egress() (isola_config.egress)

/* Time and chance -------------------------------------------------------------------------------
 */

static u64 (*const isola_ktime)(void) = (void *) 5;
static u32 (*const isola_prandom)(void) = (void *) 7;

/* Nanoseconds since the machine started, not counting sleep. */
#define isola_now()    isola_ktime()
#define isola_random() isola_prandom()
#define ISOLA_SECOND   1000000000ull

/* Bytes -----------------------------------------------------------------------------------------
 */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define isola_swap16(n) __builtin_bswap16(n)
#define isola_swap32(n) __builtin_bswap32(n)
#else
#define isola_swap16(n) ((u16) (n))
#define isola_swap32(n) ((u32) (n))
#endif

static long (*const isola_skb_load)(const struct isola_skb *skb, u32 offset, void *to,
                                    u32 size) = (void *) 26;

/* Copies what lies at an offset into *to; false if the packet ends before. */
#define isola_load(p, offset, to) (isola_skb_load((p)->skb, offset, to, sizeof *(to)) == 0)

/* An IPv4 address as isola_ip: isola_v4(10, 0, 0, 1). */
ISOLA_INLINE isola_ip isola_v4(u8 a, u8 b, u8 c, u8 d) {
        return (isola_ip){ { 0, 0, isola_swap32(0xffff),
                             isola_swap32((u32) a << 24 | (u32) b << 16 | (u32) c << 8 | d) } };
}

ISOLA_INLINE bool isola_same(const isola_ip *a, const isola_ip *b) {
        return ((a->words[0] ^ b->words[0]) | (a->words[1] ^ b->words[1]) |
                (a->words[2] ^ b->words[2]) | (a->words[3] ^ b->words[3])) == 0;
}

/* Key to look for the longest prefix of an address in ISOLA_PREFIXES(). */
ISOLA_INLINE isola_prefix isola_prefix_of(const isola_ip *address) {
        return (isola_prefix){ 128, *address };
}

/* Whether an address begins as the prefix does; one of length 0 fits both families. */
ISOLA_INLINE bool isola_within(const isola_ip *address, const isola_prefix *prefix) {
        u32 length = prefix->length, differ = 0;

#pragma clang loop unroll(full)
        for (u32 i = 0; i < 4; i++) {
                /* The prefix's bits in this word: a wide mask, moved by as many as are left. */
                u64 beyond = length > 32 * i ? length - 32 * i : 0;
                u64 mask = beyond >= 32 ? 0xffffffffull : 0xffffffff00000000ull >> beyond;

                differ |= (address->words[i] ^ prefix->address.words[i]) & isola_swap32((u32) mask);
        }
        return differ == 0;
}

/* Flows -----------------------------------------------------------------------------------------
 */

struct isola_flow {
        isola_ip saddr, daddr;
        u16 sport, dport;
        u8 protocol, _fill[3];
};

ISOLA_INLINE struct isola_flow isola_flow_of(const struct isola_packet *p) {
        return (struct isola_flow){ p->saddr, p->daddr, p->sport, p->dport, p->protocol, {} };
}

/* The same flow in the other direction. */
ISOLA_INLINE struct isola_flow isola_reverse(const struct isola_flow *flow) {
        return (struct isola_flow){ flow->daddr, flow->saddr,    flow->dport,
                                    flow->sport, flow->protocol, {} };
}

/* Reading headers -------------------------------------------------------------------------------
 */

struct isola_ethernet {
        isola_mac to, from;
        isola_be16 type;
};
struct isola_vlan {
        isola_be16 tag, type;
};
struct isola_ipv4 {
        u8 version_length, tos;
        isola_be16 length, id, fragment;
        u8 ttl, protocol;
        isola_be16 checksum;
        isola_ip4 from, to;
};
struct isola_ipv6 {
        isola_be32 version_class_flow;
        isola_be16 length;
        u8 next, hops;
        isola_ip from, to;
};
struct isola_tcp {
        isola_be16 from, to;
        isola_be32 seq, ack;
        u8 length, flags;
        isola_be16 window;
};

/* The first eight bytes are all that an ICMP error repeats of a transport header. */
ISOLA_INLINE void isola_parse_transport(struct isola_packet *p) {
        struct {
                isola_be16 from, to;
                isola_be32 rest;
        } ports;
        struct isola_tcp tcp;

        if (p->fragment == 2)
                return;
        if (p->protocol == ISOLA_TCP && isola_load(p, p->transport, &tcp)) {
                p->sport = isola_swap16(tcp.from);
                p->dport = isola_swap16(tcp.to);
                p->seq = isola_swap32(tcp.seq);
                p->ack = isola_swap32(tcp.ack);
                p->tcp_flags = tcp.flags;
                p->window = isola_swap16(tcp.window);
                p->payload = p->transport + (tcp.length >> 4) * 4;
                return;
        }
        if (p->protocol != ISOLA_TCP && p->protocol != ISOLA_UDP && p->protocol != ISOLA_SCTP &&
            p->protocol != ISOLA_ICMP && p->protocol != ISOLA_ICMP6)
                return;
        if (!isola_load(p, p->transport, &ports)) {
                p->malformed = 1;
                return;
        }
        if (p->protocol == ISOLA_ICMP || p->protocol == ISOLA_ICMP6) {
                u16 first = isola_swap16(ports.from);

                p->icmp_type = first >> 8;
                p->icmp_code = first & 0xff;
                if (p->protocol == ISOLA_ICMP ? p->icmp_type == 0 || p->icmp_type == 8
                                              : p->icmp_type == 128 || p->icmp_type == 129)
                        p->sport = p->dport = isola_swap32(ports.rest) >> 16;
                p->payload = p->transport + 8;
                return;
        }
        p->sport = isola_swap16(ports.from);
        p->dport = isola_swap16(ports.to);
        if (p->protocol == ISOLA_UDP)
                p->payload = p->transport + 8;
        else if (p->protocol == ISOLA_SCTP)
                p->payload = p->transport + 12;
}

ISOLA_INLINE void isola_parse_ipv4(struct isola_packet *p) {
        struct isola_ipv4 ip;
        u16 fragment;

        if (!isola_load(p, p->network, &ip)) {
                p->malformed = 1;
                return;
        }
        p->family = 4;
        p->tos = ip.tos;
        p->ttl = ip.ttl;
        p->protocol = ip.protocol;
        p->saddr = (isola_ip){ { 0, 0, isola_swap32(0xffff), ip.from } };
        p->daddr = (isola_ip){ { 0, 0, isola_swap32(0xffff), ip.to } };
        fragment = isola_swap16(ip.fragment);
        if (fragment & 0x1fff)
                p->fragment = 2;
        else if (fragment & 0x2000)
                p->fragment = 1;
        p->transport = p->network + (ip.version_length & 15) * 4;
        p->end = p->network + isola_swap16(ip.length);
        isola_parse_transport(p);
}

/* Goes past hop-by-hop options, routing, fragment and destination headers. */
ISOLA_INLINE void isola_parse_ipv6(struct isola_packet *p) {
        struct isola_ipv6 ip;
        struct {
                u8 next, length;
                isola_be16 fragment;
                isola_be32 id;
        } more;
        u8 next;

        if (!isola_load(p, p->network, &ip)) {
                p->malformed = 1;
                return;
        }
        p->family = 6;
        p->tos = isola_swap32(ip.version_class_flow) >> 20;
        p->ttl = ip.hops;
        p->saddr = ip.from;
        p->daddr = ip.to;
        p->transport = p->network + sizeof ip;
        p->end = p->transport + isola_swap16(ip.length);
        next = ip.next;
#pragma clang loop unroll(full)
        for (int i = 0; i < 4; i++) {
                if (next != 0 && next != 43 && next != 44 && next != 60)
                        break;
                if (!isola_load(p, p->transport, &more)) {
                        p->malformed = 1;
                        return;
                }
                if (next == 44)
                        p->fragment = isola_swap16(more.fragment) & 0xfff8 ? 2
                                      : isola_swap16(more.fragment) & 1    ? 1
                                                                           : 0;
                p->transport += next == 44 ? 8 : (more.length + 1) * 8;
                next = more.next;
        }
        p->protocol = next;
        isola_parse_transport(p);
}

ISOLA_INLINE void isola_parse(struct isola_packet *p, struct isola_skb *skb) {
        struct isola_ethernet ethernet;
        struct isola_vlan tag;

        __builtin_memset(p, 0, sizeof *p);
        p->skb = skb;
        p->interface = skb->ifindex;
        p->target = isola_config.target;
        p->length = skb->len;
        p->segments = skb->gso_segs ? skb->gso_segs : 1;
        if (!isola_load(p, 0, &ethernet)) {
                p->malformed = 1;
                return;
        }
        p->smac = ethernet.from;
        p->dmac = ethernet.to;
        p->ethertype = isola_swap16(ethernet.type);
        p->network = sizeof ethernet;
        /* The outermost tag is mostly not in the packet any more. */
        if (skb->vlan_present)
                p->vlan = skb->vlan_tci & 0xfff;
#pragma clang loop unroll(full)
        for (int i = 0; i < 2; i++) {
                if (p->ethertype != ISOLA_VLAN && p->ethertype != ISOLA_QINQ)
                        break;
                if (!isola_load(p, p->network, &tag)) {
                        p->malformed = 1;
                        return;
                }
                if (!p->vlan)
                        p->vlan = isola_swap16(tag.tag) & 0xfff;
                p->ethertype = isola_swap16(tag.type);
                p->network += sizeof tag;
        }
        if (p->ethertype == ISOLA_IPV4)
                isola_parse_ipv4(p);
        else if (p->ethertype == ISOLA_IPV6)
                isola_parse_ipv6(p);
}

/* Reads the packet that an ICMP error is about, as far as it is repeated; false if p is none. */
ISOLA_INLINE bool isola_inner(const struct isola_packet *p, struct isola_packet *inner) {
        bool error = p->protocol == ISOLA_ICMP
                             ? p->icmp_type == 3 || p->icmp_type == 11 || p->icmp_type == 12
                             : p->protocol == ISOLA_ICMP6 && p->icmp_type >= 1 && p->icmp_type <= 4;

        if (!error || !p->payload)
                return false;
        __builtin_memset(inner, 0, sizeof *inner);
        inner->skb = p->skb;
        inner->network = p->payload;
        if (p->family == 4)
                isola_parse_ipv4(inner);
        else
                isola_parse_ipv6(inner);
        return !inner->malformed && inner->family;
}

/* TCP options -----------------------------------------------------------------------------------
 */

/* Offset of a TCP header's first option; options end at p->payload. */
#define isola_tcp_options(p)  ((p)->transport + 20)
#define ISOLA_TCP_OPTIONS_MAX 40 /* bytes, so at most as many options */

/*
 * Reads the kind of the option at *offset and goes on to the next: 0 (end of the list), 1
 * (padding), 2 (MSS), 3 (window scale), 4 (SACK permitted), 5 (SACK), 8 (timestamps), …; -1 if
 * there is none.
 */
ISOLA_INLINE int isola_tcp_option(const struct isola_packet *p, u32 *offset) {
        u8 kind, length;

        if (*offset >= p->payload || !isola_load(p, *offset, &kind))
                return -1;
        if (kind <= 1) {
                *offset += 1;
                return kind;
        }
        if (!isola_load(p, *offset + 1, &length) || length < 2)
                return -1;
        *offset += length;
        return kind;
}

/* TCP timestamps (RFC 7323); false if the packet has none. */
ISOLA_INLINE bool isola_tcp_timestamps(const struct isola_packet *p, u32 *value, u32 *echo) {
        u32 at = isola_tcp_options(p), next = at;
        struct __attribute__((packed)) {
                u8 kind, length;
                isola_be32 value, echo;
        } option;

        if (p->protocol != ISOLA_TCP || !p->payload)
                return false;
        for (int i = 0; i < 12; i++) {
                int kind = isola_tcp_option(p, &next);

                if (kind <= 0)
                        return false;
                if (kind == 8 && isola_load(p, at, &option)) {
                        *value = isola_swap32(option.value);
                        *echo = isola_swap32(option.echo);
                        return true;
                }
                at = next;
        }
        return false;
}

/* The filter itself -----------------------------------------------------------------------------
 */

/* What isola reads to tell what a filter did: packets by verdict. */
struct isola_counter {
        u64 packets, bytes;
};
ISOLA_CPU_ARRAY(isola_stats, struct isola_counter, ISOLA_VERDICTS);

static long (*const isola_clone_redirect)(struct isola_skb *skb, u32 ifindex,
                                          u64 flags) = (void *) 13;
static long (*const isola_redirect)(u32 ifindex, u64 flags) = (void *) 23;

/* Carries a verdict out and counts it; returns what the kernel is told (TC_ACT_*). */
ISOLA_INLINE int isola_finish(struct isola_packet *p, u32 verdict) {
        struct isola_counter *counter;
        int result = -1;

        if (verdict == ISOLA_MATCH)
                verdict = isola_config.action;
        if (verdict >= ISOLA_FAILED || verdict == ISOLA_MATCH)
                verdict = ISOLA_PASS;
        if (verdict == ISOLA_DROP)
                result = 2;
        else if (verdict == ISOLA_ACCEPT)
                result = 0;
        else if (verdict == ISOLA_MIRROR && isola_clone_redirect(p->skb, p->target, 0) < 0)
                verdict = ISOLA_FAILED;
        else if (verdict == ISOLA_REDIRECT)
                result = (int) isola_redirect(p->target, 0);

        counter = isola_map_lookup(&isola_stats, &verdict);
        if (counter) {
                counter->packets += p->segments;
                counter->bytes += p->length;
        }
        return result;
}

/* ISOLA_FILTER(name) { … }: p is the packet, what is returned an enum isola_verdict. */
#define ISOLA_FILTER(name)                                                           \
        ISOLA_INLINE enum isola_verdict isola_filter_##name(struct isola_packet *p); \
        isola_section("tc") int name(struct isola_skb *skb) {                        \
                struct isola_packet packet;                                          \
                                                                                     \
                isola_parse(&packet, skb);                                           \
                return isola_finish(&packet, isola_filter_##name(&packet));          \
        }                                                                            \
        ISOLA_INLINE enum isola_verdict isola_filter_##name(                         \
                __attribute__((unused)) struct isola_packet *p)

/* The kernel gives clock and redirection only to programs under its own licence. */
char isola_license[] isola_section("license") = "GPL";

#pragma clang diagnostic pop
