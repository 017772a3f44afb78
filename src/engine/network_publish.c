/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Publishing ports
 *
 * A published port is three things, taken in this order and given back in the
 * other: a socket bound to it on this host, so that no other program can have it
 * and the kernel tells if one does; a claim that says whose it is; an element in
 * the firewall's map that leads to the container.  The socket listens only where
 * ::1 is served by it (port_relay.h).
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/network_guard.h"
#include "engine/network_internal.h"
#include "engine/network_ports.h"
#include "engine/uplink.h"
#include "netlink/conntrack.h"
#include "netlink/nft.h"

#define FIRST_FREE_PORT 49153 /* the first that is chosen, as with Docker */
#define LAST_FREE_PORT  65535
#define BACKLOG         128

static const char *protocol_name(int protocol) {
        return protocol == IPPROTO_UDP ? "udp" : "tcp";
}

static bool is_any6_or_loopback6(const Address *a) {
        static const uint8_t zeros[15];

        return a->family == AF_INET6 && memcmp(a->bytes, zeros, sizeof zeros) == 0 &&
               a->bytes[15] <= 1;
}

/*
 * For connections to ::1.  Those that have ended keep the port for a minute (TIME_WAIT), which is
 * no reason not to publish it again; another socket that listens is (socket(7), SO_REUSEADDR).
 */
static int listen_at(int fd, const struct sockaddr *to, socklen_t size) {
        const int on = 1;

        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
            bind(fd, to, size) < 0 || listen(fd, BACKLOG) < 0)
                return -errno;
        return 0;
}

/* Returns a socket bound to address and port; with @serve others than for ::1 listen as well. */
static int bind_port(int protocol, const Address *a, int port, bool serve) {
        int type = protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM, on = 1;
        autoclose int fd = socket(a->family, type | SOCK_CLOEXEC, 0);
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };
        struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t) port) };
        const struct sockaddr *where =
                a->family == AF_INET6 ? (struct sockaddr *) &to6 : (struct sockaddr *) &to;
        socklen_t size = a->family == AF_INET6 ? sizeof to6 : sizeof to;
        int r;

        if (fd < 0)
                return -errno;
        memcpy(&to.sin_addr, a->bytes, sizeof to.sin_addr);
        memcpy(&to6.sin6_addr, a->bytes, sizeof to6.sin6_addr);
        if (a->family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
                return -errno;

        if (protocol == IPPROTO_TCP && (serve || is_any6_or_loopback6(a)))
                r = listen_at(fd, where, size);
        else
                r = bind(fd, where, size) < 0 ? -errno : 0;
        return r < 0 ? r : take_fd(fd);
}

static void let_go(PublishedPort *p) {
        p->reserved = close_fd(p->reserved);
        p->reserved6 = close_fd(p->reserved6);
}

/*
 * A container without IPv6 is reached at ::1 all the same.  0 without a socket where that is not
 * wanted or this host has no ::1; -EAFNOSUPPORT if the port would be nowhere.
 */
static int bind_loopback6(PublishedPort *p) {
        const Address loopback = { .family = AF_INET6, .prefix = 128, .bytes = { [15] = 1 } };
        bool only = p->host_ip && str_equal(p->host_ip, "::1");
        int fd;

        if (p->reserved6 >= 0 || (p->host_ip && !only))
                return p->reserved < 0 && p->reserved6 < 0 ? -EAFNOSUPPORT : 0;
        fd = bind_port(p->protocol, &loopback, p->host_port, false);
        if (fd >= 0)
                p->reserved6 = fd;
        else if (only || (fd != -EAFNOSUPPORT && fd != -EADDRNOTAVAIL))
                let_go(p);
        return fd >= 0 || p->reserved >= 0 ? 0 : fd;
}

