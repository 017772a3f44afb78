/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/str.h"
#include "builder/expose.h"
#include "test.h"

TEST(ports) {
        static const struct {
                const char *word, *read;
        } rows[] = {
                { "80", "80-80/tcp" },
                { "0", "0-0/tcp" },
                { "80/", "80-80/tcp" },
                { "53/UDP", "53-53/udp" },
                { "1000-1003/sctp", "1000-1003/sctp" },
                { "8080:80", "80-80/tcp" },
                { "0.0.0.0:1234-1235:3333-3334/tcp", "3333-3334/tcp" },
                { "1000-2000:80", "80-80/tcp" },
                { "[::1]:80:81", "81-81/tcp" },
                { "::1:80:81", "81-81/tcp" },
                { "[2001:db8::68]::333", "333-333/tcp" },
                { "::::80", "80-80/tcp" },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *read = NULL;
                ExposedPorts ports = {};
                autoerr err = {};

                expect_well(expose_parse(rows[i].word, &ports, &err), err);
                read = str_format("%u-%u/%s", ports.first, ports.last, ports.protocol);
                expect_str(read, rows[i].read);
        }
}

TEST(what_is_no_port) {
        static const char *const words[] = {
                "",        "http",    "65536",          "-1",   "5-3",
                "80/icmp", "1:",      "0.0.0.0:1:/tcp", "x:80", "localhost:1:2",
                "[1]:2:3", "1-3:5-6", "1-2-3",
        };

        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
                ExposedPorts ports = {};
                autoerr err = {};

                expect(expose_parse(words[i], &ports, &err) == -EINVAL && err.message);
        }
}
