/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Addresses: which network has which subnet, which container which address
 *
 * $RUN/networks/<network>/
 *   address/<ip>         -> <container id>     claimed, see claim_make()
 *   names/<alias>/<ip> -> <container id>
 *   bridge                                     see network_remove.c
 *   next, next6          the host number that was handed out last, in decimal
 *   .lock                see network_lock()
 *
 * The search for a free address begins after the one handed out last, so it
 * takes one step while there is room, and an address that was given back is not
 * handed out again at once: peers remember it in their neighbour tables and
 * connections.
 */

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container.h"
#include "engine/network_guest.h"
#include "engine/network_internal.h"

/* A container needs its address before it can say that it runs. */
#define STARTING_SECONDS 60

int claim_make(int dir, const char *path, const char *owner) {
        return symlinkat(owner, dir, path) < 0 ? -errno : 0;
}

int claim_read(int dir, const char *path, char *owner, size_t size) {
        ssize_t n = readlinkat(dir, path, owner, size - 1);

        if (n < 0)
                return -errno;
        owner[n] = 0;
        return 0;
}

bool claim_is_of(int dir, const char *path, const char *container) {
        char owner[256];

        if (claim_read(dir, path, owner, sizeof owner) < 0)
                return false;
        owner[strcspn(owner, " ")] = 0;
        return str_equal(owner, container);
}

/* Loads the container that a claim's first word names. */
static int load_owner(const Home *home, int dir, const char *path, Container **ret) {
        char owner[256];
        int r = claim_read(dir, path, owner, sizeof owner);

        if (r < 0)
                return r;
        owner[strcspn(owner, " ")] = 0;
        return container_load(home, owner, ret, NULL);
}

static bool is_guests(const Home *home, int dir, const char *path) {
        char owner[256];

        if (claim_read(dir, path, owner, sizeof owner) < 0)
                return false;
        owner[strcspn(owner, " ")] = 0;
        return guest_owns(home, owner);
}

bool claim_is_stale(const Home *home, int dir, const char *path, bool may_be_starting) {
        autoptr(Container) c = NULL;
        struct stat st;
        int r;

        if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return false;
        if (may_be_starting && time(NULL) - st.st_ctime < STARTING_SECONDS)
                return false;
        if (is_guests(home, dir, path))
                return false;
        r = load_owner(home, dir, path, &c);
        if (r < 0)
                return r == -ENOENT;
        return !container_is_up(c);
}

void claim_drop(int dir, const char *path, const char *container) {
        if (claim_is_of(dir, path, container))
                (void) unlinkat(dir, path, 0);
}

char *claim_owner_words(const Home *home, int dir, const char *path) {
        autoptr(Container) c = NULL;
        char owner[256], *guest;

        if (load_owner(home, dir, path, &c) >= 0)
                return str_format("container '%s'", c->name);
        if (claim_read(dir, path, owner, sizeof owner) < 0)
                return strdup("another container");
        owner[strcspn(owner, " ")] = 0;
        guest = guest_owner_words(home, owner);
        if (guest)
                return guest;
        return str_format("container '%.*s'", ID_SHORT_LENGTH, owner);
}

int network_lock(const Home *home, const char *name, bool exclusive, bool wait) {
        struct flock lock = { .l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };
        NetworkPath path = network_path("networks/%s/.lock", name);
        autoclose int fd = -EBADF;

        fd = openat(home->run_fd, path.text, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        while (fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock) < 0)
                if (errno != EINTR)
                        return errno == EACCES ? -EAGAIN : -errno;
        return take_fd(fd);
}

bool network_has_ipv6(void) {
        return access("/proc/sys/net/ipv6", F_OK) == 0;
}

