/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A map of the same name as in several.c, which looks different. */

#include "isola_filter.h"

ISOLA_HASH(sizes, u64, u64, 8);

ISOLA_FILTER(other) {
        u64 key = p->length;

        return isola_get(&sizes, &key) ? ISOLA_MATCH : ISOLA_PASS;
}
