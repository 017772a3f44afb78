/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * wire: links of any quality, emulated in user space
 *
 * A wire lies between two descriptors that give and take one Ethernet frame with each read and
 * write, a virtio_net_hdr in front: TAP devices from tap_open() (wire/tap.h).  Each of its two
 * directions has a Quality (topology/quality.h).  It needs no queueing discipline of the kernel's.
 *
 * Time is computed, not measured: the transmitter of a rate has a clock of its own, on which a
 * frame leaves at max(its arrival, the departure of the one before) + its bits / rate.  However
 * late the process runs, the next frame's departure does not move, so that the mean rate is exact.
 * How late frames were is counted for each link: see WireStats.
 *
 * Whatever happens to the k-th packet of a direction depends on the seed and k alone
 * (wire/random.h). A GSO frame counts as the packets that it will become on a cable, with headers
 * each: it is taken apart wherever those fare differently (wire/gso.h).
 *
 * A WireSet runs any number of wires in one thread of its own, from wire_set_start() on.  All
 * functions may be called from other threads meanwhile; they take effect between two packets, in
 * that thread.  Starting, stopping and freeing a set is for one thread that has nobody beside it.
 * Wires are the set's: a Wire pointer is valid until wire_remove() or wire_set_free().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "topology/quality.h"
#include "wire/histogram.h"
#include "wire/tunnel.h"

typedef struct WireSet WireSet;
typedef struct Wire Wire;

/* Nanoseconds of a clock that never goes back.  A test's own stands still until told. */
typedef struct WireClock {
        int64_t (*now)(void *context);
        void *context;
} WireClock;

typedef struct WireOptions {
        int priority;    /* SCHED_FIFO priority of the thread, 1 to 99; 0: that of its maker */
        int cpu;         /* the processor it stays on; -1: any */
        int64_t spin_ns; /* how long before a departure it stops sleeping and watches the clock, at
                            most; -1: as long as waking up takes, with a priority; not at all
                            without */
        uint64_t memory; /* most bytes of frames on their way; 0: 512 MiB */
} WireOptions;

#define WIRE_OPTIONS_DEFAULT \
        { .cpu = -1, .spin_ns = -1 }

/**
 * wire_set_new() - make a set of wires, which stands still
 * @options:	or NULL for WIRE_OPTIONS_DEFAULT; copied
 * @clock:	or NULL for CLOCK_MONOTONIC; must outlive the set
 *
 * Return: the set, or NULL with a sentence.
 */
WireSet *wire_set_new(const WireOptions *options, const WireClock *clock, Err *err);
/* Ends the thread and removes all wires; returns NULL. */
WireSet *wire_set_free(WireSet *set);
DEFINE_AUTOPTR(WireSet, wire_set_free)

/* Starts the set's thread.  -EPERM with a sentence if the priority is refused: it does not run
 * then. */
int wire_set_start(WireSet *set, Err *err);
/* Ends the thread, frames on their way stay; nothing if there is none. */
void wire_set_stop(WireSet *set);

/**
 * wire_set_turn() - do what is due, without a thread and without waiting
 * @ret_next:	when the next frame is due, INT64_MAX if none; may be NULL
 *
 * Reads what has arrived, by the clock's time, and writes what is due by then.  For tests, and for
 * callers with a loop of their own.
 *
 * Return: frames read and written; -EBUSY if there is a thread; negative errno.
 */
int wire_set_turn(WireSet *set, int64_t *ret_next);

/* From now on schedules and traces of all wires count: the lab is up.  Without it they count from
 * wire_add(). */
void wire_set_begin(WireSet *set);

/**
 * wire_add() - lay a wire
 * @name:	for wire_find() and the names of a capture's interfaces
 * @fd_a:	one end, a TAP with IFF_VNET_HDR (header of 10 bytes), non-blocking; the wire's from
 *		now on, but the caller's if it fails
 * @fd_b:	the other end, likewise
 * @quality:	[0] from a to b, [1] from b to a; copied, files named in it are read now
 * @seed:	of draws, for a quality without a seed of its own; each direction makes another from
 *it
 * @ret:	the wire, the set's
 *
 * Closing the descriptors, as wire_remove() does, makes TAP devices go.
 *
 * Return: 0; -EEXIST if the name is taken; what quality_check() and the readers of files say.
 */
int wire_add(WireSet *set, const char *name, int fd_a, int fd_b, const Quality quality[2],
             uint64_t seed, Wire **ret, Err *err);
/**
 * wire_add_tunnel() - lay a wire to another machine
 * @udp:	the other end, from tunnel_open(); otherwise as above
 * @tunnel:	copied
 */
int wire_add_tunnel(WireSet *set, const char *name, int tap, int udp, const Tunnel *tunnel,
                    const Quality quality[2], uint64_t seed, Wire **ret, Err *err);
