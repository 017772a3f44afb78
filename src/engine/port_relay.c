/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A connection has two sides.  Bytes are looked at (MSG_PEEK), sent on, and only
 * as many as were taken are removed from the socket they came by.  Sides are
 * watched edge-triggered, and every event moves what can be moved in both
 * directions; where the turn's share is used up, the watch is set again, which
 * makes another event.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/str.h"
#include "engine/port_relay.h"
#include "engine/uplink.h"
#include "engine/uplink_return.h"
#include "netlink/addr.h"

#define CHUNK            16384
#define CHUNKS_PER_TURN  4
#define EVENTS_PER_TURN  16
#define DATAGRAM_MAX     65536
#define FILES_OF_MONITOR 64

typedef struct Port Port;
typedef struct Connection Connection;

/* Where somebody calls from. */
typedef union Client {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
} Client;

typedef enum Kind { PORT, SIDE, PEER } Kind;

struct Port {
        Kind kind; /* first in everything that epoll points to */
        int socket;
        int protocol;
        int inside;    /* its number in the container */
        size_t target; /* UDP: which of the container's addresses has not refused yet */
};

typedef struct Side {
        Kind kind;
        int socket;
        bool ended; /* it has sent all it had */
        Connection *of;
} Side;

struct Connection {
        Side client, server;
        bool connecting;
        size_t target; /* which of the container's addresses */
        Client from;
        Port *port;
        Connection *next;
};

/* Somebody who sends datagrams; the answers go back to him. */
typedef struct Peer {
        Kind kind;
        int socket; /* connected to the container; -EBADF if unused */
        size_t target;
        Client address;
        Port *port;
        uint64_t used;
} Peer;

struct PortRelay {
        int epoll;
        const Home *home;
        bool all;           /* not just what is for ::1 */
        bool pretends;      /* to be the client: answers to his address come back here */
        size_t limit;       /* of connections */
        Address targets[2]; /* the container's */
        size_t n_targets;
        Port *ports;
        size_t n_ports;
        Connection *connections;
        size_t n_connections;
        Peer *peers; /* PORT_RELAY_PEERS, made with the first datagram */
        uint64_t clock;
        char *bytes; /* DATAGRAM_MAX, what is under way during one call */
};

static int watch(PortRelay *l, int socket, uint32_t events, void *what, bool is_new) {
        struct epoll_event event = { .events = events, .data.ptr = what };

        return epoll_ctl(l->epoll, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event) < 0
                       ? -errno
                       : 0;
}

static bool is_loopback(const Client *c) {
        return c->any.sa_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&c->in6.sin6_addr)
                                            : ntohl(c->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static bool same_client(const Client *a, const Client *b) {
        if (a->any.sa_family != b->any.sa_family)
                return false;
        if (a->any.sa_family == AF_INET)
                return a->in.sin_port == b->in.sin_port &&
                       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
        return a->in6.sin6_port == b->in6.sin6_port &&
               IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr);
}

/* Only ::1 speaks to ::1; others come by when the firewall was flushed. */
static bool is_served(const PortRelay *l, const Client *from) {
        return l->all || (from->any.sa_family == AF_INET6 && is_loopback(from));
}

/*
 * Gives a socket the client's address, which is none of ours (ip(7), IP_TRANSPARENT), and the mark
 * by which answers find back.  Quiet: the container sees the bridge's address then.
 */
static void pretend(int fd, const Client *from) {
        bool is6 = from->any.sa_family == AF_INET6;
        const uint32_t mark = UPLINK_MARK;
        const int on = 1;

        if (setsockopt(fd, is6 ? IPPROTO_IPV6 : IPPROTO_IP, is6 ? IPV6_TRANSPARENT : IP_TRANSPARENT,
                       &on, sizeof on) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
            bind(fd, &from->any, is6 ? sizeof from->in6 : sizeof from->in) < 0)
                log_debug("cannot speak with a client's address: %s", strerror(errno));
}

/* The container's address to try next: first the one of the client's own family. */
static const Address *target_of(const PortRelay *l, const Client *from, size_t attempt) {
        bool other = l->all && l->n_targets == 2 && l->targets[0].family != from->any.sa_family;

        return &l->targets[other ? 1 - attempt : attempt];
}

typedef struct Call {
        const PortRelay *relay;
        const Port *port;
        size_t target;
        const Client *from;
} Call;

