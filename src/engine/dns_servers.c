/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "engine/dns_servers.h"

#define RESOLV_CONF_MAX 65536

/* Cuts "#port" off, and ":port" where it cannot be part of the address. */
static int cut_port(char *address, int *ret_port) {
        char *mark = strchr(address, '#');

        *ret_port = 53;
        if (!mark) {
                mark = strchr(address, ':');
                if (!mark || strchr(mark + 1, ':'))
                        return 0;
        }
        *mark = 0;
        return parse_int(mark + 1, 1, 65535, ret_port);
}

int dns_servers_add(DnsServers *servers, const char *text) {
        autofree char *address = strdup(text);
        DnsServer server = {};
        char *scope;
        int port;

        if (!address)
                return -ENOMEM;
        if (servers->n == DNS_SERVERS_MAX)
                return -ENOSPC;
        if (cut_port(address, &port) < 0)
                return -EINVAL;
        scope = strchr(address, '%');
        if (scope)
                *scope++ = 0;

        if (inet_pton(AF_INET, address, &server.v4.sin_addr) == 1) {
                server.v4.sin_family = AF_INET;
                server.v4.sin_port = htons((uint16_t) port);
        } else if (inet_pton(AF_INET6, address, &server.v6.sin6_addr) == 1) {
                server.v6.sin6_family = AF_INET6;
                server.v6.sin6_port = htons((uint16_t) port);
                server.v6.sin6_scope_id = scope ? if_nametoindex(scope) : 0;
        } else
                return -EINVAL;

        servers->list[servers->n++] = server;
        return 0;
}

static void read_line(DnsServers *servers, char *line) {
        const char *rest = str_after(line, "nameserver");
        size_t n;

        if (!rest || (*rest != ' ' && *rest != '\t'))
                return;
        rest += strspn(rest, " \t");
        n = strcspn(rest, " \t\r;#");
        line[rest - line + (ptrdiff_t) n] = 0;
        /* A line that is no address is passed over, as libc does. */
        (void) dns_servers_add(servers, rest);
}

void dns_servers_refresh(DnsServers *servers, const char *path) {
        autofree char *text = NULL;
        struct stat st;

        if (stat(path, &st) < 0) {
                *servers = (DnsServers){};
                return;
        }
        if (st.st_ino == servers->inode && st.st_mtim.tv_sec == servers->changed.tv_sec &&
            st.st_mtim.tv_nsec == servers->changed.tv_nsec)
                return;

        *servers = (DnsServers){ .inode = st.st_ino, .changed = st.st_mtim };
        if (file_read(AT_FDCWD, path, RESOLV_CONF_MAX, &text, NULL) < 0)
                return;
        for (char *line = text, *next; line; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = 0;
                read_line(servers, line);
        }
}
