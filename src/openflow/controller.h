/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A learning controller
 *
 * Makes of each switch that connects what an Ethernet switch is: a packet goes where its
 * destination was seen last, in the same VLAN, and everywhere if that is not known.  Both kinds of
 * packets come here once; for the known one a flow is installed (in_port, both addresses, VLAN),
 * which the switch forgets when it is idle.  A station that moves and a port that goes take their
 * flows along.
 *
 * It does not look for loops: a topology with one needs switches that do (OvsBridge's .rstp), or
 * another controller.
 *
 * One thread, any number of switches, nothing waits: the controller is a descriptor that is
 * readable when there is something to do, for a process with a loop of its own; or
 * of_controller_run() is the loop.
 */

#include "base/auto.h"
#include "base/err.h"
#include "openflow/openflow.h"
#include "openflow/recorder.h"

/* Marks the flows that are the controller's: "isola" in ASCII. */
#define OF_CONTROLLER_COOKIE 0x69736f6c61u

typedef struct OfControllerOptions {
        unsigned versions;     /* that it speaks; 0: OF_VERSIONS */
        int64_t ageing_ms;     /* a station that is silent so long is forgotten; 0: 300 s */
        uint16_t idle_timeout; /* of its flows, in seconds; 0: 60 */
        Recorder *recorder;    /* of all it says and hears; or NULL.  Stays the caller's */
} OfControllerOptions;

typedef struct OfController OfController;

int of_controller_new(const OfControllerOptions *options, OfController **ret, Err *err);
OfController *of_controller_free(OfController *controller);
DEFINE_AUTOPTR(OfController, of_controller_free)

/* Accepts switches from target_listen()'s socket, which is the controller's from now on, also after
 * a failure.  @name: "s1", for warnings and the recorder.  More than one may be added. */
int of_controller_listen(OfController *controller, int listener, const char *name, Err *err);

/* Readable (poll(2), epoll(7)) when of_controller_step() has something to do. */
int of_controller_fd(const OfController *controller);
/* Does what there is to do, without waiting; -ENOMEM and the like, and then it can go on. */
int of_controller_step(OfController *controller);
/* Goes on until @stop (a pidfd, eventfd, pipe) is readable. */
int of_controller_run(OfController *controller, int stop, Err *err);

typedef struct OfControllerStatus {
        size_t switches;         /* connected now, and greeted */
        size_t stations;         /* known now */
        uint64_t packets, flows; /* that came in, that were installed */
} OfControllerStatus;

OfControllerStatus of_controller_status(const OfController *controller);
