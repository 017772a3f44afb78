/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Where filters are tested: a port of a switch, and a host behind it
 *
 *   here:  "port" ------------- "host" :there
 *          "tap"  ------------- "sink"
 *
 * Two network namespaces of the test's own, without IPv6 and addresses, so that
 * no frame is on the way but those that a test sends.  Needs root of the machine,
 * as loading BPF programs does.
 */

#include <arpa/inet.h>
#include <jansson.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "filter/filter.h"
#include "filter/map.h"
#include "kernel/ns.h"
#include "netlink/link.h"
#include "netlink/nl.h"
#include "test.h"

typedef struct Stage {
        int here, there;           /* namespaces; the test runs in the first */
        int port, tap, host, sink; /* packet sockets, bound to the interfaces of these names */
} Stage;

#define PORT(out) (&(FilterPlace){ stage.here, "port", out })
/* Below the build directory, to which the test goes. */
#define OBJECT(name)      "share/filters/" name ".o"
#define TEST_OBJECT(name) "tests/unit/filter/objects/" name ".o"

static Stage stage;

static int open_packet_socket(void *interface) {
        struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
        int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

        to.sll_ifindex = (int) if_nametoindex(interface);
        expect(fd >= 0 && to.sll_ifindex > 0);
        expect(bind(fd, (struct sockaddr *) &to, sizeof to) == 0);
        return fd;
}

