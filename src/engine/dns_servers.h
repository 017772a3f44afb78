/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The resolvers that queries are forwarded to. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define DNS_SERVERS_MAX 3 /* as many as libc's resolver takes */

typedef union DnsServer {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
} DnsServer;

typedef struct DnsServers {
        DnsServer list[DNS_SERVERS_MAX];
        size_t n;
        /* The file they were read from, to notice another one. */
        ino_t inode;
        struct timespec changed;
} DnsServers;

/* Adds "10.0.0.1", "fe80::1%eth0" or either with ":port" or "#port"; -EINVAL, -ENOSPC. */
int dns_servers_add(DnsServers *servers, const char *address);
/* Reads resolv.conf (resolv.conf(5)) if it is not the one already read; 0 servers without a file.
 */
void dns_servers_refresh(DnsServers *servers, const char *path);
