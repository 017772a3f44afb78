/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A quality made ready: its schedule carried out in advance, its files read
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "topology/quality.h"
#include "wire/fate.h"
#include "wire/path.h"
#include "wire/pattern.h"
#include "wire/trace.h"

/* The quality from a time on. */
typedef struct PlanStage {
        int64_t at_ns;    /* after the plan's beginning */
        Quality quality;  /* without schedule */
        Pattern *pattern; /* that it names, or NULL */
        PathRules path;
        bool plain; /* see fate_is_plain() */
} PlanStage;

typedef struct Plan {
        Quality quality;   /* as it was given */
        Trace *trace;      /* that it names, or NULL */
        PlanStage *stages; /* in order of time, the first at 0 */
        size_t n;
} Plan;

/**
 * plan_new() - make a quality ready
 * @after_ns:	steps of the schedule up to this time are left out
 *
 * Return: 0; what quality_check() says of each stage; what the readers of files say.
 */
int plan_new(const Quality *q, int64_t after_ns, Plan **ret, Err *err);
Plan *plan_free(Plan *p);
DEFINE_AUTOPTR(Plan, plan_free)

/* The last stage that has begun @ns after the plan did. */
size_t plan_stage(const Plan *p, int64_t ns);

/* Whether the properties that have a beginning are the same in both. */
bool plan_same_schedule(const Quality *a, const Quality *b);
bool plan_same_trace(const Quality *a, const Quality *b);
bool plan_same_loss(const Quality *a, const Quality *b);
