/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Matches as bytes: 1.0's ofp_match (1.0.0, 5.2.3) and the OXM fields of 1.3 (7.2.3). */

#include <errno.h>
#include <string.h>

#include "openflow/match_fields.h"

#define MATCH_OXM    1
#define OXM_BASIC    0x8000
#define OXM_HAS_MASK 0x100
#define VLAN_NONE_10 0xffff
#define SIZE_10      40

/* Bits of 1.0's wildcards. */
#define ANY_IN_PORT  (1u << 0)
#define ANY_DL_VLAN  (1u << 1)
#define ANY_DL_SRC   (1u << 2)
#define ANY_DL_DST   (1u << 3)
#define ANY_DL_TYPE  (1u << 4)
#define ANY_NW_PROTO (1u << 5)
#define ANY_TP_SRC   (1u << 6)
#define ANY_TP_DST   (1u << 7)
#define NW_SRC_SHIFT 8
#define NW_DST_SHIFT 14
#define NW_BITS      63u
#define ANY_VLAN_PCP (1u << 20)
#define ANY_NW_TOS   (1u << 21)
#define ANY_ALL      ((1u << 22) - 1)

/* --- 1.3 --- */

/* A field may be several of OXM's, told apart by the protocol. */
static const struct {
        OfField field;
        uint8_t number, size, protocol;
} oxm[] = {
        { OF_IN_PORT, 0, 4, 0 },         { OF_METADATA, 2, 8, 0 },
        { OF_DL_DST, 3, 6, 0 },          { OF_DL_SRC, 4, 6, 0 },
        { OF_DL_TYPE, 5, 2, 0 },         { OF_DL_VLAN, 6, 2, 0 },
        { OF_DL_VLAN_PCP, 7, 1, 0 },     { OF_NW_TOS, 8, 1, 0 },
        { OF_NW_ECN, 9, 1, 0 },          { OF_NW_PROTO, 10, 1, 0 },
        { OF_NW_SRC, 11, 4, 0 },         { OF_NW_DST, 12, 4, 0 },
        { OF_TP_SRC, 13, 2, IP_TCP },    { OF_TP_DST, 14, 2, IP_TCP },
        { OF_TP_SRC, 15, 2, IP_UDP },    { OF_TP_DST, 16, 2, IP_UDP },
        { OF_TP_SRC, 17, 2, IP_SCTP },   { OF_TP_DST, 18, 2, IP_SCTP },
        { OF_TP_SRC, 19, 1, IP_ICMP },   { OF_TP_DST, 20, 1, IP_ICMP },
        { OF_ARP_OP, 21, 2, 0 },         { OF_ARP_SPA, 22, 4, 0 },
        { OF_ARP_TPA, 23, 4, 0 },        { OF_ARP_SHA, 24, 6, 0 },
        { OF_ARP_THA, 25, 6, 0 },        { OF_IPV6_SRC, 26, 16, 0 },
        { OF_IPV6_DST, 27, 16, 0 },      { OF_TP_SRC, 29, 1, IP_ICMPV6 },
        { OF_TP_DST, 30, 1, IP_ICMPV6 }, { OF_TUN_ID, 38, 8, 0 },
};

#define N_OXM (sizeof oxm / sizeof *oxm)

static int find_oxm(OfField field, uint64_t protocol) {
        for (size_t i = 0; i < N_OXM; i++)
                if (oxm[i].field == field && (!oxm[i].protocol || oxm[i].protocol == protocol))
                        return (int) i;
        return -EOPNOTSUPP;
}

/* A value of ours in the bytes that the wire has for it: TOS as DSCP, ICMP's types in one byte. */
static int to_wire(int row, const OfValue *value, uint8_t bytes[16]) {
        OfField field = oxm[row].field;
        uint64_t number;

        if (oxm[row].size == of_fields[field].size && field != OF_NW_TOS) {
                memcpy(bytes, value->bytes, oxm[row].size);
                return 0;
        }
        number = of_value_get(field, value);
        if (field == OF_NW_TOS)
                number >>= 2;
        if (number > UINT8_MAX)
                return -EOPNOTSUPP;
        *bytes = (uint8_t) number;
        return 0;
}

