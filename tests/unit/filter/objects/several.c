/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Two filters in one file that share a map: one counts by sizes, one matches what was seen often.
 */

#include "isola_filter.h"

ISOLA_HASH(sizes, u32, u64, 8);

ISOLA_FILTER(learn) {
        u32 key = p->length;
        u64 *n = isola_get_or_add(&sizes, &key);

        if (n)
                isola_add(n, 1);
        return ISOLA_MATCH;
}

ISOLA_FILTER(apply) {
        u32 key = p->length;

        return isola_get(&sizes, &key) ? ISOLA_MATCH : ISOLA_PASS;
}
