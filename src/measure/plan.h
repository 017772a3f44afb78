/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Measurements by name
 *
 * What `measurements:` of a lab's file and `isola lab measure` ask for are the same
 * steps, read by one table; each gives a record.
 */

#include "measure/check.h"

extern const CheckKind measure_kinds[]; /* ends with a NULL name */

/**
 * plan_read() - read steps
 * @steps:	@n of them; must outlive the result, as the topology
 *
 * Return: 0; -EINVAL with a sentence and the nearest right word.
 */
int plan_read(const Topology *t, const Step *steps, size_t n, CheckList *ret, Err *err);

/* Carries one out: @ret is cleared by the caller.  0, also for one that was stopped; negative errno
 * with a sentence, and nothing in @ret. */
int plan_run(const Check *c, const CheckLab *lab, int repetition, Record *ret, Err *err);
