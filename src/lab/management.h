/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The management network of a lab that is up. */

#include "lab/lab.h"

#define MANAGEMENT_BRIDGE       "isola-mgmt"
#define MANAGEMENT_BRIDGE_INDEX (1 << 20) /* behind what the kernel numbers by itself */

/* Its bridge, with the addresses of the lab's topology in place of those of another; NULL: none. */
int lab_management_set(const Lab *lab, const Topology *before, Err *err);
/* A node's cable to it, or none, as the topology says. */
int lab_management_connect(const Lab *lab, size_t node, Err *err);
