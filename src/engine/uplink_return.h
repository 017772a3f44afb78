/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The way back to those who came by a published port
 *
 * An ordinary user's published ports are served by monitors (port_relay.h), which speak to the
 * container from the client's own address, so that it sees who calls.  Its answers go to that
 * address, which is nobody's in the networks' namespace, and must end there all the same: what
 * the relay sends is marked, its connection remembers the mark, the answers get it back, and a
 * rule takes what is marked for local (ip-rule(8), Documentation/networking/tproxy.rst).
 */

#include <stdint.h>

#include "base/err.h"

#define UPLINK_MARK 0x69736f6cu

/* Sets that up in the network namespace in which it is called; quiet. */
int uplink_return_make(void);