static int from_wire(int row, const uint8_t *bytes, OfValue *value) {
        OfField field = oxm[row].field;

        *value = (OfValue){};
        if (oxm[row].size == of_fields[field].size && field != OF_NW_TOS)
                memcpy(value->bytes, bytes, oxm[row].size);
        else if (field == OF_NW_TOS && *bytes > 63)
                return -EBADMSG;
        else
                of_value_set(field, value, field == OF_NW_TOS ? (uint64_t) *bytes << 2 : *bytes);
        return 0;
}

/* @mask: NULL where all bits matter. */
static int put_oxm(int row, const OfValue *value, const OfValue *mask, Str *out) {
        size_t size = oxm[row].size;
        uint8_t bytes[2][16] = {};
        int r = to_wire(row, value, bytes[0]);

        if (r >= 0 && mask)
                r = to_wire(row, mask, bytes[1]);
        if (r < 0)
                return r;
        of_put_u16(out, OXM_BASIC);
        of_put_u16(out, (uint16_t) (oxm[row].number << 9 | (mask ? OXM_HAS_MASK : 0) |
                                    (mask ? 2 * size : size)));
        str_put_bytes(out, bytes[0], size);
        if (mask)
                str_put_bytes(out, bytes[1], size);
        return 0;
}

int of_field_encode(OfField field, const OfValue *value, const OfMatch *match, Str *out) {
        int row = find_oxm(field, of_match_get(match, OF_NW_PROTO));

        return row < 0 ? row : put_oxm(row, value, NULL, out);
}

/* Returns the row, or -ENOENT for a field that is none of ours. */
static int find_number(unsigned oxm_class, unsigned number) {
        for (size_t i = 0; oxm_class == OXM_BASIC && i < N_OXM; i++)
                if (oxm[i].number == number)
                        return (int) i;
        return -ENOENT;
}

int of_field_decode(OfReader *r, OfField *field, OfValue *value, OfValue *mask) {
        unsigned oxm_class = of_get_u16(r), rest = of_get_u16(r);
        bool masked = rest & OXM_HAS_MASK;
        OfReader body = of_get_part(r, rest & 0xff);
        int row = find_number(oxm_class, rest >> 9), e;
        size_t size = row >= 0 ? oxm[row].size : 0;

        if (r->failed || (row >= 0 && body.left != (masked ? 2 * size : size)))
                return -EBADMSG;
        if (row < 0)
                return 0;
        *field = oxm[row].field;
        *mask = of_value_full(*field);
        e = from_wire(row, body.at, value);
        if (e < 0 || !masked)
                return e < 0 ? e : 1;
        e = from_wire(row, body.at + size, mask);
        return e < 0 ? e : 1;
}

static int encode_13(const OfMatch *match, Str *out, Err *err) {
        size_t begin = out->length;

        of_put_u16(out, MATCH_OXM);
        of_put_u16(out, 0);
        for (int i = 0; i < OF_N_FIELDS; i++) {
                OfField field = (OfField) i;
                const OfValue *value = &match->fields[i].value, *mask = &match->fields[i].mask;
                OfValue full = of_value_full(field);
                int row, r;

                if (!of_match_has(match, field))
                        continue;
                row = find_oxm(field, of_match_get(match, OF_NW_PROTO));
                r = row < 0 ? row
                            : put_oxm(row, value, of_value_equal(field, mask, &full) ? NULL : mask,
                                      out);
                if (r < 0)
                        return refuse(err, r, "'%s' cannot be so for that protocol",
                                      of_fields[i].name);
        }
        if (out->length - begin > UINT16_MAX)
                return refuse(err, EMSGSIZE, "the match is too long");
        of_patch_u16(out, begin + 2, (uint16_t) (out->length - begin));
        of_put_zeros(out, (8 - (out->length - begin) % 8) % 8);
        return 0;
}

static int decode_13(OfReader *r, OfMatch *ret) {
        uint16_t type = of_get_u16(r), length = of_get_u16(r);
        OfReader fields = of_get_part(r, length >= 4 ? length - 4u : 0);

        of_skip(r, (8 - length % 8u) % 8);
        if (type != MATCH_OXM || length < 4 || r->failed)
                return -EBADMSG;
        while (fields.left > 0) {
                OfField field;
                OfValue value, mask;
                int e = of_field_decode(&fields, &field, &value, &mask);

                if (e < 0 || (e > 0 && of_match_has(ret, field)))
                        return -EBADMSG;
                if (e == 0) {
                        ret->unknown++;
                        continue;
                }
                ret->has |= 1u << field;
                ret->fields[field].value = value;
                ret->fields[field].mask = mask;
        }
        return 0;
}

