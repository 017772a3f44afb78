/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which engine gives a link its quality. */

#include "topology/topology.h"

typedef enum LinkEngine {
        ENGINE_CABLE,  /* a virtual cable (veth) without any */
        ENGINE_KERNEL, /* a virtual cable with a token bucket at each end (tc-tbf(8)) */
        ENGINE_NETEM,  /* a virtual cable with netem at each end (tc-netem(8)) */
        ENGINE_WIRE,   /* our emulator (wire/wire.h) */
} LinkEngine;

extern const char *const link_engine_names[]; /* "cable", "kernel", "netem", "wire", NULL */

/**
 * link_engine() - choose the engine for a link
 *
 * The kernel's where it is exact: a rate with a queue in bytes or time.  The emulator's for all
 * else, unless lab_choose_netem() has said otherwise.  What the file says counts, if that engine
 * can do it.
 *
 * Return: a LinkEngine; -EINVAL with a sentence that names the property which it cannot.
 */
int link_engine(const TopologyLink *l, Err *err);

/**
 * lab_choose_netem() - let netem do what it does exactly as the emulator would
 *
 * Where this kernel has it, links get 'engine: netem' for which the file leaves that to us and
 * which have a delay and nothing else.  Everything random stays the emulator's, which gives the
 * same packet the same fate each time.
 *
 * Return: 0; negative errno if the kernel has none and a link's file wants it.
 */
int lab_choose_netem(Topology *t, Err *err);

/* Whether the kernel gives the link its quality: rates and delays at the ends of a cable. */
static inline bool link_engine_is_kernels(int engine) {
        return engine == ENGINE_KERNEL || engine == ENGINE_NETEM;
}

/* Whether any link needs the emulator; negative errno with a sentence. */
int topology_needs_wire(const Topology *t, Err *err);