void wire_remove(Wire *wire);
/* NULL if there is none. */
Wire *wire_find(WireSet *set, const char *name);
const char *wire_name(const Wire *wire);

/**
 * wire_set_quality() - change one direction, live
 * @direction:	0 from a to b, 1 from b to a
 *
 * What is on its way stays on its way: frames that wait are sent at the new rate, those that have
 * been sent arrive when they were to.  The numbering of packets goes on; a model of losses, a
 * pattern, a trace and a schedule that are not the same as before begin anew.
 */
int wire_set_quality(Wire *wire, int direction, const Quality *quality, Err *err);
/* The quality as it is now, schedule applied; @ret is the caller's. */
int wire_get_quality(Wire *wire, int direction, Quality *ret);

/* Pulls the cable: what is on its way is lost, what arrives is, too, and both ends lose their
 * carrier.  Twice is once. */
void wire_cut(Wire *wire);
void wire_restore(Wire *wire);
bool wire_is_cut(Wire *wire);

/* Why a packet did not arrive. */
typedef enum WireDrop {
        WIRE_DROP_LOSS,   /* the quality's loss */
        WIRE_DROP_QUEUE,  /* the queue was full */
        WIRE_DROP_CODEL,  /* CoDel took it out of the queue */
        WIRE_DROP_CUT,    /* the wire was cut */
        WIRE_DROP_DOWN,   /* the far end did not take it: its interface is down */
        WIRE_DROP_MEMORY, /* too many bytes on their way: WireOptions.memory */
        WIRE_DROP_REASONS
} WireDrop;
extern const char *const wire_drop_names[WIRE_DROP_REASONS + 1]; /* "loss", …, NULL */

/*
 * What went through one direction, in packets as they would be on a cable (a GSO frame is many)
 * and bytes of whole Ethernet frames.
 *
 *   arrived + duplicated = packets + dropped + queued + in_flight, unless it was cleared meanwhile
 */
typedef struct WireStats {
        uint64_t arrived, arrived_bytes; /* came in at the near end */
        uint64_t packets, bytes;         /* went out at the far end */
        uint64_t dropped[WIRE_DROP_REASONS], dropped_bytes;
        uint64_t corrupted, duplicated;
        uint64_t reordered;            /* were sent on before one that had come earlier */
        uint64_t frames;               /* writes at the far end: fewer than packets with GSO */
        uint64_t queued, queued_bytes; /* wait now, the one in transmission included */
        uint64_t in_flight;            /* sent and not yet there */
        uint64_t overruns;             /* packets that did not keep time, see below */
        Histogram lateness;            /* of each write, behind the time computed for it */
} WireStats;

/*
 * A packet has not kept time if it was sent on later than this; or if it was read when the thread
 * had been kept waiting for a processor for longer than this, or had not come to the end of what
 * there was to read for longer than this: then it arrived before we knew, or others were dropped in
 * front of it.  What was measured over a wire meanwhile is to be marked: it shows the machine, not
 * the link.
 */
#define WIRE_OVERRUN_NS 1000000

/* @direction: as above. */
void wire_stats(Wire *wire, int direction, WireStats *ret);
/* Sets all but the gauges to zero. */
void wire_clear_stats(Wire *wire);

typedef struct WireSetStats {
        uint64_t wakeups;     /* times the thread slept and woke up */
        uint64_t turns;       /* rounds of its loop */
        Histogram wake;       /* how late timers woke it up */
        int64_t spinning_ns;  /* spent watching the clock */
        int64_t processor_ns; /* used by the thread; 0 while it does not run */
        int64_t waited_ns;    /* ready to run, but others ran; 0 where the kernel does not tell */
        uint64_t memory;      /* bytes held for frames */
} WireSetStats;

void wire_set_stats(WireSet *set, WireSetStats *ret);

/**
 * wire_capture() - write what passes to a pcapng file
 * @fd:		where to, non-blocking if it is a pipe or socket; the wire's from now on, closed if
 *		this fails
 * @snaplen:	bytes kept of each frame, 0: all
 *
 * The file has an interface for each end, "NAME:a" and "NAME:b".  A frame that crosses the wire is
 * in it twice: outbound at the end it came in by, with that time, and inbound at the other when it
 * got there; what the link did to it is between the two.  Where the reader is too slow, frames are
 * left out and counted in the statistics at the file's end.
 *
 * Return: 0; -EBUSY if there is one already; negative errno.
 */
int wire_capture(Wire *wire, int fd, uint32_t snaplen, Err *err);
/* Writes the end of the file, waiting for its reader for at most a second, and closes it; 0 also if
 * there is none.  A capture whose reader has gone ends by itself; the process is to ignore SIGPIPE.
 */
int wire_capture_end(Wire *wire);
bool wire_captures(Wire *wire);
