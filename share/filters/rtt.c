/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Round-trip times of TCP flows, without sending anything: a packet's timestamp (RFC 7323) comes
 * back in the answer to it.
 *
 * Attach it under one name at both sides of an interface.  The map "times" then has for each flow
 * how long its packets' answers took, counted from that interface to where the flow goes, and what
 * that host took to answer.  Answers to measured packets match.
 */

#include "isola_filter.h"

struct stamp {
        struct isola_flow flow;
        u32 value;
};
struct times {
        u64 samples, last, least, most, sum; /* nanoseconds */
        u64 histogram[24]; /* [n]: less than 2^n microseconds, and not less than half of it */
};

ISOLA_LRU(stamps, struct stamp, u64, 16384);
ISOLA_LRU(times, struct isola_flow, struct times, 4096);

ISOLA_INLINE void note(const struct isola_flow *flow, u64 took) {
        struct times *all = isola_get_or_add(&times, flow);
        u64 microseconds = took / 1000;
        u32 slot = 0;

        if (!all)
                return;
#pragma clang loop unroll(full)
        for (int i = 0; i < 23; i++)
                if (microseconds >> i)
                        slot = i + 1;
        isola_add(&all->samples, 1);
        isola_add(&all->sum, took);
        isola_add(&all->histogram[slot], 1);
        all->last = took;
        if (!all->least || took < all->least)
                all->least = took;
        if (took > all->most)
                all->most = took;
}

ISOLA_FILTER(rtt) {
        struct stamp stamp = {};
        u64 now = isola_now(), *sent;
        u32 value, echo;

        if (!isola_tcp_timestamps(p, &value, &echo))
                return ISOLA_PASS;

        /* What is only an acknowledgement is not answered. */
        stamp.flow = isola_flow_of(p);
        stamp.value = value;
        if ((p->end > p->payload || p->tcp_flags & (ISOLA_SYN | ISOLA_FIN)) &&
            !isola_get(&stamps, &stamp))
                isola_put(&stamps, &stamp, &now);

        if (!(p->tcp_flags & ISOLA_ACK))
                return ISOLA_PASS;
        stamp.flow = isola_reverse(&stamp.flow);
        stamp.value = echo;
        sent = isola_get(&stamps, &stamp);
        if (!sent)
                return ISOLA_PASS;
        note(&stamp.flow, now - *sent);
        isola_delete(&stamps, &stamp);
        return ISOLA_MATCH;
}
