/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Queueing disciplines of interfaces over rtnetlink (tc(8)). */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "netlink/nl.h"

/**
 * qdisc_next_tbf() - add to a batch: a token bucket in the place of an interface's discipline
 * @rate_bps:	bits per second of whole frames
 * @burst:	bytes that may go at once
 * @limit:	bytes that may wait
 *
 * See tc-tbf(8).  Frames larger than the burst (GSO) are taken apart.
 */
void qdisc_next_tbf(NlMessage *m, int index, uint64_t rate_bps, uint32_t burst, uint32_t limit);
/* What netem does to packets, see tc-netem(8).  Probabilities are from 0 to 1. */
typedef struct Netem {
        int64_t delay_ns, jitter_ns; /* uniform, delay ± jitter; packets overtake each other */
        double loss, duplicate, reorder;
        bool bursts; /* Gilbert and Elliott's chain in place of loss: */
        double to_bad, to_good, loss_bad, loss_good;
} Netem;

/**
 * qdisc_next_netem() - add to a batch: netem in the place of an interface's discipline
 * @rate_bps:	of a token bucket behind it, as in qdisc_next_tbf(); 0: none
 *
 * If there is a netem already, packets in it keep their delay.
 */
void qdisc_next_netem(NlMessage *m, int index, const Netem *netem, uint64_t rate_bps,
                      uint32_t burst, uint32_t limit);
/* How many packets an interface's discipline has dropped, those of what is within it included; 0
 * for the default one, which drops nothing; modulo 2^32.  Negative errno. */
int qdisc_drops(int nl, int index, uint32_t *ret);
/* Adds to a batch: back to the default discipline; -ENOENT if there was no other. */
void qdisc_next_none(NlMessage *m, int index);
