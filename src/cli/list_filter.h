/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* --filter KEY=VALUE of lists, as a table of what each key asks of an object. */

#include <stdbool.h>

#include "base/err.h"

typedef struct ListFilter {
        const char *key; /* the table ends with NULL */
        bool (*fits)(const void *object, const char *value);
        bool all; /* all values of this key must fit; otherwise any */
} ListFilter;

/* -EINVAL with the keys there are; @what: "networks". */
int list_filter_check(const ListFilter *table, const char *const *texts, const char *what,
                      Err *err);
/* Whether all keys fit; @texts: checked, or NULL. */
bool list_filter_match(const ListFilter *table, const char *const *texts, const void *object);

/* @labels: "key=value"; @wanted: "key" or "key=value". */
bool label_fits(char *const *labels, const char *wanted);
