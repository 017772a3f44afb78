/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Asking a resolver
 *
 * Each question has a socket of its own, so that its source port is the
 * kernel's random choice, and an id of its own: an answer must match both, the
 * resolver's address and the question.  A resolver that is silent for a second
 * or says that it cannot is followed by the next one; all are asked twice at most.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/dns_internal.h"

static bool is_tcp(const DnsForward *f) {
        return f->client;
}

static size_t tries_max(const Dns *d) {
        return 2 * d->servers.n;
}

static void forward_free(Dns *d, DnsForward *f) {
        for (size_t i = 0; i < FORWARDS_MAX; i++)
                if (d->forwards[i] == f)
                        d->forwards[i] = NULL;
        (void) close_fd(f->socket);
        free(f->query);
        free(f->answer);
        free(f);
}

void dns_forward_drop(Dns *d, DnsForward *f) {
        if (f->client)
                f->client->waiting = NULL;
        forward_free(d, f);
}

/* Ends it with an answer, of which only the id is not the resolver's. */
static void finish(Dns *d, DnsForward *f, uint8_t *message, size_t size) {
        DnsClient *client = f->client;
        struct sockaddr_in asker = f->asker;
        uint8_t *answer = f->answer; /* message may be in it */

        f->answer = NULL;
        dns_set_id(message, f->id);
        dns_forward_drop(d, f);
        dns_reply(d, client, &asker, message, size);
        free(answer);
}

static void give_up(Dns *d, DnsForward *f) {
        DnsClient *client = f->client;
        struct sockaddr_in asker = f->asker;
        autofree uint8_t *query = f->query;
        size_t size = f->size;

        f->query = NULL;
        dns_set_id(query + 2, f->id);
        dns_forward_drop(d, f);
        dns_refuse(d, client, &asker, query + 2, size, DNS_SERVER_FAILURE);
}

static int ask(Dns *d, DnsForward *f, const DnsServer *server) {
        socklen_t length = server->any.sa_family == AF_INET ? sizeof server->v4 : sizeof server->v6;
        int type = is_tcp(f) ? SOCK_STREAM : SOCK_DGRAM;

        f->socket = close_fd(f->socket);
        f->socket = socket(server->any.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (f->socket < 0)
                return -errno;
        if (getrandom(&f->sent_id, sizeof f->sent_id, GRND_NONBLOCK) != sizeof f->sent_id)
                return -EAGAIN;
        dns_set_id(f->query + 2, f->sent_id);
        f->sent = f->filled = 0;
        if (connect(f->socket, &server->any, length) < 0 && errno != EINPROGRESS)
                return -errno;
        if (!is_tcp(f) && send(f->socket, f->query + 2, f->size, MSG_NOSIGNAL) < 0)
                return -errno;
        return dns_watch(d, f->socket, f, is_tcp(f) ? EPOLLOUT : EPOLLIN, true);
}

/* Asks the next resolver, or gives up after the last. */
static void ask_next(Dns *d, DnsForward *f) {
        while (f->tries < tries_max(d)) {
                bool last_of_round;
                int r;

                f->server = (f->first + f->tries++) % d->servers.n;
                last_of_round = f->tries % d->servers.n == 0;
                f->deadline_ms =
                        clock_monotonic_ms() + (last_of_round ? LAST_TIME_MS : SERVER_TIME_MS);
                r = ask(d, f, &d->servers.list[f->server]);
                if (r >= 0)
                        return;
                log_debug("cannot ask a name server: %s", strerror(-r));
        }
        give_up(d, f);
}

void dns_forward(Dns *d, DnsClient *client, const struct sockaddr_in *asker, const uint8_t *query,
                 size_t size) {
        DnsForward *f;
        size_t i;

        if (!d->own_servers)
                dns_servers_refresh(&d->servers, "/etc/resolv.conf");
        for (i = 0; i < FORWARDS_MAX && d->forwards[i]; i++)
                ;
        f = i < FORWARDS_MAX && d->servers.n > 0 ? calloc(1, sizeof *f) : NULL;
        if (f)
                f->query = malloc(2 + size);
        if (!f || !f->query) {
                free(f);
                dns_refuse(d, client, asker, query, size, DNS_SERVER_FAILURE);
                return;
        }

        f->kind = DNS_FORWARD;
        f->socket = -EBADF;
        f->client = client;
        f->first = d->preferred;
        if (!client)
                f->asker = *asker;
        f->id = (uint16_t) (query[0] << 8 | query[1]);
        f->size = size;
        f->query[0] = (uint8_t) (size >> 8);
        f->query[1] = (uint8_t) size;
        memcpy(f->query + 2, query, size);
        d->forwards[i] = f;
        if (client)
                dns_client_wait(d, client, f);
        ask_next(d, f);
}

/* Takes an answer, or goes on to the next resolver if this one only says that it cannot. */
static void take_answer(Dns *d, DnsForward *f, uint8_t *message, size_t size) {
        DnsCode code = dns_code(message);
        bool useless = code != DNS_NO_ERROR && code != DNS_NO_SUCH_NAME && code != DNS_FORMAT_ERROR;

        if (useless && f->tries < d->servers.n) {
                ask_next(d, f);
                return;
        }
        if (!useless)
                d->preferred = f->server;
        finish(d, f, message, size);
}

static void receive_datagram(Dns *d, DnsForward *f) {
        ssize_t n = recv(f->socket, d->buffer, DNS_MESSAGE_MAX, 0);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n < 0)
                ask_next(d, f); /* nobody listens there: no need to wait */
        else if (dns_is_answer(d->buffer, (size_t) n, f->sent_id, f->query + 2, f->size))
                take_answer(d, f, d->buffer, (size_t) n);
}

static void send_stream(Dns *d, DnsForward *f) {
        ssize_t n = send(f->socket, f->query + f->sent, 2 + f->size - f->sent, MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n < 0) {
                ask_next(d, f);
                return;
        }
        f->sent += (size_t) n;
        if (f->sent == 2 + f->size && dns_watch(d, f->socket, f, EPOLLIN, false) < 0)
                ask_next(d, f);
}

static void receive_stream(Dns *d, DnsForward *f) {
        size_t size;
        ssize_t n;

        if (!f->answer)
                f->answer = malloc(2 + DNS_MESSAGE_MAX);
        if (!f->answer) {
                give_up(d, f);
                return;
        }
        n = recv(f->socket, f->answer + f->filled, 2 + DNS_MESSAGE_MAX - f->filled, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                ask_next(d, f);
                return;
        }
        f->filled += (size_t) n;
        size = (size_t) (f->answer[0] << 8 | f->answer[1]);
        if (f->filled < 2 || f->filled < 2 + size)
                return;
        if (dns_is_answer(f->answer + 2, size, f->sent_id, f->query + 2, f->size))
                take_answer(d, f, f->answer + 2, size);
        else
                ask_next(d, f);
}

void dns_forward_ready(Dns *d, DnsForward *f) {
        if (!is_tcp(f))
                receive_datagram(d, f);
        else if (f->sent < 2 + f->size)
                send_stream(d, f);
        else
                receive_stream(d, f);
}

void dns_forward_timeout(Dns *d, DnsForward *f) {
        ask_next(d, f);
}
