/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/dns_internal.h"

static size_t question_size(const DnsClient *c) {
        return (size_t) (c->in[0] << 8 | c->in[1]);
}

static bool has_question(const DnsClient *c) {
        return c->filled >= 2 && c->filled >= 2 + question_size(c);
}

/* Waits for room for the answer, for a turn for a question already here, or for the next one. */
static void watch_next(Dns *d, DnsClient *c) {
        if (dns_watch(d, c->socket, c, c->out || has_question(c) ? EPOLLOUT : EPOLLIN, false) < 0)
                dns_client_drop(d, c);
}

void dns_client_wait(Dns *d, DnsClient *c, DnsForward *answer) {
        c->waiting = answer;
        (void) dns_watch(d, c->socket, c, 0, false);
}

static void accept_one(Dns *d, int socket) {
        autoclose int owned = socket;
        size_t i;

        for (i = 0; i < CLIENTS_MAX && d->clients[i]; i++)
                ;
        if (i == CLIENTS_MAX)
                return; /* closed at once: it may ask again */
        d->clients[i] = calloc(1, sizeof **d->clients);
        if (!d->clients[i])
                return;
        *d->clients[i] = (DnsClient){ .kind = DNS_CLIENT,
                                      .socket = take_fd(owned),
                                      .deadline_ms = clock_monotonic_ms() + CLIENT_TIME_MS };
        if (dns_watch(d, socket, d->clients[i], EPOLLIN, true) < 0)
                dns_client_drop(d, d->clients[i]);
}

void dns_accept(Dns *d) {
        for (int i = 0; i < CLIENTS_MAX; i++) {
                int socket = accept4(d->tcp, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (socket < 0)
                        return;
                accept_one(d, socket);
        }
}

void dns_client_drop(Dns *d, DnsClient *c) {
        if (c->waiting) {
                c->waiting->client = NULL;
                dns_forward_drop(d, c->waiting);
        }
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                if (d->clients[i] == c)
                        d->clients[i] = NULL;
        (void) close_fd(c->socket);
        free(c->out);
        free(c);
}

static void take_question(Dns *d, DnsClient *c) {
        size_t size = question_size(c);
        uint8_t query[QUERY_MAX];

        memcpy(query, c->in + 2, size);
        c->filled -= 2 + size;
        memmove(c->in, c->in + 2 + size, c->filled);
        dns_take_query(d, c, NULL, query, size);
}

static void send_answer(Dns *d, DnsClient *c) {
        ssize_t n = send(c->socket, c->out + c->sent, c->size - c->sent, MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN && errno != EINTR) {
                dns_client_drop(d, c);
                return;
        }
        c->sent += n < 0 ? 0 : (size_t) n;
        if (c->sent < c->size) {
                watch_next(d, c);
                return;
        }
        free(c->out);
        c->out = NULL;
        c->deadline_ms = clock_monotonic_ms() + CLIENT_TIME_MS;
        watch_next(d, c);
}

void dns_client_reply(Dns *d, DnsClient *c, const void *message, size_t size) {
        c->waiting = NULL;
        c->out = malloc(2 + size);
        if (!c->out) {
                dns_client_drop(d, c);
                return;
        }
        c->out[0] = (uint8_t) (size >> 8);
        c->out[1] = (uint8_t) size;
        memcpy(c->out + 2, message, size);
        c->size = 2 + size;
        c->sent = 0;
        send_answer(d, c);
}

void dns_client_ready(Dns *d, DnsClient *c, uint32_t events) {
        ssize_t n;

        if (events & (EPOLLERR | EPOLLHUP)) {
                dns_client_drop(d, c);
                return;
        }
        if (c->out) {
                send_answer(d, c);
                return;
        }
        if (has_question(c)) {
                take_question(d, c);
                return;
        }
        n = recv(c->socket, c->in + c->filled, sizeof c->in - c->filled, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n > 0)
                c->filled += (size_t) n;
        if (n <= 0 || (c->filled >= 2 && question_size(c) > QUERY_MAX))
                dns_client_drop(d, c);
        else if (has_question(c))
                take_question(d, c);
}
