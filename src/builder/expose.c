/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/str.h"
#include "builder/expose.h"

/* "80" or "80-90"; @text is written to. */
static int read_range(char *text, uint16_t *ret_first, uint16_t *ret_last) {
        char *dash = strchr(text, '-');
        uint64_t first, last;

        if (dash)
                *dash = 0;
        if (parse_u64(text, &first) < 0 || first > UINT16_MAX)
                return -EINVAL;
        last = first;
        if (dash && (parse_u64(dash + 1, &last) < 0 || last > UINT16_MAX || last < first))
                return -EINVAL;
        *ret_first = (uint16_t) first;
        *ret_last = (uint16_t) last;
        return 0;
}

static bool is_address(char *text) {
        struct in6_addr address;
        size_t n = strlen(text);

        if (*text == '[' && text[n - 1] == ']') {
                text[n - 1] = 0;
                return inet_pton(AF_INET6, text + 1, &address) == 1;
        }
        return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static int read_protocol(const char *text, const char **ret) {
        static const char *const known[] = { "tcp", "udp", "sctp" };

        for (size_t i = 0; i < 3; i++)
                if (strcasecmp(text, known[i]) == 0 || (i == 0 && !*text)) {
                        *ret = known[i];
                        return 0;
                }
        return -EINVAL;
}

/* What is before the container's port: a port of the machine's, maybe below an address. */
static int check_host(char *host, const ExposedPorts *ports, const char *word, Err *err) {
        char *colon = strrchr(host, ':'), *range = colon ? colon + 1 : host;
        uint16_t first, last;

        if (colon)
                *colon = 0;
        if (colon && *host && !is_address(host))
                return refuse(err, EINVAL, "'%s' of port '%s' is no address", host, word);
        if (!*range)
                return 0;
        if (read_range(range, &first, &last) < 0)
                return refuse(err, EINVAL, "'%s' of port '%s' is no port or range of ports", range,
                              word);
        if (last - first != ports->last - ports->first && ports->first != ports->last)
                return refuse(err, EINVAL, "the ranges of port '%s' are not of the same size",
                              word);
        return 0;
}

int expose_parse(const char *word, ExposedPorts *ret, Err *err) {
        size_t n = strcspn(word, "/");
        autofree char *text = strndup(word, n);
        char *colon;

        if (!text)
                return fail(err, ENOMEM, "cannot read a port");
        if (read_protocol(word[n] ? word + n + 1 : "", &ret->protocol) < 0)
                return refuse(err, EINVAL, "'%s' of port '%s' is none of tcp, udp, sctp",
                              word + n + 1, word);
        colon = strrchr(text, ':');
        if (read_range(colon ? colon + 1 : text, &ret->first, &ret->last) < 0)
                return refuse(err, EINVAL, "'%s' is no port or range of ports", word);
        if (!colon)
                return 0;
        *colon = 0;
        return check_host(text, ret, word, err);
}
