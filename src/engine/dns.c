/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/dns_internal.h"
#include "engine/dns_names.h"
#include "kernel/ns.h"

#define TTL_SECONDS   10 /* a name may be gone with its container at any time */
#define QUERIES_A_RUN 32
#define UDP_SIZE_MAX  4096

typedef struct OpenRequest {
        int type; /* SOCK_* */
        int socket;
} OpenRequest;

/* Runs in the container's network namespace. */
static int open_there(void *context) {
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_port = htons(53),
                                       .sin_addr.s_addr = htonl(0x7f00000b) };
        OpenRequest *request = context;
        autoclose int fd = socket(AF_INET, request->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int on = 1;

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
            bind(fd, (struct sockaddr *) &address, sizeof address) < 0 ||
            (request->type == SOCK_STREAM && listen(fd, CLIENTS_MAX) < 0))
                return -errno;
        request->socket = take_fd(fd);
        return 0;
}

int dns_open(const Home *home, int netns, const DnsOptions *options, Dns **ret, Err *err) {
        OpenRequest request = { .type = SOCK_DGRAM };
        autoptr(Dns) d = calloc(1, sizeof *d);
        int r;

        if (!d)
                return fail(err, ENOMEM, "cannot answer name queries");
        d->home = home;
        d->internal = options->internal;
        d->udp = d->tcp = d->epoll = -EBADF;
        d->network = strdup(options->network);
        if (!d->network)
                return fail(err, ENOMEM, "cannot answer name queries");
        d->own_servers = options->upstreams && *options->upstreams;
        strv_foreach(server, options->upstreams) {
                r = dns_servers_add(&d->servers, *server);
                if (r == -EINVAL)
                        return refuse(err, r, "name server '%s' is not an IP address", *server);
        }

        r = netns_run(netns, open_there, &request);
        if (r < 0)
                return fail(err, r, "cannot listen on 127.0.0.11:53 in the container");
        d->udp = request.socket;
        *ret = take_ptr(d);
        return 0;
}

void dns_listen(Dns *d) {
        OpenRequest request = { .type = SOCK_STREAM };
        autoclose int netns = -EBADF;
        int r;

        if (d->tcp >= 0)
                return;
        netns = ioctl(d->udp, SIOCGSKNS);
        r = netns < 0 ? -errno : netns_run(netns, open_there, &request);
        if (r < 0)
                log_debug("cannot listen on 127.0.0.11:53 for TCP: %s", strerror(-r));
        else
                d->tcp = request.socket;
}

uint8_t *dns_buffer(Dns *d) {
        if (!d->buffer)
                d->buffer = malloc(DNS_MESSAGE_MAX);
        return d->buffer;
}

int dns_watch(Dns *d, int socket, void *owner, uint32_t events, bool is_new) {
        struct epoll_event event = { .events = events, .data.ptr = owner };

        if (d->epoll < 0)
                d->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (d->epoll < 0 ||
            epoll_ctl(d->epoll, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event) < 0)
                return -errno;
        return 0;
}

void dns_reply(Dns *d, DnsClient *client, const struct sockaddr_in *asker, const void *message,
               size_t size) {
        if (client) {
                dns_client_reply(d, client, message, size);
                return;
        }
        if (dns_is_truncated(message))
                dns_listen(d);
        /* An asker that is gone, or whose buffer is full, asks again. */
        if (sendto(d->udp, message, size, 0, (const struct sockaddr *) asker, sizeof *asker) < 0)
                log_debug("cannot send an answer: %s", strerror(errno));
}

void dns_refuse(Dns *d, DnsClient *client, const struct sockaddr_in *asker, const uint8_t *query,
                size_t size, DnsCode code) {
        uint8_t message[DNS_UDP_SIZE];
        DnsQuestion q;
        DnsAnswer a;

        if (dns_parse_query(query, size, &q) == -EBADMSG)
                return;
        dns_begin(&a, message, sizeof message, query, &q, code);
        dns_reply(d, client, asker, message, dns_end(&a, &q));
}