static int make_namespace(void) {
        expect(unshare(CLONE_NEWNET) == 0);
        for (int i = 0; i < 2; i++) {
                int fd = open(i ? "/proc/sys/net/ipv6/conf/all/disable_ipv6"
                                : "/proc/sys/net/ipv6/conf/default/disable_ipv6",
                              O_WRONLY | O_CLOEXEC);

                if (fd < 0 && errno == EROFS)
                        skip("needs a writable /proc/sys, to keep IPv6 silent");
                expect(fd < 0 || write(fd, "1", 1) == 1);
                close_fd(fd);
        }
        return expect_ok(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
}

static int bring_up(void *names) {
        autoclose int nl = expect_ok(nl_open());
        NlMessage m;

        nl_begin_empty(&m);
        for (const char **name = names; *name; name++)
                link_next_up(&m, (int) if_nametoindex(*name));
        return nl_call(nl, &m, NULL);
}

static void wire(int nl, const char *here, const char *there) {
        const LinkEnd end = { here, -EBADF }, other = { there, stage.there };

        expect_ok(link_add_veth(nl, &end, &other, NULL));
}

static void set_the_stage(void) {
        const char *build = getenv("ISOLA_BUILD");
        autoclose int nl = -EBADF;

        expect(chdir(build ? build : ISOLA_BUILD) == 0);
        if (geteuid() != 0 || access(OBJECT("count"), F_OK) < 0)
                skip(geteuid() ? "needs root, to load BPF programs"
                               : "needs clang when isola is built, to compile filters");
        stage.there = make_namespace();
        stage.here = make_namespace();
        nl = expect_ok(nl_open());
        wire(nl, "port", "host");
        wire(nl, "tap", "sink");
        expect_ok(netns_run(stage.there, bring_up, (const char *[]){ "host", "sink", NULL }));
        expect_ok(bring_up((const char *[]){ "port", "tap", NULL }));
        stage.port = open_packet_socket((void *) "port");
        stage.tap = open_packet_socket((void *) "tap");
        stage.host = netns_run(stage.there, open_packet_socket, (void *) "host");
        stage.sink = netns_run(stage.there, open_packet_socket, (void *) "sink");
}

/* Attaches a filter; a failure ends the test with its words. */
__attribute__((__unused__)) static Filter attach(const FilterPlace *at, const FilterSpec *spec) {
        autoerr err = {};
        Filter filter;

        if (filter_attach(at, spec, &filter, &err) == -EPERM)
                skip("BPF programs cannot be loaded here");
        if (err.hint && strstr(err.hint, "take Linux 5.12"))
                skip("needs Linux 5.12, for atomic operations that return something");
        if (err.message)
                printf("# %s; %s\n", err.message, err.hint ? err.hint : "");
        expect(!err.message);
        return filter;
}

__attribute__((__unused__)) static Filter look(const FilterPlace *at, const char *name) {
        autoerr err = {};
        Filter filter;

        expect_well(filter_find(at, name, &filter, &err), err);
        return filter;
}

/* Frames ------------------------------------------------------------------------------------------
 */

typedef struct Frame {
        uint8_t bytes[1500];
        size_t n;
} Frame;

/* A packet's description; what is 0 gets something usual. */
typedef struct Packet {
        const char *from, *to; /* of either family; 10.0.0.1 and 10.0.0.2 */
        uint8_t protocol;      /* UDP */
        uint16_t sport, dport; /* 1000, 2000 */
        uint8_t flags, ttl;    /* TCP's; 64 */
        uint16_t window;
        uint32_t seq, ack;
        const uint8_t *options; /* TCP's, a multiple of four bytes */
        size_t n_options;
        const void *payload;
        size_t n_payload;
        uint16_t fragment; /* IPv4's flags and offset */
} Packet;

static void put(Frame *f, const void *bytes, size_t n) {
        if (n > 0)
                memcpy(f->bytes + f->n, bytes, n);
        f->n += n;
}
static void put8(Frame *f, unsigned n) {
        f->bytes[f->n++] = (uint8_t) n;
}
static void put16(Frame *f, unsigned n) {
        put8(f, n >> 8);
        put8(f, n & 0xff);
}
static void put32(Frame *f, uint32_t n) {
        put16(f, n >> 16);
        put16(f, n & 0xffff);
}

static void put_ethernet(Frame *f, uint16_t type) {
        put(f, (const uint8_t[]){ 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 }, 12);
        put16(f, type);
}

static void put_ip(Frame *f, const Packet *p, size_t n) {
        const char *from = p->from ? p->from : "10.0.0.1", *to = p->to ? p->to : "10.0.0.2";
        uint8_t protocol = p->protocol ? p->protocol : IPPROTO_UDP, ttl = p->ttl ? p->ttl : 64;
        uint8_t address[16];

        if (strchr(from, ':')) {
                put32(f, 6u << 28);
                put16(f, (unsigned) n);
                put8(f, protocol);
                put8(f, ttl);
                expect(inet_pton(AF_INET6, from, address) == 1);
                put(f, address, 16);
                expect(inet_pton(AF_INET6, to, address) == 1);
                put(f, address, 16);
                return;
        }
        put16(f, 0x4500);
        put16(f, (unsigned) n + 20);
        put16(f, 0);
        put16(f, p->fragment);
        put8(f, ttl);
        put8(f, protocol);
        put16(f, 0);
        expect(inet_pton(AF_INET, from, address) == 1);
        put(f, address, 4);
        expect(inet_pton(AF_INET, to, address) == 1);
        put(f, address, 4);
}

static void put_transport(Frame *f, const Packet *p) {
        uint16_t sport = p->sport ? p->sport : 1000, dport = p->dport ? p->dport : 2000;

        if (p->protocol == IPPROTO_TCP) {
                put16(f, sport);
                put16(f, dport);
                put32(f, p->seq);
                put32(f, p->ack);
                put8(f, (unsigned) (5 + p->n_options / 4) << 4);
                put8(f, p->flags);
                put16(f, p->window);
                put32(f, 0);
                put(f, p->options, p->n_options);
        } else if (!p->protocol || p->protocol == IPPROTO_UDP) {
                put16(f, sport);
                put16(f, dport);
                put16(f, (unsigned) p->n_payload + 8);
                put16(f, 0);
        }
}

/* The payload of other protocols than TCP and UDP begins with their header. */
static Frame frame(const Packet *p) {
        size_t header = p->protocol == IPPROTO_TCP                   ? 20 + p->n_options
                        : !p->protocol || p->protocol == IPPROTO_UDP ? 8
                                                                     : 0;
        Frame f = { .n = 0 };

        put_ethernet(&f, p->from && strchr(p->from, ':') ? ETH_P_IPV6 : ETH_P_IP);
        put_ip(&f, p, header + p->n_payload);
        put_transport(&f, p);
        put(&f, p->payload, p->n_payload);
        return f;
}

/* A frame that is dropped on its way out is told to who sends it. */
static void send_frame(int socket, const Frame *f) {
        expect(send(socket, f->bytes, f->n, 0) == (ssize_t) f->n || errno == ENOBUFS);
}

/* Sends from the host: the port receives it. */
__attribute__((__unused__)) static void from_host(const Packet *p) {
        Frame f = frame(p);

        send_frame(stage.host, &f);
}
/* Sends by the port: the host receives it. */
__attribute__((__unused__)) static void to_host(const Packet *p) {
        Frame f = frame(p);

        send_frame(stage.port, &f);
}

/* The next frame that an interface received, but not one that it sent. */
static bool receive(int socket, int timeout, Frame *ret) {
        struct pollfd p = { socket, POLLIN, 0 };

        while (poll(&p, 1, timeout) > 0) {
                struct sockaddr_ll from;
                socklen_t size = sizeof from;
                ssize_t n = recvfrom(socket, ret->bytes, sizeof ret->bytes, 0,
                                     (struct sockaddr *) &from, &size);

                expect(n >= 0);
                ret->n = (size_t) n;
                if (from.sll_pkttype != PACKET_OUTGOING)
                        return true;
        }
        return false;
}

/* Whether exactly this frame is the next to arrive. */
__attribute__((__unused__)) static bool arrives(int socket, const Packet *p) {
        Frame wanted = frame(p), got;

        return receive(socket, 5000, &got) && got.n == wanted.n &&
               memcmp(got.bytes, wanted.bytes, got.n) == 0;
}
/* Whether nothing is there; what came before this has been waited for. */
__attribute__((__unused__)) static bool is_silent(int socket) {
        Frame got;

        return !receive(socket, 0, &got);
}

/* Waits until a filter has been asked about @n packets, and returns it with its counters. */
__attribute__((__unused__)) static Filter asked(const FilterPlace *at, const char *name,
                                                uint64_t n) {
        for (;;) {
                Filter filter = look(at, name);
                uint64_t all = 0;

                for (int v = 0; v < FILTER_VERDICTS; v++)
                        all += filter.counters[v].packets;
                expect(all <= n);
                if (all == n)
                        return filter;
                nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        }
}

/* A map of a filter at the port, as one line of JSON. */
__attribute__((__unused__)) static FilterMap *open_map(const char *filter, const char *name) {
        FilterMap *map = NULL;
        Filter found = {};
        autoerr err = {};

        if (filter_find(PORT(false), filter, &found, NULL) < 0)
                found = look(PORT(true), filter);
        expect_well(filter_map_open(found.program, name, &map, &err), err);
        return map;
}

/* Writes an entry: set("firewall", "rules", "key=0", "value.verdict=drop", NULL). */
__attribute__((__unused__)) static void set_entry(const char *filter, const char *name,
                                                  const char *words) {
        autoptr(FilterMap) map = open_map(filter, name);
        autostrv list = NULL;
        autoerr err = {};

        expect_ok(strv_split(words, " ", true, &list));
        expect_well(filter_map_set(map, list, &err), err);
}

/* What a test may use to its end. */
__attribute__((__unused__)) static void *kept[256];

__attribute__((__unused__)) static void *keep(void *thing) {
        static size_t n;

        expect(n < sizeof kept / sizeof *kept);
        return kept[n++] = thing;
}

/* All entries. */
__attribute__((__unused__)) static json_t *dump(const char *filter, const char *name) {
        autoptr(FilterMap) map = open_map(filter, name);
        json_t *list = NULL;
        autoerr err = {};

        expect_well(filter_map_dump(map, &list, &err), err);
        return keep(list);
}

__attribute__((__unused__)) static const char *text(json_t *value) {
        return value ? keep(json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS))
                     : "";
}
