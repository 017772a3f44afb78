/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The controllers of a lab's switches of Open vSwitch
 *
 *   learning            isola's own (openflow/controller.h)
 *   tcp:ADDRESS[:PORT]  one that is reached from where the lab was made, as 127.0.0.1 of the host
 *   tcp:NODE[:PORT]     one that runs in a node, at its 127.0.0.1
 *
 * Switches are in the fabric's network, which leads nowhere.  So each controller of others has a
 * relay (openflow/relay.h): it listens to the switches at 127.0.0.0/8 in there, and connects to the
 * controller in the network of its own.  The learning controller and each relay are a process that
 * is nobody but the lab's root and ends with the fabric.  What is said goes to a file in the lab's
 * directory ovs/: control.pcapng of the learning controller, control-N.pcapng of the N-th other;
 * warnings go to control.log and control-N.log.
 */

#include "lab/lab.h"

/* Refuses, with the node's line, what is no controller. */
int lab_check_controllers(const Topology *t, const Node *n, Err *err);

/* Starts those that any switch has, and writes them down; before there are switches. */
int lab_start_controllers(Lab *lab, const char *directory, Err *err);
/* Of a lab that is changed: ends all and starts what is wanted if that is not the same.  1: they
 * are others now, and switches have to be told; 0. */
int lab_change_controllers(const Lab *from, Lab *to, const char *directory, Err *err);

/* What the switch is told for a controller of its node's; the caller's; NULL without memory. */
char *lab_controller_target(const Lab *lab, const char *directory, size_t node, size_t controller);
