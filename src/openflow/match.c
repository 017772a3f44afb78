/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "openflow/match_fields.h"

const OfFieldInfo of_fields[OF_N_FIELDS] = {
        [OF_IN_PORT] = { "in_port", NULL, 4, 32, OF_KIND_PORT, false },
        [OF_METADATA] = { "metadata", NULL, 8, 64, OF_KIND_HEX, true },
        [OF_DL_DST] = { "dl_dst", "eth_dst", 6, 48, OF_KIND_MAC, true },
        [OF_DL_SRC] = { "dl_src", "eth_src", 6, 48, OF_KIND_MAC, true },
        [OF_DL_TYPE] = { "dl_type", "eth_type", 2, 16, OF_KIND_HEX, false },
        [OF_DL_VLAN] = { "dl_vlan", "vlan_vid", 2, 13, OF_KIND_VLAN, true },
        [OF_DL_VLAN_PCP] = { "dl_vlan_pcp", "vlan_pcp", 1, 3, OF_KIND_NUMBER, false },
        [OF_NW_TOS] = { "nw_tos", NULL, 1, 8, OF_KIND_NUMBER, false },
        [OF_NW_ECN] = { "nw_ecn", "ip_ecn", 1, 2, OF_KIND_NUMBER, false },
        [OF_NW_PROTO] = { "nw_proto", "ip_proto", 1, 8, OF_KIND_NUMBER, false },
        [OF_NW_SRC] = { "nw_src", "ip_src", 4, 32, OF_KIND_IPV4, true },
        [OF_NW_DST] = { "nw_dst", "ip_dst", 4, 32, OF_KIND_IPV4, true },
        [OF_TP_SRC] = { "tp_src", NULL, 2, 16, OF_KIND_NUMBER, true },
        [OF_TP_DST] = { "tp_dst", NULL, 2, 16, OF_KIND_NUMBER, true },
        [OF_ARP_OP] = { "arp_op", NULL, 2, 16, OF_KIND_NUMBER, false },
        [OF_ARP_SPA] = { "arp_spa", NULL, 4, 32, OF_KIND_IPV4, true },
        [OF_ARP_TPA] = { "arp_tpa", NULL, 4, 32, OF_KIND_IPV4, true },
        [OF_ARP_SHA] = { "arp_sha", NULL, 6, 48, OF_KIND_MAC, true },
        [OF_ARP_THA] = { "arp_tha", NULL, 6, 48, OF_KIND_MAC, true },
        [OF_IPV6_SRC] = { "ipv6_src", NULL, 16, 128, OF_KIND_IPV6, true },
        [OF_IPV6_DST] = { "ipv6_dst", NULL, 16, 128, OF_KIND_IPV6, true },
        [OF_TUN_ID] = { "tun_id", "tunnel_id", 8, 64, OF_KIND_HEX, true },
};

/* Words for a dl_type and perhaps a nw_proto; the more special ones first. */
static const struct {
        const char *word;
        uint16_t type;
        uint8_t protocol;
} words[] = {
        { "tcp", ETH_IPV4, IP_TCP },
        { "udp", ETH_IPV4, IP_UDP },
        { "icmp", ETH_IPV4, IP_ICMP },
        { "sctp", ETH_IPV4, IP_SCTP },
        { "tcp6", ETH_IPV6, IP_TCP },
        { "udp6", ETH_IPV6, IP_UDP },
        { "icmp6", ETH_IPV6, IP_ICMPV6 },
        { "sctp6", ETH_IPV6, IP_SCTP },
        { "ip", ETH_IPV4, 0 },
        { "ipv6", ETH_IPV6, 0 },
        { "arp", ETH_ARP, 0 },
};

/* Other names of tp_src and tp_dst, which say themselves what they are of. */
static const struct {
        const char *word;
        OfField field;
} other_names[] = {
        { "tcp_src", OF_TP_SRC },     { "tcp_dst", OF_TP_DST },     { "udp_src", OF_TP_SRC },
        { "udp_dst", OF_TP_DST },     { "icmp_type", OF_TP_SRC },   { "icmp_code", OF_TP_DST },
        { "icmpv6_type", OF_TP_SRC }, { "icmpv6_code", OF_TP_DST },
};

/* --- values --- */

void of_value_set(OfField field, OfValue *value, uint64_t number) {
        size_t size = of_fields[field].size;

        *value = (OfValue){};
        for (size_t i = size; i-- > 0; number >>= 8)
                value->bytes[i] = (uint8_t) number;
}

