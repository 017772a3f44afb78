/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <linux/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/auto.h"
#include "base/json.h"
#include "measure/tcp.h"

#define CHUNK   (256 << 10)
#define SAMPLE  (100 * NS_PER_MS)
#define WAKE_MS 50

typedef struct Pipe {
        int sender, receiver;
        uint64_t unsent; /* bytes, of a flow with an end */
        atomic_ullong received;
        uint64_t sampled, resent; /* at the last sample */
} Pipe;

typedef struct Transfer {
        const TcpOptions *o;
        TcpResult *result;
        Pipe *pipes;
        size_t n;
        atomic_bool over;   /* both threads end */
        atomic_size_t left; /* flows that have not ended by themselves */
} Transfer;

static void flow_clear(TcpFlow *f) {
        series_clear(&f->goodput);
        series_clear(&f->window);
        series_clear(&f->rtt);
        series_clear(&f->resent);
        series_clear(&f->delivery);
}

void tcp_clear(TcpResult *r) {
        for (size_t i = 0; i < r->n_flows; i++)
                flow_clear(&r->flows[i]);
        free(r->flows);
        series_clear(&r->goodput);
        *r = (TcpResult){};
}

TcpOptions tcp_defaults(const Station *from, const Station *to) {
        return (TcpOptions){ .from = *from,
                             .to = *to,
                             .flows = 1,
                             .duration_ns = 10 * NS_PER_S,
                             .patience_ns = 5 * NS_PER_S,
                             .stop = -EBADF };
}

/* ---- connecting ---- */

/* What became of a connection that was begun. */
static int await_connection(int fd, int64_t patience_ns, int stop) {
        int reason = 0, r;
        socklen_t size = sizeof reason;

        r = probe_wait(fd, POLLOUT, stop, monotonic_ns() + patience_ns);
        if (r <= 0)
                return r == 0 ? -ETIMEDOUT : r;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &size) < 0)
                return -errno;
        return -reason;
}

static int begin_connection(int fd, const Address *to, uint16_t port) {
        struct sockaddr_storage name;
        socklen_t size = probe_sockaddr(to, port, &name);

        return connect(fd, (struct sockaddr *) &name, size) < 0 && errno != EINPROGRESS ? -errno
                                                                                        : 0;
}

int tcp_try(int netns, const Address *to, uint16_t port, int64_t patience_ns, int stop) {
        autoclose int fd = probe_socket(netns, to->family, SOCK_STREAM, 0, NULL);
        int r = fd < 0 ? fd : begin_connection(fd, to, port);

        return r < 0 ? r : await_connection(fd, patience_ns, stop);
}

static int set_congestion(int fd, const char *name, Err *err) {
        if (!name ||
            setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t) strlen(name)) >= 0)
                return 0;
        return err_hint(err, fail(err, errno, "cannot use congestion control '%s'", name),
                        "/proc/sys/net/ipv4/tcp_available_congestion_control lists what the "
                        "kernel has");
}

static int listen_at(const TcpOptions *o, int *ret_port, Err *err) {
        autoclose int fd = probe_socket(o->to.netns, o->to.address.family, SOCK_STREAM, 0, err);
        int r = fd;

        if (r >= 0)
                r = set_congestion(fd, o->congestion, err);
        if (r >= 0)
                *ret_port = r = probe_bind(fd, &o->to.address, err);
        if (r >= 0 && listen(fd, TCP_FLOWS_MAX) < 0)
                r = fail(err, errno, "cannot listen for TCP connections");
        return r < 0 ? r : take_fd(fd);
}

static int connect_pipe(Transfer *t, Pipe *p, int listener, int port, Err *err) {
        const TcpOptions *o = t->o;
        char text[INET6_ADDRSTRLEN];
        int client, server, r;

        client = r = probe_socket(o->from.netns, o->from.address.family, SOCK_STREAM, 0, err);
        if (r < 0)
                return r;
        *(o->reverse ? &p->receiver : &p->sender) = client;
        r = set_congestion(client, o->congestion, err);
        if (r < 0)
                return r;
        addr_text(&o->to.address, text);
        r = begin_connection(client, &o->to.address, (uint16_t) port);
        if (r >= 0)
                r = await_connection(client, o->patience_ns, o->stop);
        if (r == -ECANCELED)
                return refuse(err, ECANCELED, "stopped before the TCP connection stood");
        if (r < 0)
                return fail(err, r, "cannot connect to %s over TCP", text);
        r = probe_wait(listener, POLLIN, o->stop, monotonic_ns() + o->patience_ns);
        server = r <= 0 ? -1 : accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (server < 0)
                return fail(err,
                            r > 0    ? errno
                            : r == 0 ? ETIMEDOUT
                                     : r,
                            "cannot accept a TCP connection at %s", text);
        *(o->reverse ? &p->sender : &p->receiver) = server;
        return 0;
}

