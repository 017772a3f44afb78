/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Queries to a container's name service: whatever is asked, the answer has its bounds. */

#include "engine/dns_message.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const struct in6_addr address = { { { 1, 2, 3, 4 } } };
        uint8_t buffer[DNS_UDP_SIZE];
        struct in6_addr reverse;
        DnsQuestion q = {};
        DnsAnswer answer;
        bool ipv6;
        size_t n;
        int r;

        r = dns_parse_query(data, size, &q);
        if (r == -EBADMSG)
                return 0;
        must(r == 0 || r == -EINVAL || r == -EOPNOTSUPP);
        must(r < 0 || (q.end <= size && strlen(q.name) < DNS_NAME_MAX));
        (void) dns_reverse_address(q.name, &reverse, &ipv6);
        dns_begin(&answer, buffer, sizeof buffer, data, &q,
                  r < 0 ? DNS_FORMAT_ERROR : DNS_NO_ERROR);
        for (int i = 0; r == 0 && i < 40; i++)
                dns_put_address(&answer, &address, i % 2, 600);
        if (r == 0)
                dns_put_name(&answer, "a.very.long.name.of.a.host.in.a.network", 600);
        n = dns_end(&answer, &q);
        must(n >= DNS_HEADER_SIZE && n <= sizeof buffer);
        (void) dns_is_answer(buffer, n, q.id, data, size);
        return 0;
}
