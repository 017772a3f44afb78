/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/auto.h"
#include "measure/load.h"

void load_clear(LoadResult *r) {
        ping_clear(&r->idle);
        ping_clear(&r->loaded);
        tcp_clear(&r->tcp);
}

LoadOptions load_defaults(const Station *from, const Station *to) {
        LoadOptions o = { .tcp = tcp_defaults(from, to),
                          .idle_ns = 3 * NS_PER_S,
                          .every_ns = 20 * NS_PER_MS };

        o.tcp.flows = 4;
        return o;
}

static PingOptions pings_for(const LoadOptions *o, int64_t duration_ns) {
        PingOptions p = ping_defaults(o->tcp.from.netns, &o->tcp.to.address);

        p.interval_ns = o->every_ns;
        p.duration_ns = duration_ns;
        p.count = duration_ns / o->every_ns + 1;
        /* A full queue of a slow link may hold seconds. */
        p.timeout_ns = 5 * NS_PER_S;
        p.stop = o->tcp.stop;
        return p;
}

typedef struct Companion {
        PingOptions options;
        PingResult *result;
        Err err;
        int r;
} Companion;

static void *ping_meanwhile(void *context) {
        Companion *c = context;

        c->r = ping(&c->options, c->result, &c->err);
        return NULL;
}

static int pass_on(Companion *c, Err *err) {
        int r = c->r;

        if (r < 0)
                r = err_hint(err, refuse(err, r, "%s", c->err.message ? c->err.message : "ping"),
                             "%s", c->err.hint ? c->err.hint : "");
        return r;
}

/* Readable once @stop is, or the eventfd that is returned in @ret_end; negative errno. */
static int either(int stop, int *ret_end) {
        struct epoll_event e = { .events = EPOLLIN };
        autoclose int set = epoll_create1(EPOLL_CLOEXEC), end = eventfd(0, EFD_CLOEXEC);

        if (set < 0 || end < 0 || epoll_ctl(set, EPOLL_CTL_ADD, end, &e) < 0)
                return -errno;
        if (stop >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, stop, &e) < 0)
                return -errno;
        *ret_end = take_fd(end);
        return take_fd(set);
}

static int tcp_with_pings(const LoadOptions *o, LoadResult *ret, Err *err) {
        Companion companion = { .options = pings_for(o, o->tcp.duration_ns),
                                .result = &ret->loaded };
        autoclose int end = -EBADF, stop = either(o->tcp.stop, &end);
        pthread_t thread;
        int r;

        if (stop < 0)
                return fail(err, stop, "cannot stop pings in time");
        companion.options.stop = stop;
        r = pthread_create(&thread, NULL, ping_meanwhile, &companion);
        if (r != 0)
                return fail(err, r, "cannot start a thread");
        r = tcp(&o->tcp, &ret->tcp, err);
        /* Without a load there is nothing to wait for. */
        if (r < 0)
                (void) eventfd_write(end, 1);
        pthread_join(thread, NULL);
        if (r >= 0)
                r = pass_on(&companion, err);
        err_clear(&companion.err);
        return r;
}

int load(const LoadOptions *o, LoadResult *ret, Err *err) {
        PingOptions idle;
        int r;

        *ret = (LoadResult){};
        if (o->every_ns <= 0 || o->idle_ns < 0)
                return refuse(err, EINVAL, "requests under load are some time apart");
        idle = pings_for(o, o->idle_ns);
        r = o->idle_ns > 0 ? ping(&idle, &ret->idle, err) : 0;
        if (r >= 0)
                r = tcp_with_pings(o, ret, err);
        if (r < 0)
                load_clear(ret);
        return r;
}