static int connect_all(Transfer *t, Err *err) {
        int64_t begun = monotonic_ns();
        int port = 0, r = 0;
        autoclose int listener = listen_at(t->o, &port, err);
        socklen_t size = sizeof t->result->congestion;

        if (listener < 0)
                return listener;
        for (size_t i = 0; i < t->n && r >= 0; i++)
                r = connect_pipe(t, &t->pipes[i], listener, port, err);
        if (r < 0)
                return r;
        t->result->connect_ms = (double) (monotonic_ns() - begun) / 1e6;
        (void) getsockopt(t->pipes[0].sender, IPPROTO_TCP, TCP_CONGESTION, t->result->congestion,
                          &size);
        t->result->congestion[sizeof t->result->congestion - 1] = '\0';
        return 0;
}

/* ---- sending and receiving, a thread for each ---- */

/* A poll set of one end of all flows; negative errno. */
static int poll_set(Transfer *t, bool senders) {
        autoclose int set = epoll_create1(EPOLL_CLOEXEC);

        if (set < 0)
                return -errno;
        for (size_t i = 0; i < t->n; i++) {
                struct epoll_event e = { .events = senders ? EPOLLOUT : EPOLLIN, .data.u64 = i };
                int fd = senders ? t->pipes[i].sender : t->pipes[i].receiver;

                if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) < 0)
                        return -errno;
        }
        return take_fd(set);
}

/* True once the flow has ended at this side. */
static bool send_some(Transfer *t, Pipe *p, const void *chunk) {
        size_t size = t->o->bytes && p->unsent < CHUNK ? p->unsent : CHUNK;
        ssize_t n = send(p->sender, chunk, size, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0)
                return errno != EAGAIN && errno != EINTR;
        if (!t->o->bytes)
                return false;
        p->unsent -= (uint64_t) n;
        if (p->unsent == 0)
                (void) shutdown(p->sender, SHUT_WR);
        return p->unsent == 0;
}

