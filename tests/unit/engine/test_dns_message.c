/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/auto.h"
#include "engine/dns_message.h"
#include "test.h"

/* "www.Example.com" A, with EDNS of 1400 bytes. */
static const uint8_t query[] = {
        0x12, 0x34, 1,   0,   0,   1,   0,    0,    0,   0, 0,   1,   3,   'w', 'w',
        'w',  7,    'E', 'x', 'a', 'm', 'p',  'l',  'e', 3, 'c', 'o', 'm', 0,   0,
        1,    0,    1,   0,   0,   41,  0x05, 0x78, 0,   0, 0,   0,   0,   0,
};

TEST(question_is_read) {
        DnsQuestion q;

        expect_ok(dns_parse_query(query, sizeof query, &q));
        expect(q.id == 0x1234 && q.recursion && q.type == DNS_TYPE_A && q.class == 1);
        expect_str(q.name, "www.example.com");
        expect(q.is_text && q.end == 33 && q.has_edns && q.udp_size == 1400);
}

TEST(every_cut_and_every_changed_byte_is_survived) {
        for (size_t n = 0; n < sizeof query; n++) {
                autofree uint8_t *cut = malloc(n + 1);
                DnsQuestion q;
                int r;

                memcpy(cut, query, n);
                r = dns_parse_query(cut, n, &q);
                expect(n < 12 ? r == -EBADMSG : n < 33 ? r == -EINVAL : r == 0);
        }
        for (size_t i = 0; i < sizeof query; i++)
                for (int c = 0; c < 256; c++) {
                        autofree uint8_t *copy = malloc(sizeof query);
                        uint8_t answer[512];
                        DnsQuestion q;
                        DnsAnswer a;

                        memcpy(copy, query, sizeof query);
                        copy[i] = (uint8_t) c;
                        if (dns_parse_query(copy, sizeof query, &q) == -EBADMSG)
                                continue;
                        dns_begin(&a, answer, sizeof answer, copy, &q, DNS_FORMAT_ERROR);
                        expect(dns_end(&a, &q) <= 12 + 255 + 4 + 11);
                        expect(q.end <= sizeof query && strlen(q.name) < DNS_NAME_MAX);
                        (void) dns_is_answer(copy, sizeof query, 0x1234, query, sizeof query);
                }
}

TEST(noise_is_survived) {
        unsigned state = 1;

        for (int round = 0; round < 200000; round++) {
                uint8_t noise[64];
                DnsQuestion q;
                size_t n = (size_t) (round % (int) sizeof noise);

                for (size_t i = 0; i < n; i++) {
                        state = state * 1103515245 + 12345;
                        noise[i] = (uint8_t) (state >> 16) & (i < 12 ? 1 : 255);
                }
                if (dns_parse_query(noise, n, &q) == 0)
                        expect(q.end <= n);
        }
}

TEST(names_that_no_host_has_are_no_text) {
        static const struct {
                const char *label;
                size_t size;
                bool is_text;
        } cases[] = {
                { "..", 2, false },       { "a/b", 3, false },     { "a\0b", 3, false },
                { "\xc3\xa9", 2, false }, { "_dmarc-1", 8, true }, { "WEB", 3, true },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                uint8_t message[64] = { 0, 1, 1, 0, 0, 1 };
                DnsQuestion q;

                message[12] = (uint8_t) cases[i].size;
                memcpy(message + 13, cases[i].label, cases[i].size);
                message[15 + cases[i].size] = 1;
                message[17 + cases[i].size] = 1;
                expect_ok(dns_parse_query(message, 18 + cases[i].size, &q));
                expect(q.is_text == cases[i].is_text);
                expect(q.is_text || !*q.name);
        }
}

TEST(longest_name_fits) {
        uint8_t message[12 + 255 + 4] = { 0, 1, 1, 0, 0, 1 }, *p = message + 12;
        static const uint8_t labels[] = { 63, 63, 63, 61 };
        DnsQuestion q;

        for (size_t i = 0; i < 4; i++) {
                *p = labels[i];
                memset(p + 1, 'a', labels[i]);
                p += labels[i] + 1;
        }
        p[2] = p[4] = 1;
        expect_ok(dns_parse_query(message, sizeof message, &q));
        expect(strlen(q.name) == 253);
        /* One byte more. */
        message[12 + 192] = 62;
        p[0] = 'a';
        p[1] = 0;
        expect(dns_parse_query(message, sizeof message, &q) == -EINVAL);
}

TEST(too_many_addresses_are_cut_and_say_so) {
        struct in6_addr address = {};
        uint8_t answer[512];
        DnsQuestion q;
        DnsAnswer a;

        expect_ok(dns_parse_query(query, sizeof query, &q));
        dns_begin(&a, answer, sizeof answer, query, &q, DNS_NO_ERROR);
        for (int i = 0; i < 29; i++)
                dns_put_address(&a, &address, false, 10);
        expect(!dns_is_truncated(answer));
        dns_put_address(&a, &address, false, 10);
        expect(dns_is_truncated(answer));
        expect(dns_end(&a, &q) == 33 + 29 * 16 + 11);
        expect(answer[7] == 29 && answer[11] == 1);
        expect(dns_is_answer(answer, a.size, 0x1234, query, sizeof query));
        expect(!dns_is_answer(answer, a.size, 0x1235, query, sizeof query));
        answer[13] = 'x';
        expect(!dns_is_answer(answer, a.size, 0x1234, query, sizeof query));
}

TEST(reverse_names_are_addresses) {
        struct in6_addr address;
        bool ipv6;

        expect(dns_reverse_address("3.0.88.10.in-addr.arpa", &address, &ipv6) && !ipv6);
        expect(memcmp(&address, "\x0a\x58\x00\x03", 4) == 0);
        expect(dns_reverse_address(
                       "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f."
                       "ip6.arpa",
                       &address, &ipv6) &&
               ipv6);
        expect(address.s6_addr[0] == 0xfd && address.s6_addr[15] == 2);
        expect(!dns_reverse_address("0.88.10.in-addr.arpa", &address, &ipv6));
        expect(!dns_reverse_address("256.0.88.10.in-addr.arpa", &address, &ipv6));
        expect(!dns_reverse_address("1.3.0.88.10.in-addr.arpa", &address, &ipv6));
        expect(!dns_reverse_address("x.ip6.arpa", &address, &ipv6));
        expect(!dns_reverse_address("web", &address, &ipv6));
}
