/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/hosts.h"
#include "engine/own_network.h"
#include "engine/spec.h"
#include "engine/uplink.h"

#define RESOLVER   "127.0.0.11"
#define HOST_NAMES "\thost.containers.internal host.docker.internal\n"

/* "host-gateway" stands for the host as seen from the container. */
static const char *address_of(const Container *c, const char *address, const Endpoint *endpoint,
                              const char *host) {
        if (!str_equal(address, "host-gateway"))
                return address;
        if (host)
                return host;
        if (endpoint && endpoint->gateway && c->home->network)
                return UPLINK_HOST4;
        return endpoint && endpoint->gateway ? endpoint->gateway : "127.0.0.1";
}

static int write_hosts(const Container *c, const Endpoint *endpoint, int dir) {
        const bool own = own_network_is(c->host.network_mode);
        autofree char *host = own ? own_network_host(c) : NULL;
        autostr s = {};

        str_put(&s, "127.0.0.1\tlocalhost\n"
                    "::1\tlocalhost ip6-localhost ip6-loopback\n"
                    "fe00::\tip6-localnet\n"
                    "ff00::\tip6-mcastprefix\n"
                    "ff02::1\tip6-allnodes\n"
                    "ff02::2\tip6-allrouters\n");
        strv_foreach(entry, c->host.extra_hosts) {
                size_t n = strcspn(*entry, ":=");

                if ((*entry)[n])
                        str_printf(&s, "%s\t%.*s\n", address_of(c, *entry + n + 1, endpoint, host),
                                   (int) n, *entry);
        }
        /* Podman's names and Docker Desktop's: only a user's networks have an address for it. */
        if (endpoint && endpoint->gateway && c->home->network)
                str_put(&s, UPLINK_HOST4 HOST_NAMES);
        else if (own && host)
                str_printf(&s, "%s" HOST_NAMES, host);
        if (endpoint && c->config.hostname) {
                if (endpoint->ip_address)
                        str_printf(&s, "%s\t%s\n", endpoint->ip_address, c->config.hostname);
                if (endpoint->ip6_address)
                        str_printf(&s, "%s\t%s\n", endpoint->ip6_address, c->config.hostname);
        }
        if (s.failed)
                return -ENOMEM;
        return file_replace(dir, "hosts", s.text, s.length, 0644, false);
}

static void put_joined(Str *s, const char *keyword, char *const *words) {
        if (!words || !*words)
                return;
        str_put(s, keyword);
        strv_foreach(word, words)
                str_printf(s, " %s", *word);
        str_put_char(s, '\n');
}

/* Copies the host's search domains and options, which also hold behind our resolver. */
static void put_host_lines(Str *s, const char *text, bool search, bool options, bool servers) {
        autostrv lines = NULL;

        if (strv_split(text, "\n", true, &lines) < 0)
                return;
        strv_foreach(line, lines)
                if ((search && (str_after(*line, "search ") || str_after(*line, "domain "))) ||
                    (options && str_after(*line, "options ")) ||
                    (servers && str_after(*line, "nameserver ")))
                        str_printf(s, "%s\n", *line);
}

/*
 * On a network of isola's the container asks its own resolver, which knows the
 * names on that network and forwards the rest; elsewhere it asks whom the host asks.
 */
static int write_resolv_conf(const Container *c, const Endpoint *endpoint, int dir) {
        const HostConfig *h = &c->host;
        const char *forwarder = NULL;
        autofree char *host = NULL;
        autostr s = {};

        /* Without a resolver of the machine's nobody would answer; then it is clear at once. */
        if (file_read(AT_FDCWD, "/etc/resolv.conf", 1 << 16, &host, NULL) >= 0 &&
            own_network_is(h->network_mode) && strstr(host, "nameserver "))
                forwarder = own_network_resolver(c);
        if (endpoint)
                str_put(&s, "nameserver " RESOLVER "\n");
        else if (forwarder)
                str_printf(&s, "nameserver %s\n", forwarder);
        else
                strv_foreach(server, h->dns)
                        str_printf(&s, "nameserver %s\n", *server);
        put_joined(&s, "search", h->dns_search);
        put_joined(&s, "options", h->dns_options);
        if (endpoint && !h->dns_options)
                str_put(&s, "options ndots:0\n");
        if (host)
                put_host_lines(&s, host, !h->dns_search, !endpoint && !h->dns_options,
                               !endpoint && !h->dns && !forwarder);
        if (s.failed)
                return -ENOMEM;
        return file_replace(dir, "resolv.conf", s.text ? s.text : "", s.length, 0644, false);
}

int hosts_write(const Container *c, const Endpoint *endpoint, int dir, Err *err) {
        autofree char *hostname =
                str_format("%s\n", c->config.hostname ? c->config.hostname : "localhost");
        int r;

        r = hostname ? file_replace(dir, "hostname", hostname, strlen(hostname), 0644, false)
                     : -ENOMEM;
        if (r >= 0)
                r = write_hosts(c, endpoint, dir);
        if (r >= 0)
                r = write_resolv_conf(c, endpoint, dir);
        if (r < 0)
                return fail(err, r, "cannot write the hosts file of container '%s'", c->name);
        return 0;
}
