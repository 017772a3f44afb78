/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The links of a lab that is up: how they do, and changing them live. */

#include "lab/engine.h"
#include "lab/keeper.h"

/* One direction as it is now. */
typedef struct LinkDirection {
        char *quality;   /* quality_words() */
        LinkStats stats; /* of the kernel's: what interfaces count, and drops */
} LinkDirection;

/* Packets that came and did not go on, for whatever reason. */
static inline uint64_t link_dropped(const LinkStats *s) {
        return s->lost + s->queue_full + s->codel + s->cut + s->down + s->memory;
}

typedef struct LinkView {
        LinkEngine engine;
        bool cut, captures;
        int starts; /* how often its emulator has been started anew: then its counters began again
                     */
        LinkDirection directions[2];
} LinkView;

void link_view_clear(LinkView *v);
#define autolinkview __attribute__((__cleanup__(link_view_clear))) LinkView

int lab_link_view(const Lab *lab, size_t link, LinkView *ret, Err *err);

/**
 * lab_link_set() - change the quality of a link
 * @direction:	0 or 1 (the end it leaves from), -1: both
 * @settings:	"delay=20ms", …; NULL: back to what the lab's file says
 *
 * What is on its way stays on its way.  -EOPNOTSUPP with a sentence if the link's engine has not
 * what is asked.
 */
int lab_link_set(Lab *lab, size_t link, int direction, char *const *settings, Err *err);
/* Pulls or plugs the cable.  Emulated, both ends lose or get their carrier; of the kernel's cables
 * see link_state.h. */
int lab_link_cut(const Lab *lab, size_t link, bool cut, Err *err);

/**
 * lab_link_file() - give a direction another quality, as the lab's file says it now
 *
 * The lab's topology has the new one already; what was changed live is forgotten.
 */
int lab_link_file(Lab *lab, size_t link, int direction, Err *err);

/* Forgets what was changed live of a link, by its key. */
void lab_forget_link(Lab *lab, const char *key);
/* Sets the rate of the direction that begins at an end of a link that the kernel gives its quality,
 * or takes it away. */
int lab_link_put_rate(const Lab *lab, const TopologyLink *l, int end, Err *err);
