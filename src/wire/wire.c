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

/* A thread of high priority does not wait for one that holds the lock at a low one. */
static int init_lock(WireSet *set) {
        pthread_mutexattr_t attributes;
        int r;

        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
        r = pthread_mutex_init(&set->lock, &attributes);
        pthread_mutexattr_destroy(&attributes);
        pthread_cond_init(&set->calm, NULL);
        return -r;
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
        set->epoll = set->timer = set->kick = -EBADF;
        pool_init(&set->pool, set->options.memory ? set->options.memory : MEMORY_DEFAULT);
        r = init_lock(set);
        if (r >= 0)
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
        pthread_mutex_destroy(&set->lock);
        pthread_cond_destroy(&set->calm);
        free(set);
        return NULL;
}

/* ---- its wires ---- */

static int compare(const void *a, const void *b) {
        return strcmp(((const Wire *) a)->name, ((const Wire *) b)->name);
}

Wire *wire_find(WireSet *set, const char *name) {
        Wire key = { .name = (char *) name };
        Wire **found;

        wire_lock(set);
        found = tfind(&key, &set->names, compare);
        wire_unlock(set);
        return found ? *found : NULL;
}

static void begin_one(const void *node, VISIT visit, void *now) {
        Wire *wire = *(Wire *const *) node;

        for (int i = 0; i < 2 && (visit == preorder || visit == leaf); i++)
                direction_begin(&wire->directions[i], *(int64_t *) now);
}

void wire_set_begin(WireSet *set) {
        int64_t now;

        wire_lock(set);
        now = wire_now(set);
        twalk_r(set->names, begin_one, &now);
        wire_unlock(set);
}

const char *wire_name(const Wire *wire) {
        return wire->name;
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

/* The set's lock is held; what was done is undone on failure. */
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

/* Takes over the plans, unless it fails. */
static int add(WireSet *set, Wire *wire, Plan **a, Plan **b) {
        int64_t now = wire_now(set);
        int r;

        if (tfind(wire, &set->names, compare))
                return -EEXIST;
        r = wire_heap_reserve(set, 2);
        if (r >= 0)
                r = connect_wire(set, wire);
        if (r < 0)
                return r;
        wire_heap_add(set, &wire->directions[0]);
        wire_heap_add(set, &wire->directions[1]);
        direction_set_plan(&wire->directions[0], take_ptr(*a), now);
        direction_set_plan(&wire->directions[1], take_ptr(*b), now);
        return 0;
}

int wire_add(WireSet *set, const char *name, int fd_a, int fd_b, const Quality quality[2],
             uint64_t seed, Wire **ret, Err *err) {
        autoptr(Plan) a = NULL;
        autoptr(Plan) b = NULL;
        Wire *wire;
        int r;

        r = plan_new(&quality[0], -1, &a, err);
        if (r >= 0)
                r = plan_new(&quality[1], -1, &b, err);
        if (r < 0)
                return r;
        wire = make_wire(set, name, fd_a, fd_b, seed);
        if (!wire)
                return fail(err, ENOMEM, "cannot lay the link '%s'", name);
        wire_lock(set);
        r = add(set, wire, &a, &b);
        wire_unlock(set);
        if (r < 0) {
                free_wire(wire);
                return r == -EEXIST ? refuse(err, r, "there is a link '%s' already", name)
                                    : fail(err, r, "cannot lay the link '%s'", name);
        }
        *ret = wire;
        return 0;
}

void wire_remove(Wire *wire) {
        WireSet *set = wire->set;

        (void) wire_capture_end(wire);
        wire_lock(set);
        for (int i = 0; i < 2; i++) {
                direction_drop_all(&wire->directions[i], wire_now(set));
                direction_unwatch(&wire->directions[i]);
                wire_heap_remove(set, &wire->directions[i]);
        }
        tdelete(wire, &set->names, compare);
        set->removals++;
        wire_unlock(set);
        (void) close_fd(wire->directions[0].in);
        (void) close_fd(wire->directions[1].in);
        free_wire(wire);
}

/* ---- live ---- */

int wire_set_quality(Wire *wire, int direction, const Quality *quality, Err *err) {
        Direction *d = &wire->directions[direction];
        WireSet *set = wire->set;
        autoptr(Plan) plan = NULL;
        int64_t after;
        int r;

        wire_lock(set);
        after = plan_same_schedule(&d->plan->quality, quality) ? wire_now(set) - d->schedule_ns
                                                               : -1;
        wire_unlock(set);
        r = plan_new(quality, after, &plan, err);
        if (r < 0)
                return err_prefix(err, r, "link '%s'", wire->name);
        wire_lock(set);
        (void) direction_run(d, wire_now(set));
        direction_set_plan(d, take_ptr(plan), wire_now(set));
        wire_unlock(set);
        return 0;
}

int wire_get_quality(Wire *wire, int direction, Quality *ret) {
        Direction *d = &wire->directions[direction];
        int r;

        wire_lock(wire->set);
        r = quality_copy(&d->plan->stages[d->stage].quality, ret);
        wire_unlock(wire->set);
        return r;
}

/* Not every descriptor has a carrier: a test's socket has none. */
static void set_cut(Wire *wire, bool cut) {
        wire_lock(wire->set);
        if (wire->is_cut != cut) {
                wire->is_cut = cut;
                for (int i = 0; i < 2; i++) {
                        if (cut)
                                direction_drop_all(&wire->directions[i], wire_now(wire->set));
                        (void) tap_set_carrier(wire->directions[i].in, !cut);
                }
        }
        wire_unlock(wire->set);
}

void wire_cut(Wire *wire) {
        set_cut(wire, true);
}

void wire_restore(Wire *wire) {
        set_cut(wire, false);
}

bool wire_is_cut(Wire *wire) {
        bool cut;

        wire_lock(wire->set);
        cut = wire->is_cut;
        wire_unlock(wire->set);
        return cut;
}

void wire_stats(Wire *wire, int direction, WireStats *ret) {
        Direction *d = &wire->directions[direction];
        PathGauges gauges;
        int64_t now;

        wire_lock(wire->set);
        now = wire_now(wire->set);
        (void) direction_run(d, now);
        gauges = path_gauges(&d->path, now);
        *ret = d->stats;
        ret->queued = gauges.queued;
        ret->queued_bytes = gauges.queued_bytes;
        ret->in_flight = gauges.in_flight;
        wire_unlock(wire->set);
}

void wire_clear_stats(Wire *wire) {
        wire_lock(wire->set);
        for (int i = 0; i < 2; i++)
                wire->directions[i].stats = (WireStats){};
        wire_unlock(wire->set);
}
