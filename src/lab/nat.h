/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Ways to the world by the host's address: uplinks of kind nat, and the management network. */

#include "lab/lab.h"

/* Any route of the lab's own counts more. */
#define NAT_METRIC        2000
#define MANAGEMENT_METRIC 3000

/**
 * lab_choose_management() - choose the subnets of a management network that the host is in
 *
 * For a topology that says none, before addresses are given: the first that are free, from
 * 172.20.20.0/24 and 3fff:172:20:20::/64 up.
 */
int lab_choose_management(const Home *home, Topology *t, Err *err);
/* Gives the management network an end on the host, its gateway, if the topology wants it to. */
int lab_attach_management(Lab *lab, Err *err);
/* The same if that end is gone with the namespace that it was in (outside.h). */
int lab_revive_management(Lab *lab, Err *err);
