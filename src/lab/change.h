/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Changing a lab that is up
 *
 * What its file says now and it is not is done (plan.h), and nothing else: a node that the plan
 * does not name keeps its processes, connections and counters.
 *
 * Before the first step the wanted topology is written beside the present one (next.yml), and the
 * state says that it is changing and has the nodes of both.  New nodes die with their maker until
 * they are written down.  At the end the new topology takes the old one's place.  If a step fails,
 * or whoever does it is killed, the plan of the way back is carried out, from all of the new
 * topology to the old one: by the same command, or by the next one that meets the lab.  Steps do no
 * harm where there is nothing to do.  Going back, nodes that the change has not made stay as they
 * are.
 */

#include "lab/lab.h"
#include "lab/plan.h"

typedef struct LabChange {
        ChangeList list; /* what is not the same */
        LabPlan plan;    /* what is to be done */
} LabChange;

void lab_change_clear(LabChange *c);
#define autochange __attribute__((__cleanup__(lab_change_clear))) LabChange

/* Looks at what runs; the lab has its topology, @t its addresses.  -EOPNOTSUPP with a sentence for
 * what cannot be done. */
int lab_change_plan(const Lab *lab, const Topology *t, LabChange *ret, Err *err);
/* A line each: "+ node h3 (host)", "~ node h1: cmd: a, then b (made anew)". */
int lab_change_words(const Lab *lab, const Topology *t, const LabChange *c, char ***ret);

/**
 * lab_change() - carry it out, with the lock held
 * @t:	the lab's from now on, if it succeeds
 *
 * Return: 0; negative errno, and the lab is what it was.
 */
int lab_change(Lab *lab, Topology *t, const LabChange *c, Err *err);
