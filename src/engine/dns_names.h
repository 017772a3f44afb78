/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Who is called what on a network
 *
 * Reads $RUN/networks/<network>/names/<name>/<ip> at the time of the question:
 * there is nothing to keep up to date, and a name is gone with its file.
 * Directories are named in lower case.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define DNS_ADDRESSES_MAX 128

typedef struct DnsAddresses {
        bool found; /* the name is known, with addresses of whichever family */
        struct in6_addr address[DNS_ADDRESSES_MAX]; /* IPv4 in the first four bytes */
        bool ipv6[DNS_ADDRESSES_MAX];
        size_t n;
} DnsAddresses;

/**
 * dns_names_find() - look up a name on a network
 * @names:	the network's directory of names
 * @network:	its name; "web.<network>" is found as "web"
 * @name:	lower case
 * @ret:	filled in; the order is the file system's
 */
void dns_names_find(int names, const char *network, const char *name, DnsAddresses *ret);

/*
 * Finds the name that a container was given first, for PTR.  @names: as above.
 * Return: 1; 0 if nobody on the network has the address.
 */
int dns_names_find_address(int names, const struct in6_addr *address, bool ipv6, char *ret,
                           size_t max);
