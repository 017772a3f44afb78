/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What the parts of a WireSet share: wire.c (the set and its wires), wire_loop.c (thread, sleeping
 * and waking), wire_direction.c (frames in and out), wire_capture.c
 */

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/pcapng.h"
#include "wire/fate.h"
#include "wire/frame.h"
#include "wire/path.h"
#include "wire/plan.h"
#include "wire/wire.h"

typedef struct Direction {
        Wire *wire;
        int index;       /* 0: from a to b */
        int in, out;     /* the wire's descriptors */
        bool is_watched; /* in is in the set's epoll */
        Path path;
        FateMaker maker;
        Plan *plan;
        size_t stage;        /* of the plan, that is in force */
        int64_t schedule_ns; /* when the plan's schedule began, */
        int64_t trace_ns;    /* and its trace */
        int64_t next_ns;     /* when there is something to do */
        int64_t behind_ns;   /* since when there has always been more to read; 0: there is not */
        bool is_behind;      /* as for the frame that is being taken in */
        size_t place;        /* in the set's heap */
        WireStats stats;     /* without gauges */
} Direction;

typedef struct Capture {
        Pcapng *file;
        int64_t epoch_ns; /* of the set's clock, since 1970 */
} Capture;

struct Wire {
        WireSet *set;
        char *name;
        Direction directions[2];
        bool is_cut;
        bool has_tunnel; /* the end b is one */
        Tunnel tunnel;
        Capture *capture;
        Wire *next_captured; /* of the set's list */
};

/*
 * Something that another thread wants done.  The set's thread does it itself between two packets,
 * at its own priority: it never waits for one that has been given no processor.
 */
typedef struct Call {
        struct Call *next;
        int (*run)(void *context);
        void *context;
        int result;
        sem_t done;
} Call;

struct WireSet {
        WireOptions options;
        WireClock clock;
        Pool pool;
        Frame *frame; /* the next one to be read into, with a rest */
        uint8_t *rest;
        void *names;      /* of wires, a tree of tsearch(3) */
        Direction **heap; /* by next_ns */
        size_t n_heap, room_heap;
        Wire *captured;
        int epoll, timer, kick; /* kick: an eventfd, to be woken up by */
        _Atomic(Call *) calls;  /* for the thread, the latest first */
        atomic_bool stop;
        bool runs;
        pthread_t thread;
        int64_t armed_ns;  /* what the timer is set to, INT64_MAX: nothing */
        int64_t wake_ns;   /* how late it wakes us up, about */
        int schedstat;     /* how long the thread has been kept waiting; or -EBADF */
        int64_t waited_ns; /* that, as read last, */
        int64_t looked_ns; /* and when */
        bool was_kept;     /* waiting for so long that what is read now may have come long ago */
        int64_t poll_ns;   /* how long it waits for the next frame before it sleeps */
        WireSetStats stats;
};

static inline int64_t wire_now(const WireSet *set) {
        return set->clock.now(set->clock.context);
}

/* ---- wire_loop.c ---- */

/* Has the set's thread call a function, at once if there is none; returns what that does. */
int wire_call(WireSet *set, int (*run)(void *context), void *context);
/* Puts a direction where its next_ns belongs. */
void wire_heap_move(WireSet *set, Direction *d);
/* Room for so many more; -ENOMEM. */
int wire_heap_reserve(WireSet *set, size_t n);
void wire_heap_add(WireSet *set, Direction *d);
void wire_heap_remove(WireSet *set, Direction *d);

/* ---- wire_direction.c ---- */

/* Takes over @plan, which begins now; returns the one before, the caller's. */
Plan *direction_set_plan(Direction *d, Plan *plan, int64_t now);
/* Schedule and trace count from now on. */
void direction_begin(Direction *d, int64_t now);
/* Reads what has arrived, as far as it is our turn, and writes what is due; frames read and
 * written. */
int direction_receive(Direction *d);
/* Writes what is due; frames written. */
int direction_run(Direction *d, int64_t now);
/* All that is on its way is lost by a cut. */
void direction_drop_all(Direction *d, int64_t now);
/* No longer waits for its descriptor. */
void direction_unwatch(Direction *d);

/* ---- wire_capture.c ---- */

/* A frame at one end (0: a) at a time of the set's clock. */
void capture_frame(Wire *wire, int end, int64_t at, PcapngDirection direction, Frame *f);
/* Writes out what has been collected and ends captures whose reader has gone; true: there is more,
 * for which there was no room. */
bool captures_flush(WireSet *set);
