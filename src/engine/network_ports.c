/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "base/str.h"
#include "engine/network_internal.h"
#include "engine/network_ports.h"

static const char *protocol_name(int protocol) {
        return protocol == IPPROTO_UDP ? "udp" : "tcp";
}

static NetworkPath claim_path(const PublishedPort *p) {
        return network_path("ports/%s-%d%s%s", protocol_name(p->protocol), p->host_port,
                            p->host_ip ? "-" : "", p->host_ip ? p->host_ip : "");
}

/* The claim for every address, which also covers this one. */
static NetworkPath any_path(const PublishedPort *p) {
        return network_path("ports/%s-%d", protocol_name(p->protocol), p->host_port);
}

static int make_claim(const Home *home, const char *path, const char *owner) {
        int r = claim_make(home->run_fd, path, owner);

        if (r != -ENOENT)
                return r;
        r = dir_make(home->run_fd, "ports", 0700);
        return r < 0 ? r : claim_make(home->run_fd, path, owner);
}

static int refuse_taken(const Home *home, const char *container, const PublishedPort *p,
                        const char *path, Err *err) {
        autofree char *words = claim_owner_words(home, home->run_fd, path);

        if (claim_is_of(home->run_fd, path, container))
                return refuse(err, EINVAL, "port %d/%s is published twice", p->host_port,
                              protocol_name(p->protocol));
        return refuse(err, EADDRINUSE, "port %d/%s is already published by %s", p->host_port,
                      protocol_name(p->protocol), words ? words : "another container");
}

static bool claim_exists(const Home *home, const char *path) {
        return file_has_name(home->run_fd, path);
}

int ports_refuse_taken(const Home *home, const char *container, const PublishedPort *p, Err *err) {
        NetworkPath path = claim_path(p), any = any_path(p);

        if (claim_exists(home, path.text))
                return refuse_taken(home, container, p, path.text, err);
        if (claim_exists(home, any.text))
                return refuse_taken(home, container, p, any.text, err);
        return 0;
}

int ports_claim(const Home *home, const char *container, const Endpoint *e, const PublishedPort *p,
                Err *err) {
        NetworkPath path = claim_path(p), any = any_path(p);
        char owner[256];
        int r;

        snprintf(owner, sizeof owner, "%s %d %s %s", container, p->port,
                 str_empty(e->ip_address) ? "-" : e->ip_address,
                 str_empty(e->ip6_address) ? "-" : e->ip6_address);
        if (p->host_ip && claim_exists(home, any.text) &&
            !claim_is_of(home->run_fd, any.text, container) &&
            !claim_is_stale(home, home->run_fd, any.text, false))
                return refuse_taken(home, container, p, any.text, err);

        r = make_claim(home, path.text, owner);
        if (r == -EEXIST &&
            (claim_is_of(home->run_fd, path.text, container) ||
             claim_is_stale(home, home->run_fd, path.text, false)) &&
            unlinkat(home->run_fd, path.text, 0) == 0)
                r = make_claim(home, path.text, owner);
        if (r == -EEXIST)
                return refuse_taken(home, container, p, path.text, err);
        if (r < 0)
                return fail(err, r, "cannot take port %d/%s", p->host_port,
                            protocol_name(p->protocol));
        return 0;
}

/*
 * Finds the container's claim.  What state.json remembers of a port that was asked for on 0.0.0.0
 * and once more on :: reads as one on every address.
 */
static bool find_own(const Home *home, const char *container, const PublishedPort *p,
                     NetworkPath *ret) {
        *ret = claim_path(p);
        if (claim_is_of(home->run_fd, ret->text, container))
                return true;
        if (p->host_ip)
                return false;
        *ret = network_path("ports/%s-%d-0.0.0.0", protocol_name(p->protocol), p->host_port);
        return claim_is_of(home->run_fd, ret->text, container);
}

bool ports_has(const Home *home, const char *container, const PublishedPort *p) {
        NetworkPath path;

        return find_own(home, container, p, &path);
}

void ports_drop(const Home *home, const char *container, const PublishedPort *p) {
        NetworkPath path;

        if (find_own(home, container, p, &path))
                (void) unlinkat(home->run_fd, path.text, 0);
}

/* One family's entry; false if the port is not for it. */
static bool entry_for(uint8_t family, const char *to, const PublishedPort *p, FirewallPort *ret) {
        *ret = (FirewallPort){ .protocol = (uint8_t) p->protocol,
                               .host_port = (uint16_t) p->host_port,
                               .port = (uint16_t) p->port };
        if (str_empty(to) || addr_parse(to, &ret->to) < 0 || ret->to.family != family)
                return false;
        if (!p->host_ip) {
                ret->host.family = family;
                return true;
        }
        if (addr_parse(p->host_ip, &ret->host) < 0 || ret->host.family != family)
                return false;
        if (str_equal(p->host_ip, "0.0.0.0") || str_equal(p->host_ip, "::"))
                ret->host.prefix = 0;
        return true;
}

size_t ports_for_firewall(const Endpoint *e, const PublishedPort *p,
                          FirewallPort ret[PORTS_PER_PUBLISHED]) {
        size_t n = 0;

        n += entry_for(AF_INET, e->ip_address, p, &ret[n]);
        n += entry_for(AF_INET6, e->ip6_address, p, &ret[n]);
        return n;
}

