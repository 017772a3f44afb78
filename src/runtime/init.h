/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "runtime/plan.h"

/*
 * What init and its parent tell each other, over a SOCK_SEQPACKET pair, one
 * byte each but for the last two.  The socket closes when the program runs.
 *
 *   parent  MAPPED   the ids and the owners of the mounts are mapped
 *           PLACED   it is in its cgroups (only where plan and cgroup need it)
 *           START    execute
 *   init    CONSOLE  with the terminal's master
 *           (error)  err_write(): a minus sign and so on; init ends
 */
enum {
        INIT_MAPPED = 'M',
        INIT_PLACED = 'P',
        INIT_START = 'S',
        INIT_CONSOLE = 'C',
};

/* Becomes the container's program; the plan is a copy of the parent's, by fork. */
_Noreturn void init_run(const Plan *plan, int sync);

/*
 * The codes of runtime_start() are kept for the program's own failures; a failure
 * of ours with the same number gets another one.
 */
int init_own_failure(int code);

/* Sends the error to the parent and ends. */
_Noreturn void init_fail(int sync, const Err *err);

/* Connects the streams: a terminal's slave, or stdio[3] where >= 0, else null. */
int init_connect_streams(int slave, const int *stdio, int null, Err *err);

/* Makes the working directory the current one, making it if it is missing. */
int init_enter_directory(const char *directory, Err *err);

/* Sets what the specification says; one that may not be raised stays at its maximum. */
int init_set_limits(const OciProcess *process, Err *err);
