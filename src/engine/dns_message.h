/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * DNS messages (RFC 1035, EDNS of RFC 6891)
 *
 * Reads the one question of a query and writes an answer to it.  Every read is
 * bounded by the message; a name in a question is never compressed, so there is
 * no pointer to follow.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_HEADER_SIZE 12
#define DNS_NAME_MAX    254 /* as text, with NUL */
#define DNS_UDP_SIZE    512 /* without EDNS */
#define DNS_MESSAGE_MAX 65535

enum {
        DNS_TYPE_A = 1,
        DNS_TYPE_PTR = 12,
        DNS_TYPE_AAAA = 28,
        DNS_TYPE_OPT = 41,
        DNS_TYPE_ANY = 255,
};

typedef enum DnsCode {
        DNS_NO_ERROR = 0,
        DNS_FORMAT_ERROR = 1,
        DNS_SERVER_FAILURE = 2,
        DNS_NO_SUCH_NAME = 3,
        DNS_NOT_IMPLEMENTED = 4,
} DnsCode;

typedef struct DnsQuestion {
        uint16_t id;
        bool recursion;          /* desired */
        char name[DNS_NAME_MAX]; /* lower case, without the final dot */
        bool is_text; /* false: a label holds bytes that no host name has; name is "" then */
        uint16_t type, class;
        size_t end;        /* where the question ends in the message */
        bool has_edns;     /* the query had an OPT record */
        uint16_t udp_size; /* what the asker takes over UDP, 512 or more */
} DnsQuestion;

/**
 * dns_parse_query() - read a query
 *
 * Return: 0; -EBADMSG for what is not even a query and deserves no answer;
 * -EINVAL for a broken one (answer DNS_FORMAT_ERROR; id is set);
 * -EOPNOTSUPP for another operation than a question.
 */
int dns_parse_query(const void *message, size_t size, DnsQuestion *ret);

/* True if @message answers the query: same id, same question. */
bool dns_is_answer(const void *message, size_t size, uint16_t id, const void *query,
                   size_t query_size);
DnsCode dns_code(const void *message);
bool dns_is_truncated(const void *message);
void dns_set_id(void *message, uint16_t id);

/* An answer under construction; what does not fit sets the truncation bit. */
typedef struct DnsAnswer {
        uint8_t *message;
        size_t size, max;
} DnsAnswer;

/*
 * Begins an answer to a query in a buffer of @max bytes, at least 512.  @query: the message; its
 * question is repeated if @q tells where it ends.
 */
void dns_begin(DnsAnswer *a, void *buffer, size_t max, const void *query, const DnsQuestion *q,
               DnsCode code);
void dns_put_address(DnsAnswer *a, const struct in6_addr *address, bool ipv6, uint32_t ttl);
void dns_put_name(DnsAnswer *a, const char *name, uint32_t ttl);
/* Adds the OPT record if the query had one; returns the size of the message. */
size_t dns_end(DnsAnswer *a, const DnsQuestion *q);

/* Reads the address in "4.3.2.1.in-addr.arpa" or "….ip6.arpa"; false if it is none. */
bool dns_reverse_address(const char *name, struct in6_addr *ret, bool *ret_ipv6);
