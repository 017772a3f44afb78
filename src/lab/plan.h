/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * From one topology to another: wanted minus there
 *
 * A pure function.  Its steps are in the order in which they are carried out, and each can be
 * carried out again: a plan that was broken off is finished, or undone by the plan of the way back,
 * by doing all of it.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "topology/diff.h"

typedef enum PlanVerb {
        PLAN_DETACH,     /* uplink @before: what it has of the host is given back */
        PLAN_UNLAY,      /* link @before: its interfaces go */
        PLAN_STOP,       /* node @before: its container goes, its network stays */
        PLAN_END,        /* node @before: it goes with all that is in it */
        PLAN_MAKE,       /* node @after: its namespaces and first process */
        PLAN_LIMIT,      /* node @after: its control group */
        PLAN_MANAGEMENT, /* the bridge of the management network */
        PLAN_LAY,        /* link @after */
        PLAN_SET_LINK,   /* link @before, @after: MTU, MAC addresses, qualities */
        PLAN_NETWORK,    /* node @after, which was @before: its interfaces, addresses, routes */
        PLAN_SYSCTL,     /* node @after */
        PLAN_ATTACH,     /* uplink @after */
        PLAN_PORTS,      /* of all nodes are published anew */
        PLAN_SWITCH,     /* node @after, of Open vSwitch: its bridge and ports */
        PLAN_START,      /* node @after: its container or command, and its exec */
        PLAN_EXEC,       /* node @after, which was @before: commands that it had not */
        PLAN_VERBS
} PlanVerb;

extern const char *const lab_plan_verb_names[PLAN_VERBS + 1];

typedef struct PlanStep {
        PlanVerb verb;
        size_t before, after; /* index in either topology; SIZE_MAX where there is none */
} PlanStep;

typedef struct LabPlan {
        PlanStep *steps; /* sorted by verb */
        size_t n_steps;
} LabPlan;

void lab_plan_clear(LabPlan *plan);
#define autolabplan __attribute__((__cleanup__(lab_plan_clear))) LabPlan

/* How a node is found. */
typedef enum PlanLife {
        PLAN_RUNS,
        PLAN_ENDED, /* its container does not run any more */
        PLAN_GONE,  /* nothing of it does */
} PlanLife;

/**
 * lab_plan_make() - find out what is to be done
 * @lives:	for each node of @before; what does not run is made anew
 * @changes:	topology_diff() of the two
 *
 * Return: 0; -EOPNOTSUPP with a sentence if something cannot be done while the lab is up.
 */
int lab_plan_make(const Topology *before, const Topology *after, const PlanLife *lives,
                  const ChangeList *changes, LabPlan *ret, Err *err);

/* Whether the plan has a step of that kind for a node or link of @after. */
bool lab_plan_has(const LabPlan *plan, PlanVerb verb, size_t after);