/* What a claim says, for those who did not make it. */
typedef struct Claim {
        char container[ID_LENGTH + 1], ip[INET6_ADDRSTRLEN], ip6[INET6_ADDRSTRLEN];
        char host_ip[INET6_ADDRSTRLEN];
        PublishedPort port;
} Claim;

static int read_claim(const Home *home, const char *name, Claim *ret) {
        char target[256], protocol[4];
        int n;

        *ret = (Claim){};
        n = sscanf(name, "%3[a-z]-%d-%45s", protocol, &ret->port.host_port, ret->host_ip);
        if (n < 2 || claim_read(home->run_fd, network_path("ports/%s", name).text, target,
                                sizeof target) < 0)
                return -EINVAL;
        if (sscanf(target, "%64[0-9a-f] %d %45s %45s", ret->container, &ret->port.port, ret->ip,
                   ret->ip6) != 4)
                return -EINVAL;
        ret->port.protocol = str_equal(protocol, "udp") ? IPPROTO_UDP : IPPROTO_TCP;
        ret->port.host_ip = n == 3 ? ret->host_ip : NULL;
        return 0;
}

/* Appends what a claim needs in the firewall. */
static int add_claim(const Claim *claim, FirewallPort **list, size_t *n) {
        Endpoint e = { .ip_address = (char *) claim->ip, .ip6_address = (char *) claim->ip6 };
        FirewallPort *longer = reallocarray(*list, *n + PORTS_PER_PUBLISHED, sizeof *longer);

        if (!longer)
                return -ENOMEM;
        *list = longer;
        *n += ports_for_firewall(&e, &claim->port, longer + *n);
        return 0;
}

/* Collects claims; with @alive those of the dead, which are removed. */
static int collect(const Home *home, bool (*alive)(const char *container, void *context),
                   void *context, FirewallPort **ret, size_t *ret_n, Err *err) {
        autofree FirewallPort *list = NULL;
        autostrv names = NULL;
        size_t n = 0;
        int r;

        r = dir_list(home->run_fd, "ports", &names);
        if (r < 0 && r != -ENOENT)
                return fail(err, r, "cannot list '%s/ports'", home->run);
        strv_foreach(name, names) {
                Claim claim;

                if (read_claim(home, *name, &claim) < 0)
                        continue;
                if (alive && alive(claim.container, context))
                        continue;
                if (alive)
                        claim_drop(home->run_fd, network_path("ports/%s", *name).text,
                                   claim.container);
                claim.port.host_ip = claim.port.host_ip ? claim.host_ip : NULL;
                r = add_claim(&claim, &list, &n);
                if (r < 0)
                        return fail(err, r, "cannot list the published ports");
        }
        *ret = take_ptr(list);
        *ret_n = n;
        return 0;
}

int network_claimed_ports(const Home *home, FirewallPort **ret, size_t *ret_n, Err *err) {
        return collect(home, NULL, NULL, ret, ret_n, err);
}

int ports_sweep(const Home *home, bool (*alive)(const char *container, void *context),
                void *context, FirewallPort **ret, size_t *ret_n, Err *err) {
        return collect(home, alive, context, ret, ret_n, err);
}

/* The inode of a socket that listens on a port, or 0. */
static uint64_t find_inode(const char *table, int port, bool tcp) {
        autofree char *text = NULL;
        char *line, *rest;

        if (file_read(AT_FDCWD, table, 64 << 20, &text, NULL) < 0)
                return 0;
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                unsigned local, state;
                uint64_t inode;

                /* sl local:port remote:port st queues timer retransmits uid timeout inode */
                if (sscanf(line,
                           " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*s %*s %" SCNu64,
                           &local, &state, &inode) != 3)
                        continue;
                if ((int) local == port && (!tcp || state == 0x0a))
                        return inode;
        }
        return 0;
}

static bool has_socket(const char *pid, const char *wanted) {
        autostrv fds = NULL;
        NetworkPath dir = network_path("/proc/%s/fd", pid);

        if (dir_list(AT_FDCWD, dir.text, &fds) < 0)
                return false;
        strv_foreach(fd, fds) {
                char target[64];

                if (claim_read(AT_FDCWD, network_path("%s/%s", dir.text, *fd).text, target,
                               sizeof target) >= 0 &&
                    str_equal(target, wanted))
                        return true;
        }
        return false;
}

char *ports_listener_words(int protocol, int port) {
        const char *name = protocol_name(protocol);
        autofree char *socket_name = NULL;
        autostrv pids = NULL;
        uint64_t inode;

        inode = find_inode(network_path("/proc/net/%s", name).text, port, protocol == IPPROTO_TCP);
        if (!inode)
                inode = find_inode(network_path("/proc/net/%s6", name).text, port,
                                   protocol == IPPROTO_TCP);
        socket_name = str_format("socket:[%" PRIu64 "]", inode);
        if (!inode || !socket_name || dir_list(AT_FDCWD, "/proc", &pids) < 0)
                return NULL;
        strv_foreach(pid, pids) {
                autofree char *comm = NULL;

                if (strspn(*pid, "0123456789") != strlen(*pid) || !has_socket(*pid, socket_name))
                        continue;
                if (file_read_line(AT_FDCWD, network_path("/proc/%s/comm", *pid).text, &comm) < 0)
                        continue;
                return str_format("process '%s' (pid %s)", comm, *pid);
        }
        return NULL;
}
