/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which engine gives a link its quality. */

#include "topology/topology.h"

typedef enum LinkEngine {
        ENGINE_CABLE,  /* a virtual cable (veth) without any */
        ENGINE_KERNEL, /* a virtual cable with a token bucket at each end (tc-tbf(8)) */
        ENGINE_WIRE,   /* our emulator (wire/wire.h) */
} LinkEngine;

extern const char *const link_engine_names[]; /* "cable", "kernel", "wire", NULL */

/**
 * link_engine() - choose the engine for a link
 *
 * The kernel's where it is exact: a rate with a queue in bytes or time.  The emulator's for all
 * else.  What the file says counts, if that engine can do it.
 *
 * Return: a LinkEngine; -EINVAL with a sentence that names the property which it cannot.
 */
int link_engine(const TopologyLink *l, Err *err);

/* Whether any link needs the emulator; negative errno with a sentence. */
int topology_needs_wire(const Topology *t, Err *err);
