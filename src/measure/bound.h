/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Limits that a measured figure is held to: "<= 10ms", "9mbit..11mbit", "20ms +- 5%". */

#include <stdbool.h>

#include "base/err.h"

typedef enum BoundKind {
        BOUND_SPAN,  /* figures in ms; a bare number is ms */
        BOUND_RATE,  /* figures in bits per second */
        BOUND_SHARE, /* figures from 0 to 1; "1%" */
        BOUND_COUNT, /* plain numbers */
} BoundKind;

typedef struct Bound {
        bool is_set;
        double low, high;         /* -INFINITY and INFINITY where there is no limit */
        bool low_open, high_open; /* the limit itself is out */
} Bound;

/**
 * bound_parse() - read a limit
 * @least:	what a bare value means: true "at least", false "at most"
 *
 * "X"; "<X", "<=X", ">X", ">=X"; "X..Y"; "X +- Y" with Y a value of the kind or a percentage of X:
 * of shares, which are percentages themselves, always a value, so that "1% +- 0.5%" is 0.5 to 1.5
 * %.
 *
 * Return: 0; -EINVAL with a sentence and a hint.
 */
int bound_parse(const char *text, BoundKind kind, bool least, Bound *ret, Err *err);
/* A figure that is NAN is within no bound but one that is not set. */
bool bound_holds(const Bound *b, double value);

/* Single values of a kind, in the unit of its figures; -EINVAL with a sentence. */
int bound_value(const char *text, BoundKind kind, double *ret, Err *err);
