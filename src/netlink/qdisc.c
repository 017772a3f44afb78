/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "netlink/qdisc.h"

/* The kernel counts time in ticks of 64 ns (PSCHED_SHIFT, include/net/pkt_sched.h). */
#define TICK_NS 64

void qdisc_next_tbf(NlMessage *m, int index, uint64_t rate_bps, uint32_t burst, uint32_t limit) {
        const uint64_t bytes_per_s = rate_bps / 8;
        struct tcmsg tc = { .tcm_family = AF_UNSPEC,
                            .tcm_ifindex = index,
                            .tcm_handle = 1 << 16,
                            .tcm_parent = TC_H_ROOT };
        struct tc_tbf_qopt options = {
                .rate = { .linklayer = TC_LINKLAYER_ETHERNET,
                          .rate = bytes_per_s < UINT32_MAX ? (uint32_t) bytes_per_s : UINT32_MAX },
                .limit = limit,
                .buffer = (uint32_t) ((uint64_t) burst * 1000000000 / bytes_per_s / TICK_NS),
        };
        size_t nest;

        nl_next(m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &tc, sizeof tc);
        nl_put_string(m, TCA_KIND, "tbf");
        nest = nl_nest(m, TCA_OPTIONS);
        nl_put(m, TCA_TBF_PARMS, &options, sizeof options);
        if (bytes_per_s >= UINT32_MAX)
                nl_put(m, TCA_TBF_RATE64, &bytes_per_s, sizeof bytes_per_s);
        nl_put_u32(m, TCA_TBF_BURST, burst);
        nl_end(m, nest);
}

void qdisc_next_none(NlMessage *m, int index) {
        struct tcmsg tc = { .tcm_family = AF_UNSPEC,
                            .tcm_ifindex = index,
                            .tcm_parent = TC_H_ROOT };

        nl_next(m, RTM_DELQDISC, 0, &tc, sizeof tc);
}