static bool receive_some(Pipe *p, void *chunk) {
        ssize_t n = recv(p->receiver, chunk, CHUNK, MSG_DONTWAIT);

        if (n > 0)
                atomic_fetch_add(&p->received, (uint64_t) n);
        return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

typedef struct Side {
        Transfer *transfer;
        bool senders;
        atomic_int error;
} Side;

static void serve(Side *side, int set, void *chunk) {
        Transfer *t = side->transfer;
        struct epoll_event events[TCP_FLOWS_MAX];

        while (!atomic_load(&t->over)) {
                int n = epoll_wait(set, events, TCP_FLOWS_MAX, WAKE_MS);

                for (int i = 0; i < n; i++) {
                        Pipe *p = &t->pipes[events[i].data.u64];

                        if (side->senders ? !send_some(t, p, chunk) : !receive_some(p, chunk))
                                continue;
                        (void) epoll_ctl(set, EPOLL_CTL_DEL,
                                         side->senders ? p->sender : p->receiver, NULL);
                        if (!side->senders)
                                atomic_fetch_sub(&t->left, 1);
                }
        }
}

static void *serve_side(void *context) {
        Side *side = context;
        autofree void *chunk = calloc(1, CHUNK);
        autoclose int set = poll_set(side->transfer, side->senders);

        if (!chunk || set < 0)
                side->error = set < 0 ? set : -ENOMEM;
        else
                serve(side, set, chunk);
        return NULL;
}

/* ---- watching ---- */

static void sample_flow(Transfer *t, size_t i, double at, double seconds) {
        Pipe *p = &t->pipes[i];
        TcpFlow *f = &t->result->flows[i];
        uint64_t received = atomic_load(&p->received);
        struct tcp_info info = {};
        socklen_t size = sizeof info;

        f->received = received;
        series_add(&f->goodput, at, (double) (received - p->sampled) * 8 / seconds / 1e6);
        p->sampled = received;
        if (getsockopt(p->sender, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
                return;
        f->mss = info.tcpi_snd_mss;
        f->retransmits = info.tcpi_total_retrans;
        series_add(&f->window, at, (double) info.tcpi_snd_cwnd * info.tcpi_snd_mss / 1024);
        series_add(&f->rtt, at, (double) info.tcpi_rtt / 1000);
        series_add(&f->resent, at, (double) (info.tcpi_total_retrans - p->resent));
        series_add(&f->delivery, at, (double) info.tcpi_delivery_rate * 8 / 1e6);
        p->resent = info.tcpi_total_retrans;
}

static void sample(Transfer *t, int64_t now, int64_t *last) {
        double at = (double) (now - t->result->started_ns) / 1e9;
        double seconds = (double) (now - *last) / 1e9;
        uint64_t before = t->result->received, received = 0;

        /* A remainder too short for a rate. */
        if (now - *last < SAMPLE / 10)
                return;
        for (size_t i = 0; i < t->n; i++) {
                sample_flow(t, i, at, seconds);
                received += t->result->flows[i].received;
        }
        series_add(&t->result->goodput, at, (double) (received - before) * 8 / seconds / 1e6);
        t->result->received = received;
        *last = now;
}

static int watch(Transfer *t, const Side *sides, Err *err) {
        int64_t end = t->result->started_ns + t->o->duration_ns, last = t->result->started_ns;

        while (last < end && atomic_load(&t->left) > 0) {
                int64_t next = last + SAMPLE < end ? last + SAMPLE : end;
                int r = probe_wait(-1, 0, t->o->stop, next);

                if (r < 0 && r != -ECANCELED)
                        return fail(err, r, "cannot wait while TCP is measured");
                if (sides[0].error < 0 || sides[1].error < 0)
                        break;
                sample(t, monotonic_ns(), &last);
                if (r == -ECANCELED) {
                        t->result->stopped = true;
                        break;
                }
                if (next == end)
                        break;
        }
        return 0;
}

static void conclude(Transfer *t) {
        TcpResult *r = t->result;
        double sum = 0, squares = 0;

        r->seconds = (double) (monotonic_ns() - r->started_ns) / 1e9;
        r->received = r->retransmits = 0;
        for (size_t i = 0; i < t->n; i++) {
                TcpFlow *f = &r->flows[i];

                f->received = atomic_load(&t->pipes[i].received);
                f->goodput_bps = (double) f->received * 8 / r->seconds;
                r->received += f->received;
                r->retransmits += f->retransmits;
                sum += f->goodput_bps;
                squares += f->goodput_bps * f->goodput_bps;
        }
        r->goodput_bps = sum;
        r->fairness = squares > 0 ? sum * sum / ((double) t->n * squares) : 0;
}

static int transfer(Transfer *t, Err *err) {
        Side sides[] = { { t, true, 0 }, { t, false, 0 } };
        CpuMark before = {}, after = {};
        int marked = cpu_mark(&before), r = 0, n = 0;
        pthread_t threads[2];

        t->result->started_ns = monotonic_ns();
        for (; n < 2 && r == 0; n++)
                r = pthread_create(&threads[n], NULL, serve_side, &sides[n]);
        if (r != 0) {
                n--;
                r = fail(err, r, "cannot start a thread");
        } else
                r = watch(t, sides, err);
        conclude(t);
        if (marked >= 0 && cpu_mark(&after) >= 0)
                t->result->cpu = cpu_between(&before, &after);
        atomic_store(&t->over, true);
        while (n > 0)
                pthread_join(threads[--n], NULL);
        for (int i = 0; i < 2 && r >= 0; i++)
                if (sides[i].error < 0)
                        r = fail(err, sides[i].error, "cannot send and receive over TCP");
        return r;
}

/* ---- all of it ---- */

static int check_options(const TcpOptions *o, Err *err) {
        if (o->flows < 1 || o->flows > TCP_FLOWS_MAX)
                return refuse(err, EINVAL, "there can be 1 to %d flows", TCP_FLOWS_MAX);
        if (o->duration_ns <= 0 || o->patience_ns <= 0)
                return refuse(err, EINVAL, "a transfer's duration is above zero");
        if (o->from.address.family != o->to.address.family)
                return refuse(err, EINVAL, "a connection's ends are both of IPv4 or both of IPv6");
        return 0;
}

static int prepare(Transfer *t, Err *err) {
        int r = series_name(&t->result->goodput, "goodput", "Mbit/s");

        t->pipes = calloc(t->n, sizeof *t->pipes);
        if (!t->pipes)
                return fail(err, ENOMEM, "cannot measure TCP");
        for (size_t i = 0; i < t->n; i++)
                t->pipes[i] = (Pipe){ .sender = -EBADF, .receiver = -EBADF, .unsent = t->o->bytes };
        for (size_t i = 0; i < t->n; i++) {
                TcpFlow *f = json_grow(&t->result->flows, &t->result->n_flows, sizeof *f);

                if (!f || r < 0 || series_name(&f->goodput, "goodput", "Mbit/s") < 0 ||
                    series_name(&f->window, "cwnd", "KiB") < 0 ||
                    series_name(&f->rtt, "rtt", "ms") < 0 ||
                    series_name(&f->resent, "retransmits", "segments") < 0 ||
                    series_name(&f->delivery, "delivery rate", "Mbit/s") < 0)
                        return fail(err, ENOMEM, "cannot measure TCP");
        }
        t->left = t->n;
        return 0;
}

/* What is still queued is thrown away: at the end of the time nobody waits for it. */
static void close_pipes(Transfer *t) {
        struct linger now = { .l_onoff = 1 };

        for (size_t i = 0; t->pipes && i < t->n; i++) {
                Pipe *p = &t->pipes[i];

                (void) setsockopt(p->sender, SOL_SOCKET, SO_LINGER, &now, sizeof now);
                close_fd(p->sender);
                close_fd(p->receiver);
        }
        free(t->pipes);
}

int tcp(const TcpOptions *o, TcpResult *ret, Err *err) {
        Transfer t = { .o = o, .result = ret, .n = (size_t) o->flows };
        int r = check_options(o, err);

        *ret = (TcpResult){};
        if (r < 0)
                return r;
        r = prepare(&t, err);
        if (r >= 0)
                r = connect_all(&t, err);
        if (r >= 0)
                r = transfer(&t, err);
        close_pipes(&t);
        if (r < 0)
                tcp_clear(ret);
        return r;
}
