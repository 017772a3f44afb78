/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Nodes of an image
 *
 * A container of the engine, LAB-NODE, in the network and user namespace of a process
 * of the lab's that holds them: so the links are there before its program begins, stay
 * where they are when the container is started again, and its root may configure the
 * network that it is in, if it has the capability.
 *
 * A lab that has such nodes is named in $DATA/labs/LAB, a link to its id, from before
 * the first container is made until all are removed: containers outlive a reboot, the
 * lab does not.
 */

#include "lab/lab.h"

/* Notes that the lab is going to have containers; nothing if it has no node of an image. */
int lab_announce_containers(const Lab *lab, Err *err);
/* Makes and starts a node's container, the lab's topology, processes and hosts file being there. */
int lab_start_container(Lab *lab, size_t node, Err *err);
/* Removes a node's container; 0 also if it has none. */
int lab_remove_container(Lab *lab, size_t node, Err *err);
/* Removes all containers of the lab with this name and id, and what announces them. */
int lab_remove_containers(const Home *home, const char *name, const char *id, Err *err);
/* The same for a lab that is not there any more, if it had some. */
void lab_sweep_containers(const Home *home, const char *name);

/* lab_exec() for a node of an image: @ret_pidfd is of a child that ends as the program does, and
 * kills it at SIGTERM. */
pid_t lab_exec_container(const Lab *lab, size_t node, const LabExec *exec, int *ret_pidfd,
                         Err *err);
