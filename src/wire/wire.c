/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <search.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "base/str.h"
#include "wire/random.h"
#include "wire/tap.h"
#include "wire/wire_internal.h"

#define MEMORY_DEFAULT (512ULL << 20)

const char *const wire_drop_names[] = { "loss", "queue", "codel", "cut", "down", "memory", NULL };

/* ---- the set ---- */

static int64_t monotonic(void *context) {
        struct timespec t;

        (void) context;
        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int open_loop(WireSet *set) {
        struct epoll_event event = { .events = EPOLLIN };

        set->epoll = epoll_create1(EPOLL_CLOEXEC);
        set->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        set->kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (set->epoll < 0 || set->timer < 0 || set->kick < 0 ||
            epoll_ctl(set->epoll, EPOLL_CTL_ADD, set->timer, &event) < 0 ||
            epoll_ctl(set->epoll, EPOLL_CTL_ADD, set->kick, &event) < 0)
                return -errno;
        set->armed_ns = INT64_MAX;
        set->frame = pool_take(&set->pool);
        set->rest = pool_take_rest(&set->pool);
        return set->frame && set->rest ? 0 : -ENOMEM;
}

WireSet *wire_set_new(const WireOptions *options, const WireClock *clock, Err *err) {
        autoptr(WireSet) set = calloc(1, sizeof *set);
        int r;

        if (!set) {
                fail(err, ENOMEM, "cannot make a link emulator");
                return NULL;
        }
        set->options = options ? *options : (WireOptions) WIRE_OPTIONS_DEFAULT;
        set->clock = clock ? *clock : (WireClock){ .now = monotonic };
        set->epoll = set->timer = set->kick = set->schedstat = -EBADF;
        pool_init(&set->pool, set->options.memory ? set->options.memory : MEMORY_DEFAULT);
        r = open_loop(set);
        if (r < 0) {
                fail(err, r, "cannot make a link emulator");
                return NULL;
        }
        return take_ptr(set);
}

WireSet *wire_set_free(WireSet *set) {
        if (!set)
                return NULL;
        wire_set_stop(set);
        while (set->n_heap > 0)
                wire_remove(set->heap[0]->wire);
        pool_clear(&set->pool);
        free(set->heap);
        (void) close_fd(set->epoll);
        (void) close_fd(set->timer);
        (void) close_fd(set->kick);
        free(set);
        return NULL;
}

/* ---- its wires ---- */

static int compare(const void *a, const void *b) {
        return strcmp(((const Wire *) a)->name, ((const Wire *) b)->name);
}

typedef struct FindCall {
        WireSet *set;
        Wire key, *found;
} FindCall;

static int find(void *context) {
        FindCall *call = context;
        Wire **found = tfind(&call->key, &call->set->names, compare);

        call->found = found ? *found : NULL;
        return 0;
}

Wire *wire_find(WireSet *set, const char *name) {
        FindCall call = { .set = set, .key.name = (char *) name };

        (void) wire_call(set, find, &call);
        return call.found;
}

const char *wire_name(const Wire *wire) {
        return wire->name;
}

static void begin_one(const void *node, VISIT visit, void *now) {
        Wire *wire = *(Wire *const *) node;

        for (int i = 0; i < 2 && (visit == preorder || visit == leaf); i++)
                direction_begin(&wire->directions[i], *(int64_t *) now);
}

static int begin_all(void *context) {
        WireSet *set = context;
        int64_t now = wire_now(set);

        twalk_r(set->names, begin_one, &now);
        return 0;
}

void wire_set_begin(WireSet *set) {
        (void) wire_call(set, begin_all, set);
}

static void free_wire(Wire *wire) {
        for (int i = 0; i < 2; i++)
                plan_free(wire->directions[i].plan);
        free(wire->name);
        free(wire);
}

static Wire *make_wire(WireSet *set, const char *name, int fd_a, int fd_b, uint64_t seed) {
        Wire *wire = calloc(1, sizeof *wire);

        if (!wire || !(wire->name = strdup(name))) {
                free(wire);
                return NULL;
        }
        wire->set = set;
        for (int i = 0; i < 2; i++) {
                Direction *d = &wire->directions[i];

                d->wire = wire;
                d->index = i;
                d->in = i ? fd_b : fd_a;
                d->out = i ? fd_a : fd_b;
                d->maker.seed = draw_seed(seed, (uint64_t) i);
        }
        return wire;
}

/* What was done is undone on failure. */
static int connect_wire(WireSet *set, Wire *wire) {
        int r = 0;

        for (int i = 0; i < 2 && r >= 0; i++) {
                Direction *d = &wire->directions[i];
                struct epoll_event event = { .events = EPOLLIN, .data.ptr = d };

                r = epoll_ctl(set->epoll, EPOLL_CTL_ADD, d->in, &event) < 0 ? -errno : 0;
                d->is_watched = r >= 0;
        }
        if (r >= 0 && !tsearch(wire, &set->names, compare))
                r = -ENOMEM;
        if (r < 0) {
                direction_unwatch(&wire->directions[0]);
                direction_unwatch(&wire->directions[1]);
        }
        return r;
}

typedef struct AddCall {
        Wire *wire;
        Plan *plans[2]; /* taken over unless it fails */
} AddCall;

static int add(void *context) {
        AddCall *call = context;
        Wire *wire = call->wire;
        WireSet *set = wire->set;
        int64_t now = wire_now(set);
        int r;

        if (tfind(wire, &set->names, compare))
                return -EEXIST;
        r = wire_heap_reserve(set, 2);
        if (r >= 0)
                r = connect_wire(set, wire);
        if (r < 0)
                return r;
        for (int i = 0; i < 2; i++) {
                wire_heap_add(set, &wire->directions[i]);
                direction_set_plan(&wire->directions[i], call->plans[i], now);
                call->plans[i] = NULL;
        }
        return 0;
}

static int add_wire(WireSet *set, const char *name, int fd_a, int fd_b, const Tunnel *tunnel,
                    const Quality quality[2], uint64_t seed, Wire **ret, Err *err) {
        AddCall call = {};
        int r = plan_new(&quality[0], -1, &call.plans[0], err);

        if (r >= 0)
                r = plan_new(&quality[1], -1, &call.plans[1], err);
        if (r >= 0) {
                call.wire = make_wire(set, name, fd_a, fd_b, seed);
                if (call.wire && tunnel) {
                        call.wire->has_tunnel = true;
                        call.wire->tunnel = *tunnel;
                }
                r = call.wire ? wire_call(set, add, &call) : -ENOMEM;
                if (r == -EEXIST)
                        refuse(err, r, "there is a link '%s' already", name);
                else if (r < 0)
                        fail(err, r, "cannot lay the link '%s'", name);
        }
        plan_free(call.plans[0]);
        plan_free(call.plans[1]);
        if (r >= 0)
                *ret = call.wire;
        else if (call.wire)
                free_wire(call.wire);
        return r;
}

int wire_add(WireSet *set, const char *name, int fd_a, int fd_b, const Quality quality[2],
             uint64_t seed, Wire **ret, Err *err) {
        return add_wire(set, name, fd_a, fd_b, NULL, quality, seed, ret, err);
}

int wire_add_tunnel(WireSet *set, const char *name, int tap, int udp, const Tunnel *tunnel,
                    const Quality quality[2], uint64_t seed, Wire **ret, Err *err) {
        return add_wire(set, name, tap, udp, tunnel, quality, seed, ret, err);
}

static int take_away(void *context) {
        Wire *wire = context;
        WireSet *set = wire->set;

        for (int i = 0; i < 2; i++) {
                direction_drop_all(&wire->directions[i], wire_now(set));
                direction_unwatch(&wire->directions[i]);
                wire_heap_remove(set, &wire->directions[i]);
        }
        tdelete(wire, &set->names, compare);
        return 0;
}

void wire_remove(Wire *wire) {
        (void) wire_capture_end(wire);
        (void) wire_call(wire->set, take_away, wire);
        (void) close_fd(wire->directions[0].in);
        (void) close_fd(wire->directions[1].in);
        free_wire(wire);
}

/* ---- live ---- */

typedef struct DirectionCall {
        Direction *d;
        const Quality *quality;
        int64_t after_ns;
        Plan *plan, *old;
        Quality *ret_quality;
        WireStats *ret_stats;
} DirectionCall;

/* How much of the schedule is over, if it is still the same. */
static int ask_schedule(void *context) {
        DirectionCall *call = context;
        Direction *d = call->d;

        call->after_ns = plan_same_schedule(&d->plan->quality, call->quality)
                                 ? wire_now(d->wire->set) - d->schedule_ns
                                 : -1;
        return 0;
}

static int set_plan(void *context) {
        DirectionCall *call = context;
        int64_t now = wire_now(call->d->wire->set);

        (void) direction_run(call->d, now);
        call->old = direction_set_plan(call->d, call->plan, now);
        return 0;
}

int wire_set_quality(Wire *wire, int direction, const Quality *quality, Err *err) {
        DirectionCall call = { .d = &wire->directions[direction], .quality = quality };
        int r;

        (void) wire_call(wire->set, ask_schedule, &call);
        r = plan_new(quality, call.after_ns, &call.plan, err);
        if (r < 0)
                return r;
        (void) wire_call(wire->set, set_plan, &call);
        plan_free(call.old);
        return 0;
}

static int get_quality(void *context) {
        DirectionCall *call = context;

        return quality_copy(&call->d->plan->stages[call->d->stage].quality, call->ret_quality);
}

int wire_get_quality(Wire *wire, int direction, Quality *ret) {
        DirectionCall call = { .d = &wire->directions[direction], .ret_quality = ret };

        return wire_call(wire->set, get_quality, &call);
}

/* Not every descriptor has a carrier: a test's socket has none. */
static void set_cut(Wire *wire, bool cut) {
        if (wire->is_cut == cut)
                return;
        wire->is_cut = cut;
        for (int i = 0; i < 2; i++) {
                if (cut)
                        direction_drop_all(&wire->directions[i], wire_now(wire->set));
                (void) tap_set_carrier(wire->directions[i].in, !cut);
        }
}

static int cut(void *context) {
        set_cut(context, true);
        return 0;
}

static int restore(void *context) {
        set_cut(context, false);
        return 0;
}

void wire_cut(Wire *wire) {
        (void) wire_call(wire->set, cut, wire);
}

void wire_restore(Wire *wire) {
        (void) wire_call(wire->set, restore, wire);
}

static int is_cut(void *context) {
        return ((Wire *) context)->is_cut;
}

bool wire_is_cut(Wire *wire) {
        return wire_call(wire->set, is_cut, wire);
}

static int get_stats(void *context) {
        DirectionCall *call = context;
        int64_t now = wire_now(call->d->wire->set);
        PathGauges gauges;

        (void) direction_run(call->d, now);
        gauges = path_gauges(&call->d->path, now);
        *call->ret_stats = call->d->stats;
        call->ret_stats->queued = gauges.queued;
        call->ret_stats->queued_bytes = gauges.queued_bytes;
        call->ret_stats->in_flight = gauges.in_flight;
        return 0;
}

void wire_stats(Wire *wire, int direction, WireStats *ret) {
        DirectionCall call = { .d = &wire->directions[direction], .ret_stats = ret };

        (void) wire_call(wire->set, get_stats, &call);
}

static int clear_stats(void *context) {
        Wire *wire = context;

        for (int i = 0; i < 2; i++)
                wire->directions[i].stats = (WireStats){};
        return 0;
}

void wire_clear_stats(Wire *wire) {
        (void) wire_call(wire->set, clear_stats, wire);
}
