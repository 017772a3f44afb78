/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "base/auto.h"
#include "kernel/ns.h"
#include "measure/echo.h"
#include "measure/matrix.h"
#include "netlink/neighbour.h"
#include "netlink/nl.h"

#define SIZE    56
#define EVENTS  64
#define BATCH   256 /* requests between two flushes of a crowded neighbour table */
#define RING    64  /* requests remembered for each under way: a slow one stops no others */
#define RETRIES 3   /* of pairs that a crowded table may have kept apart */

void matrix_clear(MatrixResult *r) {
        free(r->cells);
        *r = (MatrixResult){};
}

MatrixOptions matrix_defaults(const Station *stations, size_t n) {
        return (MatrixOptions){ .stations = stations,
                                .n = n,
                                .count = 1,
                                .timeout_ns = NS_PER_S,
                                .window = 256,
                                .stop = -EBADF };
}

/* A request that is not answered yet; they are given up in the order they were sent. */
typedef struct Pending {
        uint64_t place; /* of its cell */
        int64_t sent_ns;
        bool done;
} Pending;

typedef struct Matrix {
        const MatrixOptions *o;
        MatrixResult *result;
        int *sockets, set;
        uint64_t session;
        Pending *pending; /* a ring: requests oldest to next, by number modulo its size */
        uint64_t ring, oldest, next;
        size_t under_way; /* neither answered nor given up */
        uint64_t cursor;  /* pair after pair, round after round */
        int *netlink;     /* of each station; once the neighbour table is crowded */
        uint64_t flushed; /* request before which the table was flushed last */
} Matrix;

static void take(Matrix *m, size_t from, const Echo *echo) {
        uint64_t number = (uint64_t) echo->target << 32 | echo->sequence;
        Pending *p = &m->pending[number % m->ring];
        MatrixCell *c;
        double ms = (double) (echo->arrived_ns - echo->sent_ns) / 1e6;

        if (number < m->oldest || number >= m->next || p->done || p->place / m->o->n != from)
                return;
        p->done = true;
        m->under_way--;
        c = &m->result->cells[p->place];
        if (c->received++ == 0) {
                m->result->reached++;
                c->min_ms = ms;
                c->mean_ms = 0;
        }
        m->result->received++;
        c->min_ms = fmin(c->min_ms, ms);
        c->mean_ms += (ms - c->mean_ms) / c->received;
}

static void receive(Matrix *m, int64_t until_ns) {
        struct epoll_event events[EVENTS];
        int64_t left = (until_ns - monotonic_ns()) / NS_PER_MS + 1;
        int n = epoll_wait(m->set, events, EVENTS, left < 0 ? 0 : left > 100 ? 100 : (int) left);

        for (int i = 0; i < n; i++) {
                size_t from = events[i].data.u64;
                Echo echo;

                for (int k = 0; k < EVENTS; k++) {
                        int r = echo_receive(m->sockets[from], m->o->stations[from].address.family,
                                             m->session, &echo);

                        if (r == -EAGAIN)
                                break;
                        if (r > 0)
                                take(m, from, &echo);
                }
        }
}

static void give_up_old(Matrix *m, int64_t now) {
        while (m->oldest < m->next) {
                const Pending *p = &m->pending[m->oldest % m->ring];

                if (!p->done && now - p->sent_ns < m->o->timeout_ns)
                        return;
                m->under_way -= !p->done;
                m->oldest++;
        }
}

static int open_netlink(void *context) {
        (void) context;
        return nl_open();
}

/* All network namespaces share one neighbour table: see netlink/neighbour.h. */
static void flush_neighbours(Matrix *m) {
        for (size_t i = 0; i < m->o->n; i++) {
                const Station *s = &m->o->stations[i];

                if (m->netlink[i] < 0)
                        m->netlink[i] = netns_run(s->netns, open_netlink, NULL);
                if (m->netlink[i] >= 0)
                        (void) neighbour_flush(m->netlink[i], s->address.family);
        }
        m->flushed = m->next;
}

/* The next pair to ask; in rounds beyond the count, which only a crowded table has, one that did
 * not answer yet.  False if there is none. */
static bool next_place(Matrix *m, uint64_t *ret_place, bool *ret_again) {
        uint64_t cells = (uint64_t) m->o->n * m->o->n, rounds = (uint64_t) m->o->count;

        if (m->result->crowded)
                rounds += RETRIES;
        for (; m->cursor < cells * rounds; m->cursor++) {
                uint64_t place = m->cursor % cells;

                *ret_again = m->cursor >= cells * (uint64_t) m->o->count;
                if (place / m->o->n == place % m->o->n ||
                    (*ret_again && m->result->cells[place].received > 0))
                        continue;
                m->cursor++;
                *ret_place = place;
                return true;
        }
        return false;
}

