/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the parts of a lab share. */

#include "base/json.h"
#include "lab/lab.h"

extern const JsonType lab_state_type;

/* A lab without directory and state; NULL without memory. */
Lab *lab_new(const Home *home, const char *name);
int lab_save(const Lab *lab, Err *err);
/* The state alone; -ENOENT without words; what a killed maker left is removed. */
int lab_load_state(const Home *home, const char *name, Lab **ret, Err *err);
/* The state and, of a complete one, the topology, as they are: nothing is mended.  -ENOENT without
 * words. */
int lab_look(const Home *home, const char *name, Lab **ret, Err *err);
/* Reads the record again, which somebody may have changed; -ENOENT with a sentence if it is gone.
 */
int lab_reload(Lab *lab, Err *err);
/* Starts helpers that were killed, and brings a lab back whose change was; not while somebody is at
 * it.  1 if something was started. */
int lab_mend(Lab *lab, Err *err);
/* The same for an ordinary user's way out of his labs (outside.h). */
void lab_mend_way_out(const Lab *lab);
bool lab_process_lives(const Lab *lab, const LabProcess *p);
/* -ESRCH if it has ended. */
int lab_process_pidfd(const Lab *lab, const LabProcess *p);
/* What a file may say, but nobody makes, or an ordinary user cannot; without a look at the host. */
int lab_check(const Home *home, const Topology *t, Err *err);
/* Kills what lives and removes the rest, with the lock held. */
int lab_erase(Lab *lab, Err *err);

#define LAB_TOPOLOGY "lab.yml"
#define LAB_NEXT     "next.yml"

/* Writes its topology to one of the two. */
int lab_write_topology(const Lab *lab, const char *file, Err *err);
/* Reads it from there, and brings the nodes of its state into the same order; others are left out.
 * @missing: those that are not in the state have no process, else this is -EUCLEAN. */
int lab_read_topology(Lab *lab, const char *file, bool missing, Err *err);
/* The same order for a topology that the lab has already; nodes without a process are added. */
int lab_arrange_nodes(Lab *lab, Err *err);
/* Writes down a process that has just been made. */
int lab_note_process(LabProcess *p, pid_t pid, Err *err);
/* Kills it and waits until it is gone; 0 also if it was. */
int lab_end_process(const Lab *lab, const LabProcess *p, Err *err);
/* The network of its fabric, the caller's. */
int lab_fabric_netns(const Lab *lab, Err *err);
/* Brings a lab back whose change was broken off, with the lock held. */
int lab_undo_change(Lab *lab, Err *err);
/* Writes the hosts file of all nodes. */
int lab_write_hosts(const Lab *lab, Err *err);
