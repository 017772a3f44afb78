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
/* -ESRCH if it has ended. */
int lab_process_pidfd(const Lab *lab, const LabProcess *p);
/* Kills what lives and removes the rest, with the lock held. */
int lab_erase(Lab *lab, Err *err);

/* Writes what the lab is, lab.yml. */
int lab_write_topology(const Lab *lab, Err *err);
/* Writes the hosts file of all nodes. */
int lab_write_hosts(const Lab *lab, Err *err);