static int call(void *job, Err *err) {
        const Call *c = job;
        const Address *a = target_of(c->relay, c->from, c->target);
        int type = c->port->protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM, r;
        autoclose int fd = socket(a->family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_in to = { .sin_family = AF_INET,
                                  .sin_port = htons((uint16_t) c->port->inside) };
        struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
                                    .sin6_port = htons((uint16_t) c->port->inside) };

        if (fd < 0)
                return -errno;
        if (c->relay->pretends && c->from->any.sa_family == a->family && !is_loopback(c->from))
                pretend(fd, c->from);
        memcpy(&to.sin_addr, a->bytes, sizeof to.sin_addr);
        memcpy(&to6.sin6_addr, a->bytes, sizeof to6.sin6_addr);
        if (a->family == AF_INET6)
                r = connect(fd, (struct sockaddr *) &to6, sizeof to6);
        else
                r = connect(fd, (struct sockaddr *) &to, sizeof to);
        return r < 0 && errno != EINPROGRESS ? -errno : take_fd(fd);
}

/* Begins to connect to one of the container's addresses. */
static int connect_inside(const PortRelay *l, Port *port, size_t target, const Client *from) {
        return uplink_run(l->home, call, &(Call){ l, port, target, from }, NULL);
}

/* -------- connections -------- */

static uint32_t accepting(const PortRelay *l) {
        return l->n_connections < l->limit ? EPOLLIN : 0;
}

/* Listens again, or leaves those who come in the backlog. */
static void set_accepting(PortRelay *l) {
        for (size_t i = 0; i < l->n_ports; i++)
                if (l->ports[i].protocol == IPPROTO_TCP)
                        (void) watch(l, l->ports[i].socket, accepting(l), &l->ports[i], false);
}

