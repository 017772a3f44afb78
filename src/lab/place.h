/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A lab's place in the control groups
 *
 *   isola/lab-ID/all        all of its processes but those of
 *   isola/lab-ID/node-NAME  a light node with limits
 *
 * A container's is the engine's.  So a lab outlives the service or session of the command
 * that made it, and nodes without limits cost nothing.  An ordinary user's labs are in the group
 * that his command's own is in, if it is his: the lab's record names the place.
 *
 * It is named in the record before it is made, and goes with it.  Where the record was lost, the
 * next command that lists or makes labs removes it once nobody is in there: as long as a lab lives,
 * the process that holds its fabric is.  One that is just being made may be empty; its maker is
 * told so by the kernel (ENODEV, ENOENT) and makes it again.
 */

#include "kernel/cgroup.h"
#include "lab/lab.h"

/* Whether it is a light node with limits. */
bool node_is_limited(const Node *n);

/* Says in the record where it will be; lab.state.id is known. */
int lab_name_place(Lab *lab);
/* The place that processes of the lab are to be born in, made if it is not there; *ret NULL where
 * there can be none. */
int lab_place(const Lab *lab, Cgroup **ret, Err *err);
/* Moves the first processes of nodes with limits to places of their own, before they have done
 * anything; @pids in the order of the nodes. */
int lab_limit_nodes(const Lab *lab, const pid_t *pids, Err *err);
/* The same for one node that has some. */
int lab_limit_node(const Lab *lab, size_t node, pid_t pid, Err *err);
/* Other limits than before for a node that has a place, also none. */
int lab_change_limits(const Lab *lab, size_t node, Err *err);
/* Where a node with limits is, for more processes of it; *ret NULL for any other. */
int lab_node_place(const Lab *lab, size_t node, Cgroup **ret, Err *err);
/* Removes that of a node, if it has one, once its processes are gone. */
void lab_remove_place(const Lab *lab, size_t node);
/* Removes them all, with what is still in there; what cannot be is told and left to the next sweep.
 */
void lab_remove_places(const Lab *lab);
/* Removes those of labs that are gone, of whatever state directory. */
void lab_sweep_places(void);
