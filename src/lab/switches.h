/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The switches of Open vSwitch in a lab
 *
 * One ovsdb-server and one ovs-vswitchd (openflow/ovs.h), with their files in the lab's directory
 * ovs/, in the fabric's network.  Their controllers: control.h.
 */

#include "lab/lab.h"
#include "lab/plan.h"

bool lab_has_switches(const Topology *t);
/* Whether the programs are there, and controllers, dpid and fail mode can be. */
int lab_check_switches(const Topology *t, Err *err);
/* Once the links are there; lab_stop_switches() undoes it, also in part. */
int lab_start_switches(Lab *lab, Err *err);
/* Of the network that all of them are in, the caller's; -ENOENT if there are none. */
int lab_switches_netns(const Lab *lab, Err *err);
/* 0 also if there are none. */
int lab_stop_switches(const Lab *lab, Err *err);

/* ---- of a lab that is changed: two views of it, see change_internal.h ---- */

/* Takes away what is not there in the end, or is laid again, while its interfaces are there yet. */
int lab_prepare_switches(const Lab *from, const LabPlan *plan, Err *err);
/* Adds and sets the rest; starts Open vSwitch, or stops it with the last switch. */
int lab_change_switches(const Lab *from, Lab *to, const LabPlan *plan, Err *err);

/* Where a switch answers OpenFlow, for of_client_open(); the caller's.  -EINVAL with a sentence for
 * a node that is none. */
int lab_switch_target(const Lab *lab, size_t node, char **ret, Err *err);