/* --- 1.0 --- */

/* What each field of ours has in the wildcards; 0 for what 1.0 does not have. */
static const uint32_t any[OF_N_FIELDS] = {
        [OF_IN_PORT] = ANY_IN_PORT,
        [OF_DL_DST] = ANY_DL_DST,
        [OF_DL_SRC] = ANY_DL_SRC,
        [OF_DL_TYPE] = ANY_DL_TYPE,
        [OF_DL_VLAN] = ANY_DL_VLAN,
        [OF_DL_VLAN_PCP] = ANY_VLAN_PCP,
        [OF_NW_TOS] = ANY_NW_TOS,
        [OF_NW_PROTO] = ANY_NW_PROTO,
        [OF_NW_SRC] = NW_BITS << NW_SRC_SHIFT,
        [OF_NW_DST] = NW_BITS << NW_DST_SHIFT,
        [OF_TP_SRC] = ANY_TP_SRC,
        [OF_TP_DST] = ANY_TP_DST,
        /* ARP's are in the places of IP's. */
        [OF_ARP_OP] = ANY_NW_PROTO,
        [OF_ARP_SPA] = NW_BITS << NW_SRC_SHIFT,
        [OF_ARP_TPA] = NW_BITS << NW_DST_SHIFT,
};

/* How many of the low bits of an address do not matter; -1 if the mask is no prefix. */
static int low_bits(const OfValue *mask) {
        uint32_t bits = (uint32_t) of_value_get(OF_NW_SRC, mask);
        int n = bits ? __builtin_ctz(bits) : 32;

        return n < 32 && bits != UINT32_MAX << n ? -1 : n;
}

/* Which bits of the wildcards stay for a field that is there; negative if 1.0 cannot say it. */
static int64_t wildcards_of(const OfMatch *match, OfField field) {
        const OfValue *mask = &match->fields[field].mask;
        OfValue full = of_value_full(field);
        uint32_t all = any[field];
        int low;

        if (all == NW_BITS << NW_SRC_SHIFT || all == NW_BITS << NW_DST_SHIFT) {
                low = low_bits(mask);
                return low < 0 ? -1 : (int64_t) low << (__builtin_ctz(all));
        }
        return all && of_value_equal(field, mask, &full) ? 0 : -1;
}

static int collect_wildcards(const OfMatch *match, uint32_t *ret, Err *err) {
        *ret = ANY_ALL;
        for (int i = 0; i < OF_N_FIELDS; i++) {
                int64_t kept;

                if (!of_match_has(match, (OfField) i))
                        continue;
                kept = wildcards_of(match, (OfField) i);
                if (kept < 0)
                        return refuse(err, EOPNOTSUPP, "OpenFlow 1.0 cannot match such a '%s'",
                                      of_fields[i].name);
                *ret = (*ret & ~any[i]) | (uint32_t) kept;
        }
        return 0;
}

static uint64_t either(const OfMatch *match, OfField a, OfField b) {
        return of_match_get(match, of_match_has(match, a) ? a : b);
}