static void close_side(Side *side, bool reset) {
        const struct linger now = { .l_onoff = 1 };

        if (reset && side->socket >= 0)
                (void) setsockopt(side->socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        side->socket = close_fd(side->socket);
}

/* Ends a connection; with @reset so that neither side takes it for a proper end. */
static void drop(PortRelay *l, Connection *c, bool reset) {
        Connection **link = &l->connections;

        while (*link != c)
                link = &(*link)->next;
        *link = c->next;
        close_side(&c->client, reset);
        close_side(&c->server, reset);
        free(c);
        if (l->n_connections-- == l->limit)
                set_accepting(l);
}

/* Moves bytes one way.  Return: 1 if the turn's share is used up; 0; negative errno. */
static int move(char *bytes, Side *from, const Side *to) {
        for (int i = 0; i < CHUNKS_PER_TURN && !from->ended; i++) {
                ssize_t n = recv(from->socket, bytes, CHUNK, MSG_PEEK), taken;

                if (n < 0)
                        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
                if (n == 0) {
                        from->ended = true;
                        return shutdown(to->socket, SHUT_WR) < 0 ? -errno : 0;
                }
                taken = send(to->socket, bytes, (size_t) n, MSG_NOSIGNAL);
                if (taken < 0)
                        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
                /* tcp(7): with MSG_TRUNC the bytes are discarded. */
                if (recv(from->socket, bytes, (size_t) taken, MSG_TRUNC) != taken)
                        return -EIO;
        }
        return !from->ended;
}

static int watch_side(PortRelay *l, Side *side, bool is_new) {
        return watch(l, side->socket, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, side, is_new);
}

/* The other address, if this one refuses: not every server listens on both. */
static int try_connect(PortRelay *l, Connection *c) {
        int r = -ECONNREFUSED;

        for (; c->target < l->n_targets; c->target++) {
                c->server.socket = close_fd(c->server.socket);
                r = connect_inside(l, c->port, c->target, &c->from);
                if (r >= 0) {
                        c->server.socket = r;
                        return watch_side(l, &c->server, true);
                }
        }
        return r;
}

/* Return: 1 once it is connected; 0 if that goes on; negative errno if there is nobody. */
static int finish_connect(PortRelay *l, Connection *c, const Side *side, uint32_t events) {
        const int on = 1;
        int code = 0;
        socklen_t size = sizeof code;

        if (side != &c->server || !(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
                return 0;
        if (getsockopt(c->server.socket, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
                return -errno;
        if (code) {
                c->target++;
                return try_connect(l, c);
        }
        c->connecting = false;
        (void) setsockopt(c->client.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void) setsockopt(c->server.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        return 1;
}

static void serve_side(PortRelay *l, Side *side, uint32_t events) {
        Connection *c = side->of;
        int there = 0, back = 0, r = 1;

        if (c->connecting)
                r = finish_connect(l, c, side, events);
        if (r > 0)
                r = there = move(l->bytes, &c->client, &c->server);
        if (r >= 0 && !c->connecting)
                r = back = move(l->bytes, &c->server, &c->client);
        if (r >= 0 && there > 0)
                r = watch_side(l, &c->client, false);
        if (r >= 0 && back > 0)
                r = watch_side(l, &c->server, false);
        if (r < 0 || (c->client.ended && c->server.ended))
                drop(l, c, r < 0);
}

static void accept_connection(PortRelay *l, Port *port) {
        Client from = {};
        socklen_t size = sizeof from;
        autoclose int fd = accept4(port->socket, &from.any, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        Connection *c;

        if (fd < 0 || !is_served(l, &from))
                return;
        c = calloc(1, sizeof *c);
        if (!c)
                return;
        c->client = (Side){ SIDE, take_fd(fd), false, c };
        c->server = (Side){ SIDE, -EBADF, false, c };
        c->connecting = true;
        c->port = port;
        c->from = from;
        c->next = l->connections;
        l->connections = c;
        if (++l->n_connections == l->limit)
                set_accepting(l);
        if (watch_side(l, &c->client, true) < 0 || try_connect(l, c) < 0)
                drop(l, c, true);
}

/* -------- datagrams -------- */

static void forget_peer(Peer *p) {
        p->socket = close_fd(p->socket);
}

/* Connects a peer to the container. */
static int connect_peer(PortRelay *l, Peer *p) {
        int r;

        forget_peer(p);
        p->target = p->port->target;
        r = connect_inside(l, p->port, p->target, &p->address);
        if (r < 0)
                return r;
        p->socket = r;
        r = watch(l, p->socket, EPOLLIN, p, true);
        if (r < 0)
                forget_peer(p);
        return r;
}

/*
 * Nobody listens at that address: this peer and all later ones go to the other.  The kernel says so
 * only now and then (icmp_ratelimit in ip-sysctl.rst), so it is remembered.
 */
static int go_elsewhere(PortRelay *l, Peer *p) {
        if (p->port->target == p->target)
                p->port->target = (p->target + 1) % l->n_targets;
        return connect_peer(l, p);
}

/* Finds who sent from there before, or the place of whoever was silent for longest. */
static Peer *find_peer(PortRelay *l, Port *port, const Client *from) {
        Peer *oldest;

        if (!l->peers) {
                l->peers = calloc(PORT_RELAY_PEERS, sizeof *l->peers);
                for (size_t i = 0; l->peers && i < PORT_RELAY_PEERS; i++)
                        l->peers[i] = (Peer){ .kind = PEER, .socket = -EBADF };
        }
        oldest = l->peers;
        for (size_t i = 0; l->peers && i < PORT_RELAY_PEERS; i++) {
                Peer *p = &l->peers[i];

                if (p->socket >= 0 && p->port == port && same_client(&p->address, from))
                        return p;
                if (p->used < oldest->used)
                        oldest = p;
        }
        if (!oldest)
                return NULL;
        forget_peer(oldest);
        *oldest = (Peer){ .kind = PEER, .socket = -EBADF, .address = *from, .port = port };
        return connect_peer(l, oldest) < 0 ? NULL : oldest;
}

static void take_datagrams(PortRelay *l, Port *port) {
        for (int i = 0; i < EVENTS_PER_TURN; i++) {
                Client from = {};
                socklen_t size = sizeof from;
                ssize_t n = recvfrom(port->socket, l->bytes, DATAGRAM_MAX, MSG_DONTWAIT, &from.any,
                                     &size);
                Peer *p;

                if (n < 0)
                        return;
                if (!is_served(l, &from))
                        continue;
                p = find_peer(l, port, &from);
                if (!p)
                        continue;
                p->used = ++l->clock;
                /* A refusal of an earlier one is reported here. */
                if (send(p->socket, l->bytes, (size_t) n, 0) < 0 && errno == ECONNREFUSED &&
                    go_elsewhere(l, p) >= 0)
                        (void) send(p->socket, l->bytes, (size_t) n, 0);
        }
}

static void serve_peer(PortRelay *l, Peer *p) {
        ssize_t n = recv(p->socket, l->bytes, DATAGRAM_MAX, MSG_DONTWAIT);

        if (n >= 0)
                (void) sendto(p->port->socket, l->bytes, (size_t) n, MSG_DONTWAIT, &p->address.any,
                              p->address.any.sa_family == AF_INET6 ? sizeof p->address.in6
                                                                   : sizeof p->address.in);
        else if (errno == ECONNREFUSED)
                (void) go_elsewhere(l, p);
}

/* -------- all of it -------- */

static void add_target(PortRelay *l, const char *address) {
        if (!str_empty(address) && addr_parse(address, &l->targets[l->n_targets]) >= 0)
                l->n_targets++;
}

/* Whether connections to ::1 arrive at the socket. */
static bool is_for_loopback(int socket) {
        struct sockaddr_in6 address = {};
        socklen_t size = sizeof address;

        return socket >= 0 && getsockname(socket, (struct sockaddr *) &address, &size) >= 0 &&
               address.sin6_family == AF_INET6 &&
               (IN6_IS_ADDR_UNSPECIFIED(&address.sin6_addr) ||
                IN6_IS_ADDR_LOOPBACK(&address.sin6_addr));
}

static int add_port(PortRelay *l, const PublishedPort *published, int socket) {
        Port *port = &l->ports[l->n_ports];
        int flags = fcntl(socket, F_GETFL);

        *port = (Port){ .kind = PORT,
                        .socket = socket,
                        .protocol = published->protocol,
                        .inside = published->port };
        if (flags < 0 || fcntl(port->socket, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        l->n_ports++;
        return watch(l, port->socket, EPOLLIN, port, true);
}

static int add_ports(PortRelay *l, const PublishedPort *ports, size_t n) {
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                if (l->all ? ports[i].reserved6 >= 0 : is_for_loopback(ports[i].reserved6))
                        r = add_port(l, &ports[i], ports[i].reserved6);
                if (r >= 0 && l->all && ports[i].reserved >= 0)
                        r = add_port(l, &ports[i], ports[i].reserved);
        }
        return r;
}

/* What serves all must serve many: two descriptors for each, and some for the monitor itself. */
static size_t choose_limit(bool all) {
        struct rlimit files;

        if (!all || getrlimit(RLIMIT_NOFILE, &files) < 0 ||
            files.rlim_cur < 2 * PORT_RELAY_CONNECTIONS + FILES_OF_MONITOR)
                return PORT_RELAY_CONNECTIONS;
        return (files.rlim_cur - FILES_OF_MONITOR) / 2;
}

int port_relay_open(const Home *home, const Endpoint *endpoint, const PublishedPort *ports,
                    size_t n, PortRelay **ret) {
        autoptr(PortRelay) l = NULL;
        bool all = home->network;
        size_t wanted = 0;
        int r;

        for (size_t i = 0; i < n; i++)
                wanted += all || is_for_loopback(ports[i].reserved6);
        *ret = NULL;
        if (!wanted)
                return 0;
        l = calloc(1, sizeof *l);
        if (!l)
                return -ENOMEM;
        l->epoll = -EBADF;
        l->home = home;
        l->all = all;
        l->pretends = all && endpoint->network;
        l->limit = choose_limit(all);
        add_target(l, endpoint->ip_address);
        add_target(l, endpoint->ip6_address);
        l->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (l->epoll < 0)
                return -errno;
        l->ports = calloc(2 * wanted, sizeof *l->ports);
        if (!l->ports)
                return -ENOMEM;
        r = add_ports(l, ports, n);
        if (r < 0)
                return r;
        *ret = take_ptr(l);
        return 0;
}

int port_relay_fd(const PortRelay *l) {
        return l ? l->epoll : -EBADF;
}

void port_relay_run(PortRelay *l) {
        struct epoll_event event;

        if (!l->bytes)
                l->bytes = malloc(DATAGRAM_MAX);
        if (!l->bytes)
                return;
        /* One at a time: what one event leads to may end what another is about. */
        for (int i = 0; i < EVENTS_PER_TURN && epoll_wait(l->epoll, &event, 1, 0) == 1; i++) {
                Port *port = event.data.ptr;

                switch (*(Kind *) event.data.ptr) {
                case SIDE:
                        serve_side(l, event.data.ptr, event.events);
                        break;
                case PEER:
                        serve_peer(l, event.data.ptr);
                        break;
                case PORT:
                        if (port->protocol == IPPROTO_UDP)
                                take_datagrams(l, port);
                        else
                                accept_connection(l, port);
                        break;
                }
        }
}

PortRelay *port_relay_free(PortRelay *l) {
        if (!l)
                return NULL;
        while (l->connections)
                drop(l, l->connections, true);
        for (size_t i = 0; l->peers && i < PORT_RELAY_PEERS; i++)
                forget_peer(&l->peers[i]);
        free(l->peers);
        free(l->ports);
        free(l->bytes);
        close_fd(l->epoll);
        free(l);
        return NULL;
}