uint64_t of_value_get(OfField field, const OfValue *value) {
        uint64_t number = 0;

        for (size_t i = 0; i < of_fields[field].size; i++)
                number = number << 8 | value->bytes[i];
        return number;
}

OfValue of_value_full(OfField field) {
        OfValue full = {};

        if (of_fields[field].bits == of_fields[field].size * 8)
                memset(full.bytes, 0xff, of_fields[field].size);
        else
                of_value_set(field, &full, (1u << of_fields[field].bits) - 1);
        return full;
}

bool of_value_equal(OfField field, const OfValue *a, const OfValue *b) {
        return memcmp(a->bytes, b->bytes, of_fields[field].size) == 0;
}

void of_match_set(OfMatch *match, OfField field, uint64_t value) {
        match->has |= 1u << field;
        of_value_set(field, &match->fields[field].value, value);
        match->fields[field].mask = of_value_full(field);
}

void of_match_set_mac(OfMatch *match, OfField field, const uint8_t mac[6]) {
        match->has |= 1u << field;
        match->fields[field].value = (OfValue){};
        memcpy(match->fields[field].value.bytes, mac, 6);
        match->fields[field].mask = of_value_full(field);
}

uint64_t of_match_get(const OfMatch *match, OfField field) {
        return of_match_has(match, field) ? of_value_get(field, &match->fields[field].value) : 0;
}

int of_field_find(const char *name, OfField *ret) {
        for (int i = 0; i < OF_N_FIELDS; i++)
                if (str_equal(name, of_fields[i].name) ||
                    (of_fields[i].newer && str_equal(name, of_fields[i].newer))) {
                        *ret = (OfField) i;
                        return 0;
                }
        for (size_t i = 0; i < sizeof other_names / sizeof *other_names; i++)
                if (str_equal(name, other_names[i].word)) {
                        *ret = other_names[i].field;
                        return 0;
                }
        return -ENOENT;
}

const char *of_field_name(OfField field) {
        return of_fields[field].name;
}

/* --- values as text --- */

static int parse_number(const char *text, unsigned bits, uint64_t *ret) {
        char *end;
        uint64_t value;

        if (*text < '0' || *text > '9')
                return -EINVAL;
        errno = 0;
        value = strtoull(text, &end, 0);
        if (errno || *end)
                return -EINVAL;
        if (bits < 64 && value >> bits)
                return -ERANGE;
        *ret = value;
        return 0;
}

static int parse_mac(const char *text, uint8_t mac[6]) {
        unsigned b[6];
        int n = 0;

        if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", b, b + 1, b + 2, b + 3, b + 4, b + 5, &n) !=
                    6 ||
            text[n])
                return -EINVAL;
        for (int i = 0; i < 6; i++)
                mac[i] = (uint8_t) b[i];
        return 0;
}

static int parse_plain(OfField field, const char *text, OfValue *ret) {
        const OfFieldInfo *info = &of_fields[field];
        uint64_t number;
        uint32_t port;
        int r;

        *ret = (OfValue){};
        switch (info->kind) {
        case OF_KIND_MAC:
                return parse_mac(text, ret->bytes);
        case OF_KIND_IPV4:
                return inet_pton(AF_INET, text, ret->bytes) == 1 ? 0 : -EINVAL;
        case OF_KIND_IPV6:
                return inet_pton(AF_INET6, text, ret->bytes) == 1 ? 0 : -EINVAL;
        case OF_KIND_PORT:
                r = of_port_parse(text, &port);
                number = port;
                break;
        default:
                r = parse_number(text, info->bits, &number);
        }
        if (r >= 0)
                of_value_set(field, ret, number);
        return r;
}

static void prefix_mask(OfField field, unsigned length, OfValue *mask) {
        *mask = (OfValue){};
        for (unsigned i = 0; i < length && i < of_fields[field].bits; i++)
                mask->bytes[i / 8] |= (uint8_t) (0x80 >> i % 8);
}

/* "/24" where addresses are meant, else a mask like a value. */
static int parse_mask(OfField field, const char *text, OfValue *mask) {
        const OfFieldInfo *info = &of_fields[field];
        int length;

        if ((info->kind == OF_KIND_IPV4 || info->kind == OF_KIND_IPV6) &&
            parse_int(text, 0, info->bits, &length) >= 0) {
                prefix_mask(field, (unsigned) length, mask);
                return 0;
        }
        return parse_plain(field, text, mask);
}