/* Binds the sockets that the port needs, for the families that the container has. */
static int bind_families(const Endpoint *e, PublishedPort *p) {
        FirewallPort entries[PORTS_PER_PUBLISHED];
        size_t n = ports_for_firewall(e, p, entries);

        for (size_t i = 0; i < n; i++) {
                int fd = bind_port(p->protocol, &entries[i].host, p->host_port, false);

                /* A host without IPv6 publishes on IPv4 alone, unless told otherwise. */
                if ((fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) && i > 0 && !p->host_ip)
                        continue;
                if (fd < 0) {
                        let_go(p);
                        return fd;
                }
                if (entries[i].to.family == AF_INET6)
                        p->reserved6 = fd;
                else
                        p->reserved = fd;
        }
        return bind_loopback6(p);
}

/* All of an ordinary user's ports are served by the monitor, whichever families the container has.
 */
static int bind_served(PublishedPort *p) {
        Address addresses[] = { { .family = AF_INET6 }, { .family = AF_INET } };
        size_t n = 2;
        int r = 0;

        if (p->host_ip) {
                n = 1;
                if (addr_parse(p->host_ip, &addresses[0]) < 0)
                        return -EINVAL;
        }
        for (size_t i = 0; i < n && r >= 0; i++) {
                bool is6 = addresses[i].family == AF_INET6;
                int fd = bind_port(p->protocol, &addresses[i], p->host_port, true);

                if ((fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) && n > 1 && is6)
                        continue;
                if (fd < 0)
                        r = fd;
                else if (is6)
                        p->reserved6 = fd;
                else
                        p->reserved = fd;
        }
        if (r < 0)
                let_go(p);
        return r;
}

static int bind_sockets(const Home *home, const Endpoint *e, PublishedPort *p) {
        return home->network ? bind_served(p) : bind_families(e, p);
}

void network_hold(const Home *home, const Endpoint *endpoint, PublishedPort *ports, size_t n) {
        for (size_t i = 0; i < n; i++) {
                int r;

                ports[i].reserved = ports[i].reserved6 = -EBADF;
                r = bind_sockets(home, endpoint, &ports[i]);
                if (r < 0)
                        log_warn("cannot hold published port %d/%s: %s", ports[i].host_port,
                                 protocol_name(ports[i].protocol), strerror(-r));
        }
}

static int refuse_bind(const Home *home, const char *container, const PublishedPort *p, int code,
                       Err *err) {
        const char *protocol = protocol_name(p->protocol);
        autofree char *who = NULL;
        int r;

        if (code == -EADDRNOTAVAIL)
                return refuse(err, code,
                              "cannot publish port %d/%s: '%s' is no address of this host",
                              p->host_port, protocol, p->host_ip);
        if (code == -EAFNOSUPPORT)
                return refuse(
                        err, code,
                        "cannot publish port %d/%s on '%s': the container has no such address",
                        p->host_port, protocol, p->host_ip ? p->host_ip : "*");
        if (code == -EACCES && p->host_port < IPPORT_RESERVED)
                return err_hint(
                        err, fail(err, code, "cannot publish port %d/%s", p->host_port, protocol),
                        "ports below 1024 are root's: publish a higher one, or have root "
                        "say `sysctl net.ipv4.ip_unprivileged_port_start=%d`",
                        p->host_port);
        if (code != -EADDRINUSE)
                return fail(err, code, "cannot publish port %d/%s", p->host_port, protocol);

        /* Whoever has the socket has the claim, if it is one of ours. */
        r = ports_refuse_taken(home, container, p, err);
        if (r < 0)
                return r;
        who = ports_listener_words(p->protocol, p->host_port);
        return err_hint(err,
                        refuse(err, code, "port %d/%s is already in use by %s", p->host_port,
                               protocol, who ? who : "another program"),
                        "publish another one, or 0 for one that is free");
}

static int publish_at(const Home *home, const char *container, const Endpoint *e, PublishedPort *p,
                      Err *err) {
        int r = bind_sockets(home, e, p);

        if (r < 0)
                return refuse_bind(home, container, p, r, err);
        r = ports_claim(home, container, e, p, err);
        if (r < 0)
                let_go(p);
        return r;
}

