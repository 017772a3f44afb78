/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "measure/echo.h"
#include "measure/ping.h"

#define RETRY_NS (10 * NS_PER_MS) /* after a request that could not be sent */

void ping_clear(PingResult *r) {
        series_clear(&r->rtt);
        *r = (PingResult){};
}

PingOptions ping_defaults(int from, const Address *to) {
        return (PingOptions){ .from = from,
                              .to = *to,
                              .count = 10,
                              .interval_ns = 100 * NS_PER_MS,
                              .timeout_ns = NS_PER_S,
                              .size = 56,
                              .stop = -EBADF };
}

typedef struct Pinger {
        const PingOptions *o;
        PingResult *result;
        int fd;
        uint64_t session;
        uint8_t *answered; /* a byte for each request */
        int64_t next_ns, last_sent_ns;
        uint32_t highest; /* sequence number answered so far, plus one */
} Pinger;

static int check_options(const PingOptions *o, Err *err) {
        if (o->count < 1 || o->count > PING_COUNT_MAX)
                return refuse(err, EINVAL, "a ping sends 1 to %d requests", PING_COUNT_MAX);
        if (o->size < ECHO_MIN || o->size > ECHO_MAX)
                return refuse(err, EINVAL, "a request has %d to %d bytes of data", ECHO_MIN,
                              ECHO_MAX);
        if (o->timeout_ns <= 0 || o->interval_ns < 0)
                return refuse(err, EINVAL, "a ping's timeout and interval are above zero");
        return 0;
}

static int open_pinger(Pinger *p, Err *err) {
        struct sockaddr_storage name;
        socklen_t size = probe_sockaddr(&p->o->to, 0, &name);
        int r = echo_open(p->o->from, p->o->to.family, err);

        if (r < 0)
                return r;
        p->fd = r;
        if (p->o->ttl > 0 && p->o->to.family == AF_INET6)
                r = setsockopt(p->fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &p->o->ttl,
                               sizeof p->o->ttl);
        else if (p->o->ttl > 0)
                r = setsockopt(p->fd, IPPROTO_IP, IP_TTL, &p->o->ttl, sizeof p->o->ttl);
        if (r < 0)
                return fail(err, errno, "cannot send with a time to live of %d", p->o->ttl);
        /* Without a route there is no connection, which is a result. */
        if (connect(p->fd, (struct sockaddr *) &name, size) < 0)
                p->result->error = -errno;
        return 0;
}

static void send_next(Pinger *p) {
        PingResult *r = p->result;
        Echo echo = { p->session, 0, (uint32_t) r->sent, monotonic_ns(), 0 };
        int sent = echo_send(p->fd, &p->o->to, &echo, p->o->size);

        if (sent < 0)
                r->error = sent;
        r->sent++;
        p->last_sent_ns = echo.sent_ns;
        if (p->o->interval_ns > 0)
                p->next_ns += p->o->interval_ns;
        else
                p->next_ns = echo.sent_ns + (sent < 0 ? RETRY_NS : p->o->timeout_ns);
}

static void take(Pinger *p, const Echo *echo) {
        PingResult *r = p->result;

        if (echo->sequence >= r->sent)
                return;
        if (p->answered[echo->sequence]) {
                r->duplicates++;
                return;
        }
        p->answered[echo->sequence] = 1;
        if (echo->sequence < p->highest)
                r->reordered++;
        else
                p->highest = echo->sequence + 1;
        if (echo->arrived_ns - echo->sent_ns > p->o->timeout_ns) {
                r->late++;
                return;
        }
        r->received++;
        series_add(&r->rtt, (double) (echo->sent_ns - r->started_ns) / 1e9,
                   (double) (echo->arrived_ns - echo->sent_ns) / 1e6);
        if (p->o->interval_ns == 0 && echo->sequence + 1 == r->sent)
                p->next_ns = monotonic_ns();
}

static void receive(Pinger *p) {
        Echo echo;

        for (int i = 0; i < 1000; i++) {
                int n = echo_receive(p->fd, p->o->to.family, p->session, &echo);

                if (n > 0)
                        take(p, &echo);
                else if (n == -EAGAIN)
                        return;
                else if (n < 0)
                        p->result->error = n;
        }
}

/* All that may be sent has been: of the last ones answers may come yet. */
static bool is_sent(const Pinger *p) {
        const PingOptions *o = p->o;

        return (int64_t) p->result->sent >= o->count ||
               (o->duration_ns > 0 && p->next_ns - p->result->started_ns >= o->duration_ns);
}

static int run(Pinger *p, Err *err) {
        PingResult *r = p->result;

        while (!is_sent(p) || r->received + r->late < r->sent) {
                bool sent = is_sent(p);
                int64_t until = sent ? p->last_sent_ns + p->o->timeout_ns : p->next_ns;
                int n;

                if (!sent && monotonic_ns() >= p->next_ns) {
                        send_next(p);
                        continue;
                }
                n = probe_wait(p->fd, POLLIN, p->o->stop, until);
                if (n == -ECANCELED) {
                        r->stopped = true;
                        return 0;
                }
                if (n < 0)
                        return fail(err, n, "cannot wait for replies");
                if (n > 0)
                        receive(p);
                else if (sent)
                        return 0;
        }
        return 0;
}

int ping(const PingOptions *o, PingResult *ret, Err *err) {
        Pinger p = { .o = o, .result = ret, .fd = -EBADF, .session = probe_session() };
        int r = check_options(o, err);

        *ret = (PingResult){};
        if (r < 0)
                return r;
        p.answered = calloc((size_t) o->count, 1);
        if (!p.answered || series_name(&ret->rtt, "rtt", "ms") < 0)
                r = fail(err, ENOMEM, "cannot ping");
        if (r >= 0)
                r = open_pinger(&p, err);
        if (r >= 0) {
                probe_sleep_exactly();
                ret->started_ns = p.next_ns = monotonic_ns();
                r = run(&p, err);
        }
        if (r >= 0 && ret->rtt.failed)
                r = fail(err, ENOMEM, "cannot keep the round trip times");
        close_fd(p.fd);
        free(p.answered);
        if (r < 0)
                ping_clear(ret);
        return r;
}