int of_field_parse(OfField field, const char *text, OfValue *value, OfValue *mask) {
        const char *slash = strchr(text, '/');
        autofree char *plain = NULL;
        int r;

        if (mask)
                *mask = of_value_full(field);
        if (!slash)
                return parse_plain(field, text, value);
        if (!mask || !of_fields[field].maskable)
                return -EINVAL;
        plain = strndup(text, (size_t) (slash - text));
        if (!plain)
                return -ENOMEM;
        r = parse_plain(field, plain, value);
        if (r >= 0)
                r = parse_mask(field, slash + 1, mask);
        /* What the mask leaves out does not matter, and must be zero (1.3, 7.2.3.5). */
        for (size_t i = 0; r >= 0 && i < of_fields[field].size; i++)
                value->bytes[i] &= mask->bytes[i];
        return r;
}

void of_field_text(OfField field, const OfValue *value, Str *out) {
        const uint8_t *b = value->bytes;
        char address[INET6_ADDRSTRLEN];

        switch (of_fields[field].kind) {
        case OF_KIND_MAC:
                str_printf(out, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
                           b[5]);
                return;
        case OF_KIND_IPV4:
                str_put(out, inet_ntop(AF_INET, b, address, sizeof address));
                return;
        case OF_KIND_IPV6:
                str_put(out, inet_ntop(AF_INET6, b, address, sizeof address));
                return;
        case OF_KIND_PORT:
                of_port_text((uint32_t) of_value_get(field, value), out);
                return;
        case OF_KIND_HEX:
        case OF_KIND_VLAN:
                str_printf(out, "0x%0*" PRIx64, field == OF_DL_TYPE ? 4 : 1,
                           of_value_get(field, value));
                return;
        case OF_KIND_NUMBER:
                str_printf(out, "%" PRIu64, of_value_get(field, value));
        }
}

/* --- matches as text --- */

/* dl_vlan says the id alone, or 0xffff; vlan_vid the field as it is. */
static int put_vlan(OfMatch *match, const char *text) {
        uint64_t id;
        int r = parse_number(text, 16, &id);

        if (r < 0)
                return r;
        if (id > 4095 && id != 0xffff)
                return -ERANGE;
        of_match_set(match, OF_DL_VLAN, id == 0xffff ? 0 : id | OF_VLAN_PRESENT);
        return 0;
}

static int put_short_word(OfMatch *match, const char *key, Err *err) {
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (str_equal(key, words[i].word)) {
                        of_match_set(match, OF_DL_TYPE, words[i].type);
                        if (words[i].protocol)
                                of_match_set(match, OF_NW_PROTO, words[i].protocol);
                        return 0;
                }
        return of_field_find(key, &(OfField){ 0 }) < 0
                       ? -ENOENT
                       : refuse(err, EINVAL, "'%s' has no value", key);
}

int of_match_put_word(OfMatch *match, const char *key, const char *value, Err *err) {
        OfField field;
        int r;

        if (!value)
                return put_short_word(match, key, err);
        r = of_field_find(key, &field);
        if (r < 0)
                return r;
        if (of_match_has(match, field))
                return refuse(err, EINVAL, "'%s' is there twice", key);
        if (str_equal(key, "dl_vlan"))
                r = put_vlan(match, value);
        else
                r = of_field_parse(field, value, &match->fields[field].value,
                                   &match->fields[field].mask);
        if (r == -ERANGE)
                return refuse(err, EINVAL, "'%s=%s': the number is too large", key, value);
        if (r < 0)
                return refuse(err, EINVAL, "'%s=%s': there is no such value", key, value);
        if (field == OF_NW_TOS && of_value_get(field, &match->fields[field].value) & 3)
                return refuse(err, EINVAL, "'%s=%s': the lowest two bits are nw_ecn's", key, value);
        match->has |= 1u << field;
        return 0;
}

static bool is_ip(const OfMatch *match) {
        uint64_t type = of_match_get(match, OF_DL_TYPE);

        return type == ETH_IPV4 || type == ETH_IPV6;
}

/* What is missing for a field to mean something, or NULL. */
static const char *needed_by(const OfMatch *match, OfField field) {
        uint64_t type = of_match_get(match, OF_DL_TYPE),
                 protocol = of_match_get(match, OF_NW_PROTO);

        switch (field) {
        case OF_DL_VLAN_PCP:
                return of_match_get(match, OF_DL_VLAN) & OF_VLAN_PRESENT ? NULL : "dl_vlan";
        case OF_NW_TOS:
        case OF_NW_ECN:
        case OF_NW_PROTO:
                return is_ip(match) ? NULL : "ip or ipv6";
        case OF_NW_SRC:
        case OF_NW_DST:
                return type == ETH_IPV4 ? NULL : "ip";
        case OF_IPV6_SRC:
        case OF_IPV6_DST:
                return type == ETH_IPV6 ? NULL : "ipv6";
        case OF_ARP_OP:
        case OF_ARP_SPA:
        case OF_ARP_TPA:
        case OF_ARP_SHA:
        case OF_ARP_THA:
                return type == ETH_ARP ? NULL : "arp";
        case OF_TP_SRC:
        case OF_TP_DST:
                return protocol == IP_TCP || protocol == IP_UDP || protocol == IP_SCTP ||
                                       (protocol == IP_ICMP && type == ETH_IPV4) ||
                                       (protocol == IP_ICMPV6 && type == ETH_IPV6)
                               ? NULL
                               : "tcp, udp, sctp or icmp";
        default:
                return NULL;
        }
}

