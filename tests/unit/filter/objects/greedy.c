/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Uses what a map may not have: the verifier refuses it. */

#include "isola_filter.h"

ISOLA_HASH(numbers, u32, u64, 4);

ISOLA_FILTER(greedy) {
        u32 key = 0;
        u64 *number = isola_get(&numbers, &key);

        return *number == p->length ? ISOLA_MATCH : ISOLA_PASS;
}
