/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests by traffic: tcp, udp, loss. */

#include <errno.h>
#include <math.h>

#include "measure/check_internal.h"
#include "measure/echo.h"

/* Both ends of a pair, open. */
typedef struct Ends {
        Station from, to;
} Ends;

static int open_ends(const CheckLab *lab, const Endpoint *from, const Endpoint *to, int family,
                     Ends *ret, Err *err) {
        int r = check_station(lab, from, family, &ret->from, err);

        if (r < 0)
                return r;
        r = check_station(lab, to, family, &ret->to, err);
        if (r < 0)
                close_fd(ret->from.netns);
        else
                (void) echo_warm_up(ret->from.netns, &ret->to.address, WARM_UP_MAX, lab->stop);
        return r;
}

static void close_ends(Ends *e) {
        close_fd(e->from.netns);
        close_fd(e->to.netns);
}

static int tcp_figures(const Check *c, const TcpResult *result, CheckOutcome *o) {
        int r = check_figure(c, o, "rate", result->goodput_bps, "bit/s", &c->speed);

        if (r >= 0)
                r = check_figure(c, o, "retransmits", (double) result->retransmits, "segments",
                                 &c->retransmits);
        if (r >= 0 && c->connect.is_set)
                r = check_figure(c, o, "connect", result->connect_ms, "ms", &c->connect);
        if (r >= 0 && c->fairness.is_set)
                r = check_figure(c, o, "fairness", result->fairness, "", &c->fairness);
        return r;
}

static int tcp_one(const Check *c, const CheckLab *lab, const Endpoint *from, const Endpoint *to,
                   int family, CheckOutcome *o, Err *err) {
        autotcp result = {};
        TcpOptions options;
        Ends e;
        int r = open_ends(lab, from, to, family, &e, err);

        if (r < 0)
                return r;
        options = tcp_defaults(&e.from, &e.to);
        options.flows = (int) c->flows;
        options.duration_ns = c->duration_ns;
        options.reverse = c->direction == 1;
        options.congestion = c->congestion;
        options.stop = lab->stop;
        r = tcp(&options, &result, err);
        close_ends(&e);
        return r < 0 ? r : tcp_figures(c, &result, o);
}

int check_tcp(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err) {
        return check_pairs(c, tcp_one, lab, o, err);
}

static int stream_figures(const Check *c, const StreamResult *result, CheckOutcome *o) {
        Summary s;
        int r = series_summary(&result->delay, &s);
        const struct {
                const char *setting, *unit;
                double value;
                const Bound *bound;
        } figures[] = {
                { "throughput", "bit/s", result->received_bps, &c->speed },
                { "delay", "ms", s.median, &c->delay },
                { "delay-p99", "ms", s.p99, &c->delay_p99 },
                { "delay-max", "ms", s.max, &c->delay_max },
                { "jitter", "ms", s.jitter, &c->jitter },
                { "reordered", "datagrams", (double) result->reordered, &c->reordered },
                { "duplicates", "datagrams", (double) result->duplicates, &c->duplicates },
        };

        if (r >= 0)
                r = check_figure(c, o, "loss", stream_loss(result), "share", &c->loss);
        for (size_t i = 0; i < sizeof figures / sizeof *figures && r >= 0; i++)
                if (figures[i].bound->is_set)
                        r = check_figure(c, o, figures[i].setting, figures[i].value,
                                         figures[i].unit, figures[i].bound);
        if (r >= 0 && result->overrun > 0)
                r = check_detail(o, "the host was too slow to receive %llu datagrams",
                                 (unsigned long long) result->overrun);
        if (r >= 0 && result->refused > 0)
                r = check_detail(o, "the host had no room to send %llu datagrams",
                                 (unsigned long long) result->refused);
        return r;
}

static int stream_one(const Check *c, const CheckLab *lab, const Endpoint *from, const Endpoint *to,
                      int family, CheckOutcome *o, Err *err) {
        autostream result = {};
        StreamOptions options;
        Ends e;
        int r = open_ends(lab, from, to, family, &e, err);

        if (r < 0)
                return r;
        options = stream_defaults(&e.from, &e.to);
        options.rate_bps = c->rate_bps;
        options.size = (size_t) c->size;
        options.count = (uint64_t) c->count;
        if (c->duration_ns > 0)
                options.duration_ns = c->duration_ns;
        else
                /* As long as so many take. */
                options.duration_ns = (int64_t) ((double) c->count * (double) (c->size + 48) * 8e9 /
                                                 c->rate_bps) +
                                      NS_PER_MS;
        options.stop = lab->stop;
        r = stream(&options, &result, err);
        close_ends(&e);
        return r < 0 ? r : stream_figures(c, &result, o);
}

int check_udp(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err) {
        return check_pairs(c, stream_one, lab, o, err);
}

int check_loss(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err) {
        return check_pairs(c, stream_one, lab, o, err);
}
