/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <pthread.h>

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

int load(const LoadOptions *o, LoadResult *ret, Err *err) {
        Companion companion = { .result = &ret->loaded };
        PingOptions idle;
        pthread_t thread;
        int r, started;

        *ret = (LoadResult){};
        if (o->every_ns <= 0 || o->idle_ns < 0)
                return refuse(err, EINVAL, "requests under load are some time apart");
        idle = pings_for(o, o->idle_ns);
        r = o->idle_ns > 0 ? ping(&idle, &ret->idle, err) : 0;
        if (r < 0)
                return r;
        companion.options = pings_for(o, o->tcp.duration_ns);
        started = pthread_create(&thread, NULL, ping_meanwhile, &companion);
        if (started != 0)
                r = fail(err, started, "cannot start a thread");
        else {
                r = tcp(&o->tcp, &ret->tcp, err);
                pthread_join(thread, NULL);
                if (r >= 0)
                        r = pass_on(&companion, err);
        }
        err_clear(&companion.err);
        if (r < 0)
                load_clear(ret);
        return r;
}
