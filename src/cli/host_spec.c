/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "cli/host_spec.h"

int address_family(const char *address) {
        unsigned char bytes[sizeof(struct in6_addr)];

        return inet_pton(AF_INET, address, bytes) == 1    ? AF_INET
               : inet_pton(AF_INET6, address, bytes) == 1 ? AF_INET6
                                                          : 0;
}

int host_entry(const char *text, HostConfig *host, Err *err) {
        size_t n = strcspn(text, "=:");
        const char *address = text[n] ? text + n + 1 : "";
        autofree char *bare = *address == '[' && str_ends_with(address, "]")
                                      ? strndup(address + 1, strlen(address) - 2)
                                      : strdup(address);

        if (!bare)
                return fail(err, ENOMEM, "cannot read '%s'", text);
        if (n == 0 || (!address_family(bare) && !str_equal(bare, "host-gateway")))
                return err_hint(err, refuse(err, EINVAL, "host '%s' is not NAME:ADDRESS", text),
                                "such as --add-host db:10.0.0.7 or --add-host me:host-gateway");
        return strv_addf(&host->extra_hosts, "%.*s:%s", (int) n, text, bare) < 0
                       ? fail(err, ENOMEM, "cannot read '%s'", text)
                       : 0;
}