static int encode_10(const OfMatch *match, Str *out, Err *err) {
        uint32_t wildcards, vlan = (uint32_t) of_match_get(match, OF_DL_VLAN);
        uint64_t protocol = either(match, OF_NW_PROTO, OF_ARP_OP);
        uint16_t port;
        int r = collect_wildcards(match, &wildcards, err);

        if (r < 0)
                return r;
        if (of_port_to_10((uint32_t) of_match_get(match, OF_IN_PORT), &port) < 0 ||
            protocol > UINT8_MAX)
                return refuse(err, EOPNOTSUPP, "OpenFlow 1.0 has no such large number for '%s'",
                              protocol > UINT8_MAX ? "arp_op" : "in_port");
        of_put_u32(out, wildcards);
        of_put_u16(out, port);
        str_put_bytes(out, match->fields[OF_DL_SRC].value.bytes, 6);
        str_put_bytes(out, match->fields[OF_DL_DST].value.bytes, 6);
        of_put_u16(out, of_match_has(match, OF_DL_VLAN) && !(vlan & OF_VLAN_PRESENT)
                                ? VLAN_NONE_10
                                : (uint16_t) (vlan & 0xfff));
        of_put_u8(out, (uint8_t) of_match_get(match, OF_DL_VLAN_PCP));
        of_put_zeros(out, 1);
        of_put_u16(out, (uint16_t) of_match_get(match, OF_DL_TYPE));
        of_put_u8(out, (uint8_t) of_match_get(match, OF_NW_TOS));
        of_put_u8(out, (uint8_t) protocol);
        of_put_zeros(out, 2);
        of_put_u32(out, (uint32_t) either(match, OF_NW_SRC, OF_ARP_SPA));
        of_put_u32(out, (uint32_t) either(match, OF_NW_DST, OF_ARP_TPA));
        of_put_u16(out, (uint16_t) of_match_get(match, OF_TP_SRC));
        of_put_u16(out, (uint16_t) of_match_get(match, OF_TP_DST));
        return 0;
}

static void set_address(OfMatch *match, OfField field, uint32_t address, unsigned low) {
        uint32_t mask = low >= 32 ? 0 : UINT32_MAX << low;

        if (mask == 0)
                return;
        of_match_set(match, field, address & mask);
        of_value_set(field, &match->fields[field].mask, mask);
}

static void set_unless(OfMatch *match, uint32_t wildcards, OfField field, uint64_t value) {
        if (!(wildcards & any[field]))
                of_match_set(match, field, value);
}

static int decode_10(OfReader *r, OfMatch *ret) {
        uint32_t wildcards = of_get_u32(r), port = of_port_from_10(of_get_u16(r)), address;
        const uint8_t *source = of_get(r, 6), *destination = of_get(r, 6);
        uint16_t vlan = of_get_u16(r), type;
        bool arp;

        set_unless(ret, wildcards, OF_IN_PORT, port);
        if (source && destination && !(wildcards & ANY_DL_SRC))
                of_match_set_mac(ret, OF_DL_SRC, source);
        if (source && destination && !(wildcards & ANY_DL_DST))
                of_match_set_mac(ret, OF_DL_DST, destination);
        set_unless(ret, wildcards, OF_DL_VLAN,
                   vlan == VLAN_NONE_10 ? 0 : (vlan & 0xfffu) | OF_VLAN_PRESENT);
        set_unless(ret, wildcards, OF_DL_VLAN_PCP, of_get_u8(r) & 7);
        of_skip(r, 1);
        type = of_get_u16(r);
        set_unless(ret, wildcards, OF_DL_TYPE, type);
        arp = of_match_get(ret, OF_DL_TYPE) == ETH_ARP;
        set_unless(ret, wildcards, OF_NW_TOS, of_get_u8(r) & ~3u);
        set_unless(ret, wildcards, arp ? OF_ARP_OP : OF_NW_PROTO, of_get_u8(r));
        of_skip(r, 2);
        address = of_get_u32(r);
        set_address(ret, arp ? OF_ARP_SPA : OF_NW_SRC, address,
                    wildcards >> NW_SRC_SHIFT & NW_BITS);
        address = of_get_u32(r);
        set_address(ret, arp ? OF_ARP_TPA : OF_NW_DST, address,
                    wildcards >> NW_DST_SHIFT & NW_BITS);
        set_unless(ret, wildcards, OF_TP_SRC, of_get_u16(r));
        set_unless(ret, wildcards, OF_TP_DST, of_get_u16(r));
        return r->failed ? -EBADMSG : 0;
}

int of_match_encode(const OfMatch *match, OfVersion version, Str *out, Err *err) {
        if (match->unknown)
                return refuse(err, EOPNOTSUPP, "the match has fields that are not known here");
        return version == OF_10 ? encode_10(match, out, err) : encode_13(match, out, err);
}

int of_match_decode(OfReader *r, OfVersion version, OfMatch *ret) {
        *ret = (OfMatch){};
        return version == OF_10 ? decode_10(r, ret) : decode_13(r, ret);
}
