/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Recording what another controller says
 *
 * A relay stands between switches and a controller that somebody else wrote: it is the switches'
 * controller, connects to the real one for each of them, passes every byte on as it is, and gives
 * whole messages to a recorder.  What is no OpenFlow is passed on and recorded as it comes.
 *
 * A loop as the controller's (controller.h); the calls mean the same.
 */

#include "base/auto.h"
#include "base/err.h"
#include "openflow/recorder.h"

typedef struct OfRelay OfRelay;

/* @target: of the controller, "tcp:ADDRESS[:PORT]" or "unix:PATH".  @recorder stays the caller's.
 */
int of_relay_new(const char *target, Recorder *recorder, OfRelay **ret, Err *err);
OfRelay *of_relay_free(OfRelay *relay);
DEFINE_AUTOPTR(OfRelay, of_relay_free)

int of_relay_listen(OfRelay *relay, int listener, const char *name, Err *err);
int of_relay_fd(const OfRelay *relay);
int of_relay_step(OfRelay *relay);
int of_relay_run(OfRelay *relay, int stop, Err *err);
