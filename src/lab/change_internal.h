/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the parts of a change share. */

#include "lab/build.h"
#include "lab/lab_internal.h"
#include "lab/plan.h"
#include "lab/sources.h"

/* Two views of one lab: both have a topology and, in its order, the processes.  The rest of the
 * state is @to's. */
typedef struct Changing {
        Lab *from, *to;
        const LabPlan *plan;
        bool back;   /* to what it was before a change that was broken off */
        bool *made;  /* by node of to: its processes are new */
        Build build; /* their maker, until they are written down */
} Changing;

/* The steps of one kind, one after the other. */
typedef int (*ChangeStep)(Changing *c, const PlanStep *step, Err *err);

/* Writes the state down, with nodes of both. */
int change_save(const Changing *c, Err *err);

/* ---- change_node.c ---- */

int change_stop_node(Changing *c, const PlanStep *step, Err *err);
int change_end_node(Changing *c, const PlanStep *step, Err *err);
/* All that are to be made; they wait. */
int change_make_nodes(Changing *c, Err *err);
int change_limit_node(Changing *c, const PlanStep *step, Err *err);
int change_node_network(Changing *c, const PlanStep *step, Err *err);
int change_node_sysctls(Changing *c, const PlanStep *step, Err *err);
int change_run_exec(Changing *c, const PlanStep *step, Err *err);
/* Containers, commands and exec, in the order that nodes ask for. */
int change_start_nodes(Changing *c, Err *err);

/* ---- change_link.c ---- */

int change_unlay_link(Changing *c, const PlanStep *step, Err *err);
/* A keeper, if there is none and one is needed. */
int change_need_keeper(Changing *c, Err *err);
int change_lay_link(Changing *c, const PlanStep *step, Err *err);
int change_set_link(Changing *c, const PlanStep *step, Err *err);
