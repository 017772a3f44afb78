/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What nodes wait for before they are started. */

#include "topology/topology.h"

/* Refuses, naming file and line: a wait for what is no node or can never be, nodes that wait for
 * each other. */
int topology_check_waits(const Topology *t, Err *err);
