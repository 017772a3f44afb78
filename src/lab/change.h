/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Bringing a lab that is up to what its file says now. */

#include "lab/lab.h"
#include "topology/diff.h"

/**
 * lab_change() - carry out what has changed
 * @topology:	as of lab_up(); taken over on success
 * @list:	from topology_diff() of the lab's topology and this one
 *
 * Qualities are changed live; nodes and other links do not notice.  -EOPNOTSUPP, and nothing is
 * done, if anything else has changed.
 */
int lab_change(Lab *lab, Topology *topology, const ChangeList *list, Err *err);