static void send_to(Matrix *m, uint64_t place, bool again) {
        int fd = m->sockets[place / m->o->n];
        const Address *to = &m->o->stations[place % m->o->n].address;
        Echo echo = { m->session, (uint32_t) (m->next >> 32), (uint32_t) m->next, monotonic_ns(),
                      0 };

        m->pending[m->next % m->ring] = (Pending){ place, echo.sent_ns, false };
        m->next++;
        m->under_way++;
        /* That the host was in the way is no loss of the network. */
        if (!again) {
                m->result->cells[place].sent++;
                m->result->sent++;
        }
        if (m->result->crowded && m->next - m->flushed > BATCH)
                flush_neighbours(m);
        /* What cannot be sent is not answered, and that is what is asked. */
        if (echo_send(fd, to, &echo, SIZE) != -ENOBUFS)
                return;
        m->result->crowded = true;
        flush_neighbours(m);
        (void) echo_send(fd, to, &echo, SIZE);
}

static void run(Matrix *m) {
        uint64_t place;
        bool more = true, again;

        while (more || m->oldest < m->next) {
                while (more && m->under_way < m->o->window && m->next - m->oldest < m->ring) {
                        more = next_place(m, &place, &again);
                        if (more)
                                send_to(m, place, again);
                }
                if (m->oldest < m->next)
                        receive(m, m->pending[m->oldest % m->ring].sent_ns + m->o->timeout_ns);
                give_up_old(m, monotonic_ns());
                /* Who has not answered in time is asked again, if it was the table's fault. */
                if (!more && m->oldest == m->next)
                        more = m->result->crowded && m->result->reached < m->result->pairs &&
                               m->cursor < (uint64_t) m->o->n * m->o->n *
                                                   ((uint64_t) m->o->count + RETRIES);
                if (probe_is_stopped(m->o->stop)) {
                        m->result->stopped = true;
                        return;
                }
        }
}

static int open_sockets(Matrix *m, Err *err) {
        m->set = epoll_create1(EPOLL_CLOEXEC);
        if (m->set < 0)
                return fail(err, errno, "cannot wait for replies");
        for (size_t i = 0; i < m->o->n; i++) {
                struct epoll_event e = { .events = EPOLLIN, .data.u64 = i };
                const Station *s = &m->o->stations[i];

                m->sockets[i] = echo_open(s->netns, s->address.family, err);
                if (m->sockets[i] < 0)
                        return m->sockets[i];
                if (epoll_ctl(m->set, EPOLL_CTL_ADD, m->sockets[i], &e) < 0)
                        return fail(err, errno, "cannot wait for replies");
        }
        return 0;
}

/* A socket for each station is more than most are allowed from the beginning. */
static void raise_limit(size_t n) {
        struct rlimit l;

        if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= n * 3 + 64)
                return;
        l.rlim_cur = l.rlim_max < n * 3 + 64 ? l.rlim_max : n * 3 + 64;
        (void) setrlimit(RLIMIT_NOFILE, &l);
}

static int prepare(Matrix *m, Err *err) {
        const MatrixOptions *o = m->o;
        size_t cells = o->n * o->n;

        if (o->n > MATRIX_MAX)
                return refuse(err, EINVAL, "a matrix has at most %d stations", MATRIX_MAX);
        if (o->count < 1 || o->count > 1000 || o->window < 1 || o->window > 65536 ||
            o->timeout_ns <= 0)
                return refuse(err, EINVAL, "a matrix sends 1 to 1000 requests for each pair");
        m->sockets = calloc(o->n + 1, sizeof *m->sockets);
        m->netlink = calloc(o->n + 1, sizeof *m->netlink);
        m->ring = o->window * RING;
        m->pending = calloc(m->ring, sizeof *m->pending);
        m->result->cells = calloc(cells + 1, sizeof *m->result->cells);
        if (!m->sockets || !m->netlink || !m->pending || !m->result->cells)
                return fail(err, ENOMEM, "cannot measure between %zu stations", o->n);
        for (size_t i = 0; i < o->n; i++)
                m->sockets[i] = m->netlink[i] = -EBADF;
        for (size_t i = 0; i < cells; i++)
                m->result->cells[i].min_ms = m->result->cells[i].mean_ms = NAN;
        m->result->n = o->n;
        m->result->pairs = o->n > 0 ? (uint64_t) o->n * (o->n - 1) : 0;
        raise_limit(o->n);
        return 0;
}

int matrix(const MatrixOptions *o, MatrixResult *ret, Err *err) {
        Matrix m = { .o = o, .result = ret, .set = -EBADF, .session = probe_session() };
        int r;

        *ret = (MatrixResult){};
        r = prepare(&m, err);
        if (r >= 0)
                r = open_sockets(&m, err);
        if (r >= 0)
                run(&m);
        for (size_t i = 0; m.sockets && m.netlink && i < o->n; i++) {
                close_fd(m.sockets[i]);
                close_fd(m.netlink[i]);
        }
        close_fd(m.set);
        free(m.sockets);
        free(m.netlink);
        free(m.pending);
        if (r < 0)
                matrix_clear(ret);
        return r;
}
