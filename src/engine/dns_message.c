/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "engine/dns_message.h"

#define FLAG_RESPONSE  0x80 /* in the third byte */
#define FLAG_TRUNCATED 0x02
#define FLAG_RECURSION 0x01
#define OPCODE         0x78
#define FLAG_AVAILABLE 0x80 /* in the fourth */
#define CLASS_IN       1
#define UDP_SIZE_OURS  1232 /* fits every path unfragmented (DNS flag day 2020) */

static uint16_t read16(const uint8_t *p) {
        return (uint16_t) (p[0] << 8 | p[1]);
}

static void write16(uint8_t *p, size_t value) {
        p[0] = (uint8_t) (value >> 8);
        p[1] = (uint8_t) value;
}

static bool is_name_byte(uint8_t c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/*
 * Reads the name at *p, at most 255 bytes on the wire.  @text, @ret_is_text: as in DnsQuestion;
 * @text may be NULL.
 */
static int read_name(const uint8_t **p, const uint8_t *end, char text[DNS_NAME_MAX],
                     bool *ret_is_text) {
        const uint8_t *q = *p;
        size_t n = 0, total = 1;
        bool is_text = true;

        for (; q < end && *q; q += *q + 1) {
                if (*q > 63 || *q >= end - q)
                        return -EINVAL;
                total += *q + 1U;
                if (total > 255)
                        return -EINVAL;
                if (n > 0)
                        text[n++] = '.';
                for (size_t i = 1; i <= *q; i++) {
                        uint8_t c = q[i] >= 'A' && q[i] <= 'Z' ? q[i] | 32 : q[i];

                        is_text &= is_name_byte(c);
                        text[n++] = (char) c;
                }
        }
        if (q >= end)
                return -EINVAL;
        text[is_text ? n : 0] = 0;
        *ret_is_text = is_text;
        *p = q + 1;
        return 0;
}

/* Passes over a name in a record, which may end in a pointer. */
static const uint8_t *skip_name(const uint8_t *p, const uint8_t *end) {
        while (p < end && *p && *p < 0xc0)
                p += *p + 1;
        if (p >= end)
                return NULL;
        return *p ? p + 2 : p + 1;
}

/* Looks for the OPT record, which tells how much the asker takes. */
static void find_edns(const uint8_t *message, size_t size, DnsQuestion *q) {
        const uint8_t *p = message + q->end, *end = message + size;
        unsigned records = read16(message + 6) + read16(message + 8) + read16(message + 10);

        for (; records > 0; records--) {
                p = skip_name(p, end);
                if (!p || end - p < 10)
                        return;
                if (read16(p) == DNS_TYPE_OPT) {
                        q->has_edns = true;
                        if (read16(p + 2) > DNS_UDP_SIZE)
                                q->udp_size = read16(p + 2);
                        return;
                }
                if (end - p - 10 < read16(p + 8))
                        return;
                p += 10 + read16(p + 8);
        }
}

int dns_parse_query(const void *bytes, size_t size, DnsQuestion *ret) {
        const uint8_t *message = bytes, *p = message + DNS_HEADER_SIZE, *end = message + size;

        if (size < DNS_HEADER_SIZE || (message[2] & FLAG_RESPONSE))
                return -EBADMSG;
        *ret = (DnsQuestion){
                .id = read16(message),
                .recursion = message[2] & FLAG_RECURSION,
                .udp_size = DNS_UDP_SIZE,
        };
        if (message[2] & OPCODE)
                return -EOPNOTSUPP;
        if (read16(message + 4) != 1 || read_name(&p, end, ret->name, &ret->is_text) < 0 ||
            end - p < 4)
                return -EINVAL;

        ret->type = read16(p);
        ret->class = read16(p + 2);
        ret->end = (size_t) (p + 4 - message);
        find_edns(message, size, ret);
        return 0;
}

bool dns_is_answer(const void *bytes, size_t size, uint16_t id, const void *query,
                   size_t query_size) {
        const uint8_t *message = bytes, *asked = query;
        DnsQuestion q;

        if (size < DNS_HEADER_SIZE || !(message[2] & FLAG_RESPONSE) || read16(message) != id)
                return false;
        if (dns_parse_query(query, query_size, &q) < 0)
                return false;
        /* A server that could not read the question may leave it out. */
        if (read16(message + 4) == 0)
                return dns_code(message) != DNS_NO_ERROR;
        if (size < q.end)
                return false;
        for (size_t i = DNS_HEADER_SIZE; i < q.end; i++) {
                uint8_t a = message[i], b = asked[i];

                if (a != b && ((a ^ b) != 32 || (a | 32) < 'a' || (a | 32) > 'z'))
                        return false;
        }
        return true;
}

DnsCode dns_code(const void *message) {
        return ((const uint8_t *) message)[3] & 15;
}

bool dns_is_truncated(const void *message) {
        return ((const uint8_t *) message)[2] & FLAG_TRUNCATED;
}

void dns_set_id(void *message, uint16_t id) {
        write16(message, id);
}

void dns_begin(DnsAnswer *a, void *buffer, size_t max, const void *query, const DnsQuestion *q,
               DnsCode code) {
        uint8_t *p = buffer;

        *a = (DnsAnswer){ .message = buffer,
                          .size = q->end ? q->end : DNS_HEADER_SIZE,
                          .max = max };
        memset(p, 0, DNS_HEADER_SIZE);
        memcpy(p, query, 3);
        p[2] = (uint8_t) (FLAG_RESPONSE | (p[2] & (OPCODE | FLAG_RECURSION)));
        p[3] = (uint8_t) (FLAG_AVAILABLE | code);
        if (q->end) {
                memcpy(p + DNS_HEADER_SIZE, (const uint8_t *) query + DNS_HEADER_SIZE,
                       q->end - DNS_HEADER_SIZE);
                write16(p + 4, 1);
        }
}

/* Adds a record whose name is the question's; returns its data, or NULL if it does not fit. */
static uint8_t *put_record(DnsAnswer *a, uint16_t type, uint32_t ttl, size_t size) {
        uint8_t *p = a->message + a->size;

        /* The OPT record of dns_end() takes the last eleven bytes. */
        if (a->size + 12 + size + 11 > a->max) {
                a->message[2] |= FLAG_TRUNCATED;
                return NULL;
        }
        write16(p, 0xc000 | DNS_HEADER_SIZE);
        write16(p + 2, type);
        write16(p + 4, CLASS_IN);
        write16(p + 6, ttl >> 16);
        write16(p + 8, ttl);
        write16(p + 10, size);
        write16(a->message + 6, read16(a->message + 6) + 1U);
        a->size += 12 + size;
        return p + 12;
}

void dns_put_address(DnsAnswer *a, const struct in6_addr *address, bool ipv6, uint32_t ttl) {
        size_t size = ipv6 ? 16 : 4;
        uint8_t *p = put_record(a, ipv6 ? DNS_TYPE_AAAA : DNS_TYPE_A, ttl, size);

        if (p)
                memcpy(p, address, size);
}

void dns_put_name(DnsAnswer *a, const char *name, uint32_t ttl) {
        uint8_t wire[256];
        size_t size = 0;
        uint8_t *p;

        while (*name) {
                size_t n = strcspn(name, ".");

                if (n == 0 || n > 63 || size + n + 2 > sizeof wire)
                        return;
                wire[size++] = (uint8_t) n;
                memcpy(wire + size, name, n);
                size += n;
                name += n + (name[n] == '.');
        }
        wire[size++] = 0;
        p = put_record(a, DNS_TYPE_PTR, ttl, size);
        if (p)
                memcpy(p, wire, size);
}

size_t dns_end(DnsAnswer *a, const DnsQuestion *q) {
        uint8_t *p = a->message + a->size;

        if (!q->has_edns || a->size + 11 > a->max)
                return a->size;
        memset(p, 0, 11);
        write16(p + 1, DNS_TYPE_OPT);
        write16(p + 3, UDP_SIZE_OURS);
        write16(a->message + 10, 1);
        a->size += 11;
        return a->size;
}

static bool reverse_ipv4(const char *name, struct in6_addr *ret) {
        unsigned char bytes[4];

        for (int i = 3; i >= 0; i--) {
                unsigned value = 0;
                size_t n = strspn(name, "0123456789");

                if (n < 1 || n > 3 || name[n] != '.')
                        return false;
                for (size_t k = 0; k < n; k++)
                        value = value * 10 + (unsigned) (name[k] - '0');
                if (value > 255)
                        return false;
                bytes[i] = (unsigned char) value;
                name += n + 1;
        }
        memcpy(ret, bytes, sizeof bytes);
        return str_equal(name, "in-addr.arpa");
}

static bool reverse_ipv6(const char *name, struct in6_addr *ret) {
        for (int i = 31; i >= 0; i--, name += 2) {
                static const char digits[] = "0123456789abcdef";
                const char *digit = *name ? strchr(digits, *name) : NULL;

                if (!digit || name[1] != '.')
                        return false;
                if (i % 2)
                        ret->s6_addr[i / 2] = (uint8_t) (digit - digits);
                else
                        ret->s6_addr[i / 2] |= (uint8_t) ((digit - digits) << 4);
        }
        return str_equal(name, "ip6.arpa");
}

bool dns_reverse_address(const char *name, struct in6_addr *ret, bool *ret_ipv6) {
        *ret_ipv6 = str_ends_with(name, ".ip6.arpa");
        if (*ret_ipv6)
                return reverse_ipv6(name, ret);
        return str_ends_with(name, ".in-addr.arpa") && reverse_ipv4(name, ret);
}
