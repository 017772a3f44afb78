/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which ids a container is to have: lists of ranges, before the kernel is told
 *
 * Pure functions.  "Inside" is the container's number, "outside" that of the user namespace which
 * isola itself is in: the machine's for root, for an ordinary user 0 for himself and from 1 on
 * those of his range (engine/rootless.h).  No number is in a list twice, on either side.
 */

#include <stdbool.h>

#include "base/err.h"
#include "kernel/idmap.h"

typedef struct IdPlan {
        IdRange *ranges;
        size_t n;
} IdPlan;

void idplan_clear(IdPlan *plan);
#define autoidplan __attribute__((__cleanup__(idplan_clear))) IdPlan

/* Adds a range at the end; nothing if @count is 0. */
int idplan_add(IdPlan *plan, int64_t inside, int64_t outside, int64_t count);
/* Adds a range that takes its numbers, on both sides, from those that are there. */
int idplan_put(IdPlan *plan, const IdRange *range);
/* Gives the numbers inside, below @total, that have none the lowest free ones below @total. */
int idplan_fill(IdPlan *plan, int64_t total);

/* The number outside for one inside, or -1. */
int64_t idplan_outside(const IdPlan *plan, int64_t inside);
/* The number inside for one outside, or -1. */
int64_t idplan_inside(const IdPlan *plan, int64_t outside);
/* How many numbers from @outside on somebody inside has, without a gap; 0: that one nobody has. */
int64_t idplan_run(const IdPlan *plan, int64_t outside);

/**
 * idplan_check() - whether it can be a container's
 * @own:	the ids of the namespace around it
 * @what:	"user" or "group", for the sentence
 *
 * Return: 0; -EINVAL if a number is given twice, is not in @own, or root has none.
 */
int idplan_check(const IdPlan *plan, const IdPlan *own, const char *what, Err *err);

/* Cuts it where @own is cut, since no range may reach over a cut (map_id_range_down(),
 * kernel/user_namespace.c). */
int idplan_split(const IdPlan *plan, const IdPlan *own, IdPlan *ret);

/* "INSIDE:OUTSIDE:COUNT", as Podman's inspect has it. */
int idplan_write(const IdPlan *plan, char ***ret);
int idplan_read(char *const *texts, IdPlan *ret);

/* A word of --uidmap or --gidmap. */
typedef struct IdWord {
        IdRange range;
        bool machine;               /* outside is the machine's number: "@" */
        bool amends;                /* it changes the usual map, where others replace it: "+" */
        bool user_only, group_only; /* "u", "g": of a word that stands for both */
} IdWord;

/* Reads "[+][u][g]INSIDE:[@]OUTSIDE[:COUNT]"; @option names the option in the sentence. */
int idplan_word(const char *text, const char *option, IdWord *ret, Err *err);
