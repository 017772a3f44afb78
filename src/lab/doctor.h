/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What this machine can and cannot do for labs
 *
 * What can be tried is tried, each in a process of its own that leaves nothing behind
 * (kernel/probe.h).  What is a limit is read and compared with what a lab of so many
 * nodes needs.
 */

#include "base/auto.h"
#include "kernel/probe.h"

typedef enum FindingStatus {
        FINDING_YES,
        FINDING_NO,      /* there is another way, or what needs it is refused */
        FINDING_LOW,     /* a limit that is too low for so many nodes */
        FINDING_MISSING, /* without it there are no labs at all */
} FindingStatus;

extern const char *const finding_status_names[]; /* "yes", "no", "low", "MISSING", NULL */

typedef struct Finding {
        const char *group, *name;
        FindingStatus status;
        char *detail; /* "" if there is nothing to say */
        const char *without;
        char *remedy; /* "" */
} Finding;

typedef struct Diagnosis {
        Finding *findings;
        size_t n_findings;
        bool hopeless; /* one is MISSING */
        bool low;      /* a limit holds up so many nodes */
} Diagnosis;

void diagnosis_clear(Diagnosis *d);
#define autodiagnosis __attribute__((__cleanup__(diagnosis_clear))) Diagnosis

/**
 * doctor_examine() - try everything that labs make use of
 * @data:	directory of the store
 * @nodes:	how many a lab is to have
 *
 * Return: 0; -ENOMEM.
 */
int doctor_examine(int data, unsigned nodes, Diagnosis *ret);
