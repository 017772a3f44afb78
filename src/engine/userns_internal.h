/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Shared by userns_options.c (words), userns_plan.c (choosing ids) and userns.c (using them). */

#include "engine/userns.h"

/* What follows the colon of --userns. */
typedef struct UsernsOptions {
        int64_t uid, gid; /* keep-id; -1: the user's own */
        int64_t size;     /* 0: as many as fit */
        IdPlan uids, gids;
} UsernsOptions;

void userns_options_clear(UsernsOptions *o);
#define autousernsoptions __attribute__((__cleanup__(userns_options_clear))) UsernsOptions

/* @mode: may be NULL, and one without options. */
int userns_options_read(const char *mode, UsernsOptions *ret, Err *err);
/* Whether it is that one, with options or without. */
bool userns_is_mode(const char *mode, const char *name);

/* The ids of the namespace that this process is in. */
int userns_read_own(ContainerIds *ret);

/* @size ids from @base on, but for those that uidmapping= and gidmapping= say. */
int userns_auto(const UsernsOptions *o, int64_t base, int64_t size, ContainerIds *ret);
