/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Counts the packets of one transport protocol; the smallest filter there is. */

#include "isola_filter.h"

ISOLA_PARAM(u8, protocol) = ISOLA_UDP;

ISOLA_FILTER(count) {
        return p->protocol == protocol ? ISOLA_MATCH : ISOLA_PASS;
}
