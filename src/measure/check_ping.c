/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests by echo requests: pingall, reach, ping, cut. */

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <string.h>

#include "base/json.h"
#include "measure/check_internal.h"
#include "measure/echo.h"

#define SAID_MAX 10 /* pairs that are named; the others are counted */

/* ---- pingall ---- */

static int say_unreached(CheckOutcome *o, const MatrixResult *m, char *const *names) {
        int said = 0, r = 0;

        for (size_t i = 0; i < m->n && r >= 0 && said < SAID_MAX; i++)
                for (size_t k = 0; k < m->n && r >= 0 && said < SAID_MAX; k++) {
                        const MatrixCell *cell = &m->cells[i * m->n + k];

                        if (i == k || cell->received > 0)
                                continue;
                        said++;
                        r = check_detail(o, "%s does not reach %s", names[i], names[k]);
                }
        return r;
}

static int pingall(const Check *c, const CheckLab *lab, const CheckGroup *g, int family,
                   CheckOutcome *o, Err *err) {
        MatrixOptions options = matrix_defaults(g->stations, g->n);
        automatrix m = {};
        autofree char *words = NULL;
        double loss;
        int r;

        options.count = (int) c->count;
        options.timeout_ns = c->timeout_ns;
        options.stop = lab->stop;
        r = matrix(&options, &m, err);
        if (r < 0)
                return r;
        if (m.crowded &&
            check_detail(o, "the host's neighbour table was full, and was emptied meanwhile") < 0)
                return -ENOMEM;
        loss = m.sent ? 1 - (double) m.received / (double) m.sent : 0;
        words = figure_words(loss * 100, "%");
        if (!words)
                return -ENOMEM;
        if (bound_holds(&c->loss, loss))
                return check_detail(o, "IPv%d: %llu of %llu pairs, loss %s",
                                    family == AF_INET6 ? 6 : 4, (unsigned long long) m.reached,
                                    (unsigned long long) m.pairs, words);
        r = check_failed(o, "IPv%d: %llu of %llu pairs, loss %s", family == AF_INET6 ? 6 : 4,
                         (unsigned long long) m.reached, (unsigned long long) m.pairs, words);
        return r < 0 ? r : say_unreached(o, &m, g->names);
}

int check_pingall(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err) {
        static const int families[] = { AF_INET, AF_INET6 };
        int r = 0, met = 0;

        for (int i = 0; i < 2 && r >= 0; i++) {
                CheckGroup g = {};

                if ((i == 0 && c->family == CHECK_IPV6) || (i == 1 && c->family == CHECK_IPV4) ||
                    (c->family == CHECK_ANY && met))
                        continue;
                r = check_group(&g, c, lab, families[i], err);
                if (r >= 0 && g.n > 1) {
                        met++;
                        r = pingall(c, lab, &g, families[i], o, err);
                }
                check_group_clear(&g);
        }
        if (r >= 0 && met == 0)
                r = refuse(err, EINVAL, "there are no two nodes with addresses to ping");
        return r;
}

/* ---- reach ---- */

static int try_port(const Check *c, int netns, const Address *to, int stop) {
        return tcp_try(netns, to, (uint16_t) c->port, c->timeout_ns, stop);
}

static int try_ping(const Check *c, int netns, const Address *to, int stop) {
        PingOptions options = ping_defaults(netns, to);
        autoping result = {};
        int r;

        options.count = 1;
        options.timeout_ns = c->timeout_ns;
        options.stop = stop;
        r = ping(&options, &result, NULL);
        return r < 0 ? r : result.received ? 0 : result.error ? result.error : -ETIMEDOUT;
}

