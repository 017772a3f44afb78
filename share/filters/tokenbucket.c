/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A token bucket for each source address: packets for which there are no tokens match, and are
 * dropped unless something else is said.
 *
 * A bucket fills at rate, in bytes a second, and holds burst, in bytes.  Instead of its level it
 * keeps when it will be full, one number that processors can exchange without a lock.
 */

#define ISOLA_ACTION ISOLA_DROP
#include "isola_filter.h"

ISOLA_PARAM(u64, rate) = 125000;
ISOLA_PARAM(u64, burst) = 15000;

struct bucket {
        u64 full_at; /* isola_now() */
        u64 passed_bytes, matched_bytes;
};

ISOLA_LRU(sources, isola_ip, struct bucket, 16384);

ISOLA_FILTER(tokenbucket) {
        struct bucket *bucket;
        u64 now = isola_now(), cost, room;

        if (!p->family)
                return ISOLA_PASS;
        bucket = isola_get_or_add(&sources, &p->saddr);
        if (!bucket || !rate)
                return ISOLA_MATCH;
        cost = p->length * ISOLA_SECOND / rate;
        room = burst * ISOLA_SECOND / rate;

        for (int i = 0; i < 8; i++) {
                u64 before = bucket->full_at, after = (before > now ? before : now) + cost;

                if (after > now + room)
                        break;
                if (__sync_val_compare_and_swap(&bucket->full_at, before, after) == before) {
                        isola_add(&bucket->passed_bytes, p->length);
                        return ISOLA_PASS;
                }
        }
        isola_add(&bucket->matched_bytes, p->length);
        return ISOLA_MATCH;
}
