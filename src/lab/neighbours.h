/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Whether the kernel can remember all neighbours that a lab's nodes may have (netlink/neighbour.h).
 */

#include "topology/topology.h"

/* How many it remembers; UINT64_MAX where that is not to be read, as in labs of an ordinary user.
 */
uint64_t lab_neighbour_limit(void);

/**
 * lab_note_neighbours() - note it where it cannot
 *
 * Adds a sentence to the topology's notes: how many there may be when all nodes of each broadcast
 * domain talk to each other, and the setting.
 *
 * Return: 0; -ENOMEM.
 */
int lab_note_neighbours(Topology *t, uint64_t limit);