static int reach_one(const Check *c, const CheckLab *lab, const Endpoint *from, const Endpoint *to,
                     int family, CheckOutcome *o, Err *err) {
        autofree char *a = endpoint_name(lab->topology, from);
        autofree char *b = endpoint_name(lab->topology, to);
        const char *over = family == AF_INET6 ? "IPv6" : "IPv4";
        Address address;
        Station s;
        int r;

        if (!a || !b || !endpoint_address(lab->topology, to, family, &address))
                return -ENOMEM;
        r = check_station(lab, from, family, &s, err);
        if (r < 0)
                return r;
        r = c->port ? try_port(c, s.netns, &address, lab->stop)
                    : try_ping(c, s.netns, &address, lab->stop);
        close_fd(s.netns);
        if ((r >= 0) == (c->expect == 0))
                return r >= 0 ? check_detail(o, "%s reaches %s over %s", a, b, over)
                              : check_detail(o, "%s does not reach %s over %s: %s", a, b, over,
                                             strerror(-r));
        return r >= 0 ? check_failed(o, "%s reaches %s over %s, which it should not", a, b, over)
                      : check_failed(o, "%s does not reach %s over %s: %s", a, b, over,
                                     strerror(-r));
}

int check_reach(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err) {
        return check_pairs(c, reach_one, lab, o, err);
}

/* ---- ping ---- */

static int ping_figures(const Check *c, const PingResult *result, CheckOutcome *o) {
        Summary s;
        int r = series_summary(&result->rtt, &s);
        const struct {
                const char *setting;
                double value;
                const Bound *bound;
                bool always;
        } figures[] = {
                { "rtt", s.median, &c->rtt, true },
                { "rtt-min", s.min, &c->rtt_min, false },
                { "rtt-mean", s.mean, &c->rtt_mean, false },
                { "rtt-p95", s.p95, &c->rtt_p95, false },
                { "rtt-p99", s.p99, &c->rtt_p99, false },
                { "rtt-max", s.max, &c->rtt_max, false },
                { "jitter", s.jitter, &c->jitter, false },
        };

        if (r >= 0)
                r = check_figure(c, o, "loss", ping_loss(result), "share", &c->loss);
        for (size_t i = 0; i < sizeof figures / sizeof *figures && r >= 0; i++)
                if (figures[i].always || figures[i].bound->is_set)
                        r = check_figure(c, o, figures[i].setting, figures[i].value, "ms",
                                         figures[i].bound);
        return r;
}

static int ping_one(const Check *c, const CheckLab *lab, const Endpoint *from, const Endpoint *to,
                    int family, CheckOutcome *o, Err *err) {
        autoping result = {};
        PingOptions options;
        Address address;
        Station s;
        int r;

        if (!endpoint_address(lab->topology, to, family, &address))
                return refuse(err, EINVAL, "there is no address to ping");
        r = check_station(lab, from, family, &s, err);
        if (r < 0)
                return r;
        (void) echo_warm_up(s.netns, &address, WARM_UP_MAX, lab->stop);
        options = ping_defaults(s.netns, &address);
        options.count = c->count;
        options.interval_ns = c->interval_ns;
        options.timeout_ns = c->timeout_ns;
        options.size = (size_t) c->size;
        options.stop = lab->stop;
        r = ping(&options, &result, err);
        close_fd(s.netns);
        return r < 0 ? r : ping_figures(c, &result, o);
}

int check_ping(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err) {
        return check_pairs(c, ping_one, lab, o, err);
}

/* ---- cut ---- */

#define CUT_PATIENCE (60 * NS_PER_S) /* where the bound itself has no end */

typedef struct Watch {
        const Check *c;
        const CheckLab *lab;
        int fd;
        Address to;
        uint64_t session;
        uint32_t next;
} Watch;

/* Pings until an answer to a request sent from now on arrives, or the time has come.  1: at
 * @ret_ns, when that request was sent; 0: none; negative errno. */