/* Takes the next port that is free. */
static int publish_anywhere(const Home *home, const char *container, const Endpoint *e,
                            PublishedPort *p, Err *err) {
        const int count = LAST_FREE_PORT - FIRST_FREE_PORT + 1;
        autoclose int cursor = -EBADF;
        uint32_t next;

        cursor = openat(home->run_fd, "next-port", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (cursor < 0)
                return fail(err, errno, "cannot open '%s/next-port'", home->run);
        next = network_read_cursor(cursor);
        for (int tried = 0; tried < count; tried++, next++) {
                autoerr why = {};
                int r;

                p->host_port = FIRST_FREE_PORT + (int) (next % (uint32_t) count);
                r = publish_at(home, container, e, p, &why);
                if (r >= 0) {
                        network_write_cursor(cursor, next % (uint32_t) count + 1);
                        return 0;
                }
                p->host_port = 0;
                if (r != -EADDRINUSE && r != -EINVAL)
                        return refuse(err, r, "%s", why.message);
        }
        return refuse(err, EADDRINUSE, "no port from %d to %d is free", FIRST_FREE_PORT,
                      LAST_FREE_PORT);
}

/* Takes the first of the range that is free; if none is, the sentence is about the last. */
static int publish_within(const Home *home, const char *container, const Endpoint *e,
                          PublishedPort *p, Err *err) {
        int first = p->host_port, r = -EADDRINUSE;

        for (int port = first; r == -EADDRINUSE && port <= p->host_last; port++) {
                p->host_port = port;
                if (err)
                        err_clear(err);
                r = publish_at(home, container, e, p, err);
        }
        return r;
}

static int publish_one(const Home *home, const char *container, const Endpoint *e, PublishedPort *p,
                       Err *err) {
        Address a;

        if (p->protocol != IPPROTO_TCP && p->protocol != IPPROTO_UDP)
                return refuse(err, EPROTONOSUPPORT, "only TCP and UDP ports can be published");
        if (p->host_ip && (strchr(p->host_ip, '/') || addr_parse(p->host_ip, &a) < 0))
                return refuse(err, EINVAL, "'%s' is not an address to publish on", p->host_ip);
        if (p->host_port == 0)
                return publish_anywhere(home, container, e, p, err);
        if (p->host_last > p->host_port)
                return publish_within(home, container, e, p, err);
        return publish_at(home, container, e, p, err);
}

/* The firewall's view of all ports; returns NULL without memory. */
static FirewallPort *for_firewall(const Endpoint *e, const PublishedPort *ports, size_t n,
                                  size_t *ret_n) {
        FirewallPort *list = calloc(n * PORTS_PER_PUBLISHED + 1, sizeof *list);

        *ret_n = 0;
        for (size_t i = 0; list && i < n; i++)
                *ret_n += ports_for_firewall(e, &ports[i], list + *ret_n);
        return list;
}

/* A client that keeps sending to the port must not stick to where it led before. */
static void forget_flows(int nft, const PublishedPort *ports, size_t n) {
        autofree uint16_t *udp = calloc(n + 1, sizeof *udp);
        size_t count = 0;
        int r;

        for (size_t i = 0; udp && i < n; i++)
                if (ports[i].protocol == IPPROTO_UDP)
                        udp[count++] = (uint16_t) ports[i].host_port;
        if (count == 0)
                return;
        r = conntrack_forget(nft, IPPROTO_UDP, udp, count);
        if (r < 0)
                log_debug("cannot look for flows to published ports: %s", strerror(-r));
}

/* What is to be done where the bridges are. */
typedef struct Lead {
        const Endpoint *endpoint;
        const PublishedPort *ports;
        size_t n;
        FirewallPort *list; /* of withdraw_there() */
        size_t count;
} Lead;

static int lead_in(void *job, Err *err) {
        const Lead *lead = job;
        const Endpoint *e = lead->endpoint;
        const PublishedPort *ports = lead->ports;
        size_t n = lead->n;
        int nft = nft_socket();
        autofree FirewallPort *list = NULL;
        size_t count;
        int r;

        if (nft < 0)
                return fail(err, nft, "cannot open a netfilter socket");
        list = for_firewall(e, ports, n, &count);
        if (!list)
                return fail(err, ENOMEM, "cannot publish ports");
        if (count == 0) /* on ::1 alone, for a container without IPv6 */
                return 0;
        r = firewall_publish(nft, list, count, err);
        if (r < 0)
                return r;
        forget_flows(nft, ports, n);
        fault_point("publish.mapped");
        if (!str_empty(e->interface))
                network_allow_hairpin(e);
        return 0;
}

int network_publish(const Home *home, const char *container, const Endpoint *endpoint,
                    PublishedPort *ports, size_t n, Err *err) {
        size_t done = 0;
        int r = 0;

        for (size_t i = 0; i < n; i++)
                ports[i].reserved = ports[i].reserved6 = -EBADF;
        if (n == 0)
                return 0;
        if (str_empty(endpoint->ip_address))
                return refuse(err, EINVAL,
                              "ports cannot be published: the container has no "
                              "address of its own");
        if (str_empty(endpoint->gateway))
                return refuse(err, EINVAL, "ports cannot be published: network '%s' is internal",
                              endpoint->network);

        while (r >= 0 && done < n) {
                r = publish_one(home, container, endpoint, &ports[done], err);
                done += r >= 0;
        }
        fault_point("publish.claimed");
        if (r >= 0)
                r = uplink_run(home, lead_in, &(Lead){ endpoint, ports, n, NULL, 0 }, err);
        for (size_t i = 0; r < 0 && i < done; i++) {
                ports_drop(home, container, &ports[i]);
                let_go(&ports[i]);
        }
        return r;
}

int network_claim_ports(const Home *home, const char *container, PublishedPort *ports, size_t n,
                        Err *err) {
        const Endpoint none = {};
        int r = 0;

        for (size_t i = 0; i < n; i++)
                ports[i].reserved = ports[i].reserved6 = -EBADF;
        for (size_t i = 0; i < n && r >= 0; i++)
                r = publish_one(home, container, &none, &ports[i], err);
        for (size_t i = 0; i < n; i++)
                let_go(&ports[i]);
        if (r < 0)
                network_drop_ports(home, container, ports, n);
        return r;
}

void network_drop_ports(const Home *home, const char *container, const PublishedPort *ports,
                        size_t n) {
        for (size_t i = 0; i < n; i++)
                if (ports_has(home, container, &ports[i]))
                        ports_drop(home, container, &ports[i]);
}

static int withdraw_there(void *job, Err *err) {
        const Lead *lead = job;
        int nft = nft_socket();

        if (nft >= 0 && lead->count > 0)
                firewall_withdraw(nft, lead->list, lead->count);
        if (nft >= 0)
                forget_flows(nft, lead->ports, lead->n);
        return 0;
}

/* Takes back the ports that are this container's: one whose publishing failed is another's. */
static void withdraw_own(const Home *home, const char *container, const Endpoint *e,
                         const PublishedPort *ports, size_t n) {
        autofree FirewallPort *list = calloc(n * PORTS_PER_PUBLISHED + 1, sizeof *list);
        size_t count = 0, own = 0;

        for (size_t i = 0; list && i < n; i++)
                if (ports_has(home, container, &ports[i])) {
                        count += ports_for_firewall(e, &ports[i], list + count);
                        own++;
                }
        if (own == 0)
                return;
        (void) uplink_run(home, withdraw_there, &(Lead){ e, ports, n, list, count }, NULL);
        fault_point("release.firewall");
        for (size_t i = 0; i < n; i++)
                ports_drop(home, container, &ports[i]);
        fault_point("release.ports");
}

static int unguard_there(void *job, Err *err) {
        guard_remove(job);
        return 0;
}

int network_release(const Home *home, const char *container, const Endpoint *endpoint,
                    const PublishedPort *ports, size_t n) {
        if (!endpoint || str_empty(endpoint->ip_address))
                return 0;
        withdraw_own(home, container, endpoint, ports, n);
        if (endpoint->guarded)
                (void) uplink_run(home, unguard_there, (void *) endpoint, NULL);
        return network_release_address(home, container, endpoint);
}
