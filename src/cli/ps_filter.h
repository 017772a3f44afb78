/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* `ps --filter`: which containers are listed. */

#include "engine/container.h"

typedef struct PsFilter PsFilter;

/**
 * ps_filter_new() - read filters
 * @texts:	KEY=VALUE, NULL-terminated, or NULL.  Values of one key are alternatives,
 *		keys (and labels) must all hold.  id and name are regular expressions
 */
int ps_filter_new(const Home *home, const char *const *texts, PsFilter **ret, Err *err);
PsFilter *ps_filter_free(PsFilter *f);
DEFINE_AUTOPTR(PsFilter, ps_filter_free)

/* True if some filter asks for containers that do not run. */
bool ps_filter_wants_all(const PsFilter *f);
bool ps_filter_match(const PsFilter *f, const Container *c);