static int open_names(const Dns *d) {
        char path[300];

        if ((size_t) snprintf(path, sizeof path, "networks/%s/names", d->network) >= sizeof path)
                return -ENAMETOOLONG;
        return openat(d->home->run_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* The buffer is as large as the asker takes. */
static void begin_answer(Dns *d, DnsClient *client, const uint8_t *query, const DnsQuestion *q,
                         DnsAnswer *a) {
        size_t max = client ? DNS_MESSAGE_MAX : q->udp_size;

        if (!client && max > UDP_SIZE_MAX)
                max = UDP_SIZE_MAX;
        dns_begin(a, d->buffer, max, query, q, DNS_NO_ERROR);
}

static void answer_addresses(Dns *d, DnsClient *client, const struct sockaddr_in *asker,
                             const uint8_t *query, const DnsQuestion *q,
                             const DnsAddresses *found) {
        DnsAnswer a;
        unsigned turn = d->turn++;

        begin_answer(d, client, query, q, &a);
        for (size_t i = 0; i < found->n; i++) {
                size_t k = (turn + i) % found->n;
                uint16_t type = found->ipv6[k] ? DNS_TYPE_AAAA : DNS_TYPE_A;

                if (q->type == type || q->type == DNS_TYPE_ANY)
                        dns_put_address(&a, &found->address[k], found->ipv6[k], TTL_SECONDS);
        }
        dns_reply(d, client, asker, d->buffer, dns_end(&a, q));
}

/* Return: true if the question was about a container of the network, and is answered. */
static bool answer_here(Dns *d, DnsClient *client, const struct sockaddr_in *asker,
                        const uint8_t *query, const DnsQuestion *q) {
        autoclose int names = -EBADF;
        char name[DNS_NAME_MAX * 2];
        struct in6_addr address;
        DnsAddresses found;
        bool ipv6;

        if (!q->is_text || !*q->name)
                return false;
        names = open_names(d);
        if (names < 0)
                return false;

        if (dns_reverse_address(q->name, &address, &ipv6)) {
                DnsAnswer a;

                if (dns_names_find_address(names, &address, ipv6, name, DNS_NAME_MAX) == 0)
                        return false;
                snprintf(name + strlen(name), DNS_NAME_MAX, ".%s", d->network);
                begin_answer(d, client, query, q, &a);
                if (q->type == DNS_TYPE_PTR || q->type == DNS_TYPE_ANY)
                        dns_put_name(&a, name, TTL_SECONDS);
                dns_reply(d, client, asker, d->buffer, dns_end(&a, q));
                return true;
        }

        dns_names_find(names, d->network, q->name, &found);
        if (found.found)
                answer_addresses(d, client, asker, query, q, &found);
        return found.found;
}

void dns_take_query(Dns *d, DnsClient *client, const struct sockaddr_in *asker,
                    const uint8_t *query, size_t size) {
        DnsQuestion q;
        int r;

        r = dns_parse_query(query, size, &q);
        if (r == -EBADMSG || !dns_buffer(d)) {
                if (client)
                        dns_client_drop(d, client);
                return;
        }
        if (r < 0)
                dns_refuse(d, client, asker, query, size,
                           r == -EOPNOTSUPP ? DNS_NOT_IMPLEMENTED : DNS_FORMAT_ERROR);
        else if (answer_here(d, client, asker, query, &q))
                return;
        else if (d->internal)
                dns_refuse(d, client, asker, query, size, DNS_NO_SUCH_NAME);
        else
                dns_forward(d, client, asker, query, size);
}

static void take_datagrams(Dns *d) {
        for (int i = 0; i < QUERIES_A_RUN; i++) {
                _Alignas(8) uint8_t query[QUERY_MAX];
                struct sockaddr_in asker;
                socklen_t length = sizeof asker;
                ssize_t n = recvfrom(d->udp, query, sizeof query, MSG_TRUNC,
                                     (struct sockaddr *) &asker, &length);

                if (n < 0 && errno != EAGAIN && errno != EINTR)
                        continue; /* an ICMP error about an earlier answer */
                if (n < 0)
                        return;
                if (n >= DNS_HEADER_SIZE && (size_t) n <= sizeof query)
                        dns_take_query(d, NULL, &asker, query, (size_t) n);
        }
}

static void take_events(Dns *d) {
        struct epoll_event event;

        for (int i = 0; i < EVENTS_PER_RUN && epoll_wait(d->epoll, &event, 1, 0) == 1; i++)
                if (*(DnsKind *) event.data.ptr == DNS_CLIENT)
                        dns_client_ready(d, event.data.ptr, event.events);
                else
                        dns_forward_ready(d, event.data.ptr);
}

size_t dns_poll(const Dns *d, struct pollfd *fds, size_t max) {
        const int all[DNS_POLL_MAX] = { d->udp, d->tcp, d->epoll };
        size_t n = 0;

        for (size_t i = 0; i < DNS_POLL_MAX && n < max; i++)
                if (all[i] >= 0)
                        fds[n++] = (struct pollfd){ .fd = all[i], .events = POLLIN };
        return n;
}

int dns_timeout_ms(const Dns *d) {
        int64_t first = INT64_MAX, left;

        if (d->epoll < 0)
                return -1;
        for (size_t i = 0; i < FORWARDS_MAX; i++)
                if (d->forwards[i] && d->forwards[i]->deadline_ms < first)
                        first = d->forwards[i]->deadline_ms;
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                if (d->clients[i] && d->clients[i]->deadline_ms < first)
                        first = d->clients[i]->deadline_ms;
        if (first == INT64_MAX)
                return -1;
        left = first - clock_monotonic_ms();
        return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int) left;
}

static void take_timeouts(Dns *d) {
        int64_t now_ms = clock_monotonic_ms();

        for (size_t i = 0; i < FORWARDS_MAX; i++)
                if (d->forwards[i] && d->forwards[i]->deadline_ms <= now_ms)
                        dns_forward_timeout(d, d->forwards[i]);
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                if (d->clients[i] && d->clients[i]->deadline_ms <= now_ms)
                        dns_client_drop(d, d->clients[i]);
}

void dns_run(Dns *d, const struct pollfd *fds, size_t n) {
        for (size_t i = 0; i < n; i++) {
                if (!fds[i].revents)
                        continue;
                if (fds[i].fd == d->udp)
                        take_datagrams(d);
                else if (fds[i].fd == d->tcp)
                        dns_accept(d);
                else if (fds[i].fd == d->epoll)
                        take_events(d);
        }
        if (d->epoll >= 0)
                take_timeouts(d);
}

Dns *dns_free(Dns *d) {
        if (!d)
                return NULL;
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                if (d->clients[i])
                        dns_client_drop(d, d->clients[i]);
        for (size_t i = 0; i < FORWARDS_MAX; i++)
                if (d->forwards[i])
                        dns_forward_drop(d, d->forwards[i]);
        (void) close_fd(d->udp);
        (void) close_fd(d->tcp);
        (void) close_fd(d->epoll);
        free(d->buffer);
        free(d->network);
        free(d);
        return NULL;
}
