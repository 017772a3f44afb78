/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What happens in labs, as it happens
 *
 * From what labs write down (inotify(7) on their directories), from their processes (pidfds) and
 * from the kernel's news of interfaces (netlink, a socket in each node's network).  Nobody has to
 * run for that but the one who watches; while he does, health checks run in their intervals, and an
 * emulator that is killed is started anew.
 *
 *   lab     create (its making has begun), up, change, changed, down
 *   node    create, start (its command or container), exit (that has ended: exitCode), die (all of
 *           it), destroy, health_status: healthy, health_status: unhealthy
 *   link    create, up, down (the carrier at one end), cut, restore, set, reset, destroy
 *   keeper  start, die
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/home.h"

typedef struct LabEvent {
        int64_t time_ns; /* since 1970 */
        const char *type, *action;
        const char *lab;
        const char *name; /* of the node; of the link, or "NODE:INTERFACE" of an end; or "" */
        char *const *attributes; /* KEY=VALUE */
} LabEvent;

typedef struct LabWatch {
        char *const *labs; /* NULL: all, also those to come */
        bool initial;      /* begin with what is there */
        int64_t end_ms;    /* clock_monotonic_ms(); negative: never */
        int stop;          /* ends when this is readable */
        int (*tell)(const LabEvent *event, void *context); /* a negative value ends it */
        void *context;
} LabWatch;

/* Returns at the end, or when all labs of the list are gone. */
int lab_watch(const Home *home, const LabWatch *options, Err *err);