/* Opens $RUN/networks/<name>, making it with what is in it. */
static int open_network(const Home *home, const char *name) {
        NetworkPath path = network_path("networks/%s", name);
        int dir = openat(home->run_fd, path.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (dir < 0 && errno != ENOENT)
                return -errno;
        /* The address directory is made last: who finds it finds the rest. */
        if (dir >= 0 && file_access(dir, "address", F_OK) == 0)
                return dir;
        close_fd(dir);

        r = dir_make(home->run_fd, network_path("networks/%s/names", name).text, 0700);
        if (r >= 0)
                r = dir_make(home->run_fd, network_path("networks/%s/address", name).text, 0700);
        if (r < 0)
                return r;
        dir = openat(home->run_fd, path.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return dir < 0 ? -errno : dir;
}

static Address nth_address(const Address *net, uint32_t n) {
        Address a = *net;
        uint32_t low;

        addr_mask(&a);
        memcpy(&low, a.bytes + addr_size(&a) - sizeof low, sizeof low);
        low = htonl(ntohl(low) + n);
        memcpy(a.bytes + addr_size(&a) - sizeof low, &low, sizeof low);
        return a;
}

/* How many hosts to count through: a /64 is never exhausted. */
static uint32_t last_host(const Address *net) {
        unsigned bits = (unsigned) addr_size(net) * 8 - net->prefix;

        if (net->family == AF_INET6)
                return bits > 24 ? 1U << 24 : (1U << bits) - 1;
        return (1U << bits) - 2; /* without the broadcast address */
}

static int claim_address(int dir, const Address *a, const char *container) {
        char text[INET6_ADDRSTRLEN];

        addr_text(a, text);
        return claim_make(dir, network_path("address/%s", text).text, container);
}

uint32_t network_read_cursor(int fd) {
        char text[16] = "";
        uint64_t n = 0;

        (void) !pread(fd, text, sizeof text - 1, 0);
        text[strcspn(text, "\n ")] = 0;
        return parse_u64(text, &n) < 0 || n > UINT32_MAX ? 0 : (uint32_t) n;
}

void network_write_cursor(int fd, uint32_t n) {
        char text[16];
        int length = snprintf(text, sizeof text, "%-10u\n", n);

        /* Only a hint: whoever reads a torn or old one finds the next address taken. */
        (void) !pwrite(fd, text, (size_t) length, 0);
}

/* Claims the next free address after the cursor; -ENOSPC. */
static int next_address(int dir, const Address *net, const Address *gateway, const char *container,
                        Address *ret) {
        const char *name = net->family == AF_INET6 ? "next6" : "next";
        autoclose int cursor = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        uint32_t last = last_host(net), n;

        if (cursor < 0)
                return -errno;
        n = network_read_cursor(cursor);
        for (uint32_t tried = 0; tried < last; tried++) {
                Address a;
                int r;

                n = n >= last ? 1 : n + 1;
                a = nth_address(net, n);
                if (addr_equal(&a, gateway))
                        continue;
                r = claim_address(dir, &a, container);
                if (r == -EEXIST)
                        continue;
                if (r < 0)
                        return r;
                network_write_cursor(cursor, n);
                *ret = a;
                return 0;
        }
        return -ENOSPC;
}

/* Removes the claims of containers that ended without giving them back. */
static int drop_stale(const Home *home, int dir) {
        autostrv names = NULL;
        int n = 0;

        if (dir_list(dir, "address", &names) < 0)
                return 0;
        strv_foreach(name, names) {
                NetworkPath path = network_path("address/%s", *name);

                if (claim_is_stale(home, dir, path.text, true) && unlinkat(dir, path.text, 0) == 0)
                        n++;
        }
        return n;
}

static int any_address(const Home *home, int dir, const Network *network, const Address *net,
                       const Address *gateway, const char *container, Address *ret, Err *err) {
        int r = next_address(dir, net, gateway, container, ret);

        if (r == -ENOSPC && drop_stale(home, dir) > 0)
                r = next_address(dir, net, gateway, container, ret);
        if (r == -ENOSPC)
                return err_hint(err,
                                refuse(err, r, "network '%s' has no address left in '%s'",
                                       network->name, network->subnet),
                                "stop a container that uses it, or make a network with a larger "
                                "--subnet");
        if (r < 0)
                return fail(err, r, "cannot take an address of network '%s'", network->name);
        return 0;
}

/* Claims the address that the user wants. */
static int wanted_address(const Home *home, int dir, const Network *network, const Address *net,
                          const Address *gateway, const char *container, const char *text,
                          Address *ret, Err *err) {
        bool is6 = net->family == AF_INET6;
        NetworkPath path;
        Address a, low, high;
        char plain[INET6_ADDRSTRLEN];
        int r;

        if (strchr(text, '/') || addr_parse(text, &a) < 0 || a.family != net->family)
                return refuse(err, EINVAL, "'%s' is not an IPv%d address", text, is6 ? 6 : 4);
        if (!addr_within(net, &a))
                return refuse(err, EINVAL, "address '%s' is not in subnet '%s' of network '%s'",
                              text, is6 ? network->subnet6 : network->subnet, network->name);
        low = nth_address(net, 0);
        high = nth_address(net, is6 ? 0 : last_host(net) + 1);
        if (addr_equal(&a, gateway))
                return refuse(err, EADDRINUSE, "address '%s' is the gateway of network '%s'", text,
                              network->name);
        if (addr_equal(&a, &low) || addr_equal(&a, &high))
                return refuse(err, EINVAL, "address '%s' stands for the whole network '%s'", text,
                              network->name);

        addr_text(&a, plain);
        path = network_path("address/%s", plain);
        r = claim_make(dir, path.text, container);
        /* Its own from a run that ended badly, or a dead one's. */
        if (r == -EEXIST && claim_is_of(dir, path.text, container))
                r = 0;
        if (r == -EEXIST && claim_is_stale(home, dir, path.text, true) &&
            unlinkat(dir, path.text, 0) == 0)
                r = claim_make(dir, path.text, container);
        if (r == -EEXIST) {
                autofree char *owner = claim_owner_words(home, dir, path.text);

                return refuse(err, EADDRINUSE, "address '%s' is already used by %s", text,
                              owner ? owner : "another container");
        }
        if (r < 0)
                return fail(err, r, "cannot take address '%s'", text);
        *ret = a;
        return 0;
}

/* One family's part of network_reserve(). */
static int reserve_family(const Home *home, int dir, const Network *network, const char *container,
                          const char *subnet, const char *gateway, const char *wanted, Address *ret,
                          Err *err) {
        Address net, gate;
        int r;

        if (addr_parse(subnet, &net) < 0 || addr_parse(gateway, &gate) < 0)
                return refuse(err, EINVAL, "network '%s' has a bad subnet '%s' or gateway '%s'",
                              network->name, subnet, gateway);
        if (wanted)
                r = wanted_address(home, dir, network, &net, &gate, container, wanted, ret, err);
        else
                r = any_address(home, dir, network, &net, &gate, container, ret, err);
        ret->prefix = net.prefix;
        return r;
}

static bool is_alias(const char *s) {
        if (!*s || strlen(s) > 253 || *s == '.')
                return false;
        for (; *s; s++)
                if (!isalnum((unsigned char) *s) && !strchr("_.-", *s))
                        return false;
        return true;
}

static void lowercase(char *s) {
        for (; *s; s++)
                *s = (char) tolower((unsigned char) *s);
}

static int add_name(int dir, const char *alias, const char *ip, const char *container) {
        NetworkPath folder = network_path("names/%s", alias), path;
        int r;

        path = network_path("%s/%s", folder.text, ip);
        /* Whoever removes the alias' last address removes the folder: begin again then. */
        do {
                if (mkdirat(dir, folder.text, 0700) < 0 && errno != EEXIST)
                        return -errno;
                r = claim_make(dir, path.text, container);
        } while (r == -ENOENT);
        return r == -EEXIST ? 0 : r;
}

static int add_names(int dir, const char *container, char *const *aliases, Endpoint *e, Err *err) {
        strv_foreach(alias, aliases) {
                autofree char *name = strdup(*alias);
                int r = name ? 0 : -ENOMEM;

                if (!is_alias(*alias))
                        return refuse(err, EINVAL, "'%s' is not a host name", *alias);
                if (r >= 0)
                        lowercase(name);
                /* Noted first: what is half done is taken back, too. */
                if (r >= 0)
                        r = strv_add(&e->aliases, *alias);
                if (r >= 0)
                        r = add_name(dir, name, e->ip_address, container);
                if (r >= 0 && e->ip6_address)
                        r = add_name(dir, name, e->ip6_address, container);
                if (r < 0)
                        return fail(err, r, "cannot make the name '%s' known", *alias);
        }
        return 0;
}

static int fill_in(const Network *network, const Address *a, const Address *a6, Endpoint *e) {
        char text[INET6_ADDRSTRLEN], id[ID_LENGTH + 1];

        id_new(id);
        addr_text(a, text);
        e->network = strdup(network->name);
        e->network_id = strdup(network->id);
        e->endpoint_id = strdup(id);
        e->ip_address = strdup(text);
        e->gateway = network->internal ? strdup("") : strdup(network->gateway);
        e->ip_prefix = a->prefix;
        e->mac_address = str_format("02:42:%02x:%02x:%02x:%02x", a->bytes[0], a->bytes[1],
                                    a->bytes[2], a->bytes[3]);
        /* Not from the container's id: the interface of its last run may not be gone yet. */
        e->interface = str_format("veth%.8s", id);
        if (!e->network || !e->network_id || !e->endpoint_id || !e->ip_address || !e->gateway ||
            !e->mac_address || !e->interface)
                return -ENOMEM;
        if (!a6)
                return 0;

        addr_text(a6, text);
        e->ip6_address = strdup(text);
        e->gateway6 = network->internal ? strdup("") : strdup(network->gateway6);
        e->ip6_prefix = a6->prefix;
        return e->ip6_address && e->gateway6 ? 0 : -ENOMEM;
}

static void drop_address(int dir, const Address *a, const char *container) {
        char text[INET6_ADDRSTRLEN];

        if (!a->family)
                return;
        addr_text(a, text);
        claim_drop(dir, network_path("address/%s", text).text, container);
}

int network_reserve(const Home *home, const Network *network, const char *container, const char *ip,
                    const char *ip6, char *const *aliases, Endpoint *ret, Err *err) {
        bool with6 = network->subnet6 && network_has_ipv6();
        autoclose int dir = -EBADF;
        Address a = {}, a6 = {};
        int r;

        if (!str_equal(network->driver, "bridge"))
                return ip || ip6 ? refuse(err, EINVAL, "network '%s' has no addresses to choose",
                                          network->name)
                                 : 0;
        if (ip6 && !with6)
                return refuse(err, EINVAL, "network '%s' has no IPv6", network->name);

        dir = open_network(home, network->name);
        if (dir < 0)
                return fail(err, dir, "cannot open '%s/networks/%s'", home->run, network->name);

        r = reserve_family(home, dir, network, container, network->subnet, network->gateway, ip, &a,
                           err);
        if (r >= 0 && with6)
                r = reserve_family(home, dir, network, container, network->subnet6,
                                   network->gateway6, ip6, &a6, err);
        fault_point("network.address");
        if (r >= 0 && fill_in(network, &a, with6 ? &a6 : NULL, ret) < 0)
                r = fail(err, ENOMEM, "cannot describe the container's network");
        if (r >= 0)
                r = add_names(dir, container, aliases, ret, err);
        fault_point("network.names");
        if (r < 0) {
                (void) network_release(home, container, ret, NULL, 0);
                drop_address(dir, &a, container);
                drop_address(dir, &a6, container);
                endpoint_clear(ret);
        }
        return r;
}

static void drop_name(int dir, const char *alias, const char *ip) {
        autofree char *name = strdup(alias);

        if (!name || !ip)
                return;
        lowercase(name);
        (void) unlinkat(dir, network_path("names/%s/%s", name, ip).text, 0);
        (void) unlinkat(dir, network_path("names/%s", name).text, AT_REMOVEDIR);
}

int network_release_address(const Home *home, const char *container, const Endpoint *e) {
        autoclose int dir = -EBADF;

        if (!e->network)
                return 0;
        dir = openat(home->run_fd, network_path("networks/%s", e->network).text,
                     O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return errno == ENOENT ? 0 : -errno;

        /* Names first: they must not lead to the address' next owner. */
        strv_foreach(alias, e->aliases) {
                drop_name(dir, *alias, e->ip_address);
                drop_name(dir, *alias, e->ip6_address);
        }
        if (e->ip_address)
                claim_drop(dir, network_path("address/%s", e->ip_address).text, container);
        if (e->ip6_address)
                claim_drop(dir, network_path("address/%s", e->ip6_address).text, container);
        return 0;
}