static int await_answer(Watch *w, int64_t patience_ns, int64_t *ret_ns) {
        int64_t end = monotonic_ns() + patience_ns, due = 0;
        uint32_t first = w->next;

        for (;;) {
                int64_t now = monotonic_ns();
                Echo echo;
                int r;

                if (now >= end)
                        return 0;
                if (now >= due) {
                        echo = (Echo){ w->session, 0, w->next++, now, 0 };
                        (void) echo_send(w->fd, &w->to, &echo, 56);
                        due = now + (w->c->interval_ns > 0 ? w->c->interval_ns : NS_PER_MS);
                }
                r = probe_wait(w->fd, POLLIN, w->lab->stop, due < end ? due : end);
                if (r < 0)
                        return r;
                while (r > 0 &&
                       (r = echo_receive(w->fd, w->to.family, w->session, &echo)) != -EAGAIN) {
                        if (r > 0 && echo.sequence >= first) {
                                *ret_ns = echo.sent_ns;
                                return 1;
                        }
                        r = 1;
                }
        }
}

static int64_t patience(const Bound *b) {
        return isfinite(b->high) ? (int64_t) (b->high * 1e6) + NS_PER_S : CUT_PATIENCE;
}

/* Silence, or the first answer after it, each measured from @since. */
static int after_cut(Watch *w, int64_t since, CheckOutcome *o) {
        const Check *c = w->c;
        bool expect_loss = c->after == 1;
        int64_t at, drain = 2 * NS_PER_MS;
        int r = probe_wait(-1, 0, w->lab->stop, monotonic_ns() + drain);

        if (r < 0)
                return r;
        r = await_answer(w, expect_loss ? c->duration_ns : patience(&c->recover), &at);
        if (r < 0)
                return r;
        if (expect_loss)
                return r == 0 ? check_detail(o, "nothing gets through while it is cut")
                              : check_failed(o, "it still answers although the link is cut");
        if (r == 0)
                return check_failed(o, "no answer after the link was cut, for %.1f s",
                                    (double) (monotonic_ns() - since) / 1e9);
        return check_figure(c, o, "recover", (double) (at - since) / 1e6, "ms", &c->recover);
}

static int cut_and_watch(Watch *w, CheckOutcome *o, Err *err) {
        const Check *c = w->c;
        int64_t at, since;
        int r = await_answer(w, NS_PER_S * 5, &at), restored;

        if (r == 0)
                return check_failed(o, "it does not answer even before the link is cut");
        if (r < 0)
                return r;
        r = w->lab->set_link(w->lab->context, c->link, false, err);
        if (r < 0)
                return r;
        r = after_cut(w, monotonic_ns(), o);
        since = monotonic_ns();
        restored = w->lab->set_link(w->lab->context, c->link, true, err);
        if (restored < 0)
                return err_prefix(err, restored, "cannot restore the link");
        if (r >= 0)
                r = await_answer(w, patience(&c->restore), &at);
        if (r < 0)
                return r;
        if (r == 0)
                return check_failed(o, "no answer after the link was restored, for %.1f s",
                                    (double) (monotonic_ns() - since) / 1e9);
        return check_figure(c, o, "restore", (double) (at - since) / 1e6, "ms", &c->restore);
}

static int cut_one(const Check *c, const CheckLab *lab, const Endpoint *from, const Endpoint *to,
                   int family, CheckOutcome *o, Err *err) {
        Watch w = { .c = c, .lab = lab, .session = probe_session() };
        Station s;
        int r;

        if (!lab->set_link)
                return refuse(err, ENOTSUP, "links cannot be cut here");
        if (!endpoint_address(lab->topology, to, family, &w.to))
                return refuse(err, EINVAL, "there is no address to ping");
        r = check_station(lab, from, family, &s, err);
        if (r < 0)
                return r;
        w.fd = echo_open(s.netns, family, err);
        close_fd(s.netns);
        if (w.fd < 0)
                return w.fd;
        r = cut_and_watch(&w, o, err);
        close_fd(w.fd);
        return r;
}

int check_cut(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err) {
        return check_pairs(c, cut_one, lab, o, err);
}
