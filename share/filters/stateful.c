/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Stateful firewall: whoever is inside may begin to talk, others may only answer.
 *
 * Attach it under one name at both sides of an interface, which share the table of flows.  What the
 * interface receives comes from inside, or with uplink=true from outside.  Packets that belong to
 * no flow match, and are dropped unless something else is said.
 *
 * A TCP flow begins with a SYN.  ICMP errors belong to the flow that they are about.  Later
 * fragments match, for they have no ports; ARP and what IPv6 needs on a link (neighbour discovery,
 * multicast listeners) never do.
 */

#define ISOLA_ACTION ISOLA_DROP
#include "isola_filter.h"

ISOLA_PARAM(bool, uplink) = false;
/* Seconds of silence after which a flow is forgotten: TCP while both sides talk, what has ended or
 * not been answered yet, all else. */
ISOLA_PARAM(u32, established) = 3600;
ISOLA_PARAM(u32, closing) = 10;
ISOLA_PARAM(u32, other) = 60;

struct state {
        u64 last; /* packet, isola_now() */
        u64 packets;
        bool answered, ended;
        u8 _fill[6];
};

ISOLA_LRU(flows, struct isola_flow, struct state, 65536);

ISOLA_INLINE bool is_known(const struct isola_flow *flow, u64 now) {
        struct state *state = isola_get(&flows, flow);
        u64 patience;

        if (!state)
                return false;
        if (flow->protocol == ISOLA_TCP)
                patience = state->answered && !state->ended ? established : closing;
        else
                patience = other;
        return now - state->last <= patience * ISOLA_SECOND;
}

/* RFC 4861, RFC 2710, RFC 3810. */
ISOLA_INLINE bool is_of_the_link(const struct isola_packet *p) {
        return p->protocol == ISOLA_ICMP6 &&
               ((p->icmp_type >= 130 && p->icmp_type <= 137) || p->icmp_type == 143);
}

/* The flow as who is inside sees it. */
ISOLA_INLINE struct isola_flow orient(const struct isola_packet *p, bool outward) {
        struct isola_flow flow = isola_flow_of(p);

        return outward ? flow : isola_reverse(&flow);
}

ISOLA_FILTER(stateful) {
        bool outward = isola_egress() == uplink;
        struct isola_packet inner;
        struct isola_flow flow;
        struct state *state;
        u64 now = isola_now();

        if (p->malformed)
                return ISOLA_MATCH;
        if (!p->family || is_of_the_link(p))
                return ISOLA_PASS;
        if (p->fragment == 2)
                return ISOLA_MATCH;
        if (isola_inner(p, &inner)) {
                flow = orient(&inner, !outward);
                return is_known(&flow, now) ? ISOLA_PASS : ISOLA_MATCH;
        }

        flow = orient(p, outward);
        if (!is_known(&flow, now)) {
                struct state fresh = {};

                if (!outward || (p->protocol == ISOLA_TCP &&
                                 (p->tcp_flags & (ISOLA_SYN | ISOLA_ACK)) != ISOLA_SYN))
                        return ISOLA_MATCH;
                isola_put(&flows, &flow, &fresh);
        }
        state = isola_get(&flows, &flow);
        if (!state)
                return ISOLA_MATCH;
        state->last = now;
        isola_add(&state->packets, p->segments);
        if (!outward)
                state->answered = true;
        if (p->tcp_flags & (ISOLA_FIN | ISOLA_RST))
                state->ended = true;
        return ISOLA_PASS;
}
