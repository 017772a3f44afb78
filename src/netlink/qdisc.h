/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Queueing disciplines of interfaces over rtnetlink (tc(8)). */

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
/* Adds to a batch: back to the default discipline; -ENOENT if there was no other. */
void qdisc_next_none(NlMessage *m, int index);