int of_match_check(const OfMatch *match, Err *err) {
        for (int i = 0; i < OF_N_FIELDS; i++) {
                const char *needed =
                        of_match_has(match, (OfField) i) ? needed_by(match, (OfField) i) : NULL;

                if (needed)
                        return refuse(err, EINVAL, "'%s' has no meaning without %s",
                                      of_fields[i].name, needed);
        }
        return 0;
}

/* The word that says dl_type, and if there is one for both, nw_proto; or NULL. */
static const char *short_word(const OfMatch *match, bool *ret_protocol) {
        uint64_t type = of_match_get(match, OF_DL_TYPE),
                 protocol = of_match_get(match, OF_NW_PROTO);

        *ret_protocol = false;
        for (size_t i = 0; type && i < sizeof words / sizeof *words; i++) {
                *ret_protocol = words[i].protocol != 0;
                if (words[i].type == type && (!*ret_protocol || words[i].protocol == protocol))
                        return words[i].word;
        }
        return NULL;
}

static void put_comma(Str *out, size_t begin) {
        if (out->length > begin)
                str_put_char(out, ',');
}

static void vlan_text(const OfMatch *match, Str *out) {
        const OfValue *value = &match->fields[OF_DL_VLAN].value,
                      *mask = &match->fields[OF_DL_VLAN].mask;
        unsigned vlan = (unsigned) of_value_get(OF_DL_VLAN, value),
                 bits = (unsigned) of_value_get(OF_DL_VLAN, mask);

        if (bits == OF_VLAN_MASK && vlan == 0)
                str_put(out, "dl_vlan=0xffff");
        else if (bits == OF_VLAN_MASK && vlan & OF_VLAN_PRESENT)
                str_printf(out, "dl_vlan=%u", vlan & ~OF_VLAN_PRESENT);
        else
                str_printf(out, "vlan_vid=0x%x/0x%x", vlan, bits);
}

/* The length of a prefix, or -1 if the mask is none. */
static int prefix_length(OfField field, const OfValue *mask) {
        OfValue prefix;
        int n = 0;

        while (n < of_fields[field].bits && mask->bytes[n / 8] & 0x80 >> n % 8)
                n++;
        prefix_mask(field, (unsigned) n, &prefix);
        return of_value_equal(field, &prefix, mask) ? n : -1;
}

static void mask_text(OfField field, const OfValue *mask, Str *out) {
        OfFieldKind kind = of_fields[field].kind;
        OfValue full = of_value_full(field);
        int length = kind == OF_KIND_IPV4 || kind == OF_KIND_IPV6 ? prefix_length(field, mask) : -1;

        if (of_value_equal(field, mask, &full))
                return;
        str_put_char(out, '/');
        if (length >= 0)
                str_printf(out, "%d", length);
        else if (kind == OF_KIND_NUMBER)
                str_printf(out, "0x%" PRIx64, of_value_get(field, mask));
        else
                of_field_text(field, mask, out);
}

void of_match_text(const OfMatch *match, Str *out) {
        bool says_protocol;
        const char *word = short_word(match, &says_protocol);
        size_t begin = out->length;

        for (int i = 0; i < OF_N_FIELDS; i++) {
                OfField field = (OfField) i;

                if (!of_match_has(match, field) || (word && says_protocol && field == OF_NW_PROTO))
                        continue;
                put_comma(out, begin);
                if (field == OF_DL_VLAN) {
                        vlan_text(match, out);
                } else if (word && field == OF_DL_TYPE) {
                        str_put(out, word);
                } else {
                        str_printf(out, "%s=", of_fields[i].name);
                        of_field_text(field, &match->fields[i].value, out);
                        mask_text(field, &match->fields[i].mask, out);
                }
        }
        if (match->unknown) {
                put_comma(out, begin);
                str_printf(out, "unknown_fields=%u", match->unknown);
        }
}
