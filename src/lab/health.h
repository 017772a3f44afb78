/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Health checks
 *
 * There is no process that runs them all the time.  While a lab is made, those of nodes
 * that others wait for are run at once and then in their interval, until one succeeds or
 * as many as its retries have failed after its start period.  `ps` runs each once.
 */

#include "lab/task.h"

/* The checks of one node, one after the other. */
typedef struct Probe {
        LabTask task;
        int64_t began_ms, next_ms, deadline_ms; /* clock_monotonic_ms() */
        int failures;
        LabHealth health; /* LAB_HEALTH_NONE while it is not decided */
        char *why;        /* what the last failed one wrote last, or how it ended */
} Probe;

void probe_begin(Probe *p);
void probe_clear(Probe *p);
/* Begins or ends a check, as the time is; negative errno only without memory. */
int probe_step(const Lab *lab, size_t node, Probe *p, Err *err);
/* When the next step is to be taken at the latest, if the task has not ended before. */
int64_t probe_next_ms(const Probe *p);
