/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a lab's links have carried, lost and been late with between two points in time. */

#include "base/str.h"
#include "lab/link.h"
#include "measure/record.h"

/* One link, both directions added up but for @bytes. */
typedef struct LinkMark {
        uint64_t bytes[2], arrived, dropped;
        uint64_t overruns; /* packets that the emulator sent on too late */
        int starts;        /* how often it has been started anew */
} LinkMark;

typedef struct LinkMarks {
        LinkMark *links; /* the topology's */
        size_t n;
} LinkMarks;

void link_marks_clear(LinkMarks *m);
#define autolinkmarks __attribute__((__cleanup__(link_marks_clear))) LinkMarks

/* @emulated: only those that the emulator serves, the others stay zero.  Negative errno with a
 * sentence. */
int link_marks_take(const Lab *lab, bool emulated, LinkMarks *ret, Err *err);
/* Adds cautions to a record if the emulator did not keep time between the two, or was started anew.
 */
int link_marks_caution(const Lab *lab, const LinkMarks *before, const LinkMarks *after, Record *r);
/* The topology twice, coloured by use and by loss, as images of a page; -ENOMEM. */
int link_marks_draw(const Lab *lab, const LinkMarks *before, const LinkMarks *after, double seconds,
                    Str *out);
