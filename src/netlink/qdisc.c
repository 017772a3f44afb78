/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink/qdisc.h"

/* The kernel counts time in ticks of 64 ns (PSCHED_SHIFT, include/net/pkt_sched.h). */
#define TICK_NS 64

#define ROOT_HANDLE  (1 << 16)
#define CHILD_HANDLE (2 << 16)
/* More than may ever be on its way: netem drops silently beyond its limit. */
#define PACKETS_MAX 10000000

static void put_tbf(NlMessage *m, int index, uint32_t parent, uint32_t handle, uint64_t rate_bps,
                    uint32_t burst, uint32_t limit) {
        const uint64_t bytes_per_s = rate_bps / 8;
        struct tcmsg tc = { .tcm_family = AF_UNSPEC,
                            .tcm_ifindex = index,
                            .tcm_handle = handle,
                            .tcm_parent = parent };
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

void qdisc_next_tbf(NlMessage *m, int index, uint64_t rate_bps, uint32_t burst, uint32_t limit) {
        put_tbf(m, index, TC_H_ROOT, ROOT_HANDLE, rate_bps, burst, limit);
}

static uint32_t probability(double p) {
        return p >= 1 ? UINT32_MAX : (uint32_t) (p * UINT32_MAX);
}

static void put_losses(NlMessage *m, const Netem *n) {
        /* In the kernel the third is the share that arrives (loss_gilb_ell(), sch_netem.c). */
        const struct tc_netem_gemodel chain = {
                .p = probability(n->to_bad),
                .r = probability(n->to_good),
                .h = probability(1 - n->loss_bad),
                .k1 = probability(n->loss_good),
        };
        size_t nest = nl_nest(m, TCA_NETEM_LOSS);

        nl_put(m, NETEM_LOSS_GE, &chain, sizeof chain);
        nl_end(m, nest);
}

static void put_netem(NlMessage *m, int index, const Netem *n) {
        struct tcmsg tc = { .tcm_family = AF_UNSPEC,
                            .tcm_ifindex = index,
                            .tcm_handle = ROOT_HANDLE,
                            .tcm_parent = TC_H_ROOT };
        const struct tc_netem_qopt options = {
                .limit = PACKETS_MAX,
                .loss = n->bursts ? 0 : probability(n->loss),
                .gap = n->reorder > 0,
                .duplicate = probability(n->duplicate),
        };
        const struct tc_netem_reorder reorder = { .probability = probability(n->reorder) };
        size_t nest;

        nl_next(m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &tc, sizeof tc);
        nl_put_string(m, TCA_KIND, "netem");
        nest = nl_nest(m, TCA_OPTIONS);
        nl_put_raw(m, &options, sizeof options);
        nl_put(m, TCA_NETEM_LATENCY64, &n->delay_ns, sizeof n->delay_ns);
        nl_put(m, TCA_NETEM_JITTER64, &n->jitter_ns, sizeof n->jitter_ns);
        nl_put(m, TCA_NETEM_REORDER, &reorder, sizeof reorder);
        if (n->bursts)
                put_losses(m, n);
        nl_end(m, nest);
}

void qdisc_next_netem(NlMessage *m, int index, const Netem *netem, uint64_t rate_bps,
                      uint32_t burst, uint32_t limit) {
        const struct tc_fifo_qopt all = { .limit = PACKETS_MAX };
        struct tcmsg tc = { .tcm_family = AF_UNSPEC,
                            .tcm_ifindex = index,
                            .tcm_handle = 0,
                            .tcm_parent = ROOT_HANDLE | 1 };

        put_netem(m, index, netem);
        if (rate_bps > 0) {
                put_tbf(m, index, ROOT_HANDLE | 1, CHILD_HANDLE, rate_bps, burst, limit);
                return;
        }
        nl_next(m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &tc, sizeof tc);
        nl_put_string(m, TCA_KIND, "pfifo");
        nl_put(m, TCA_OPTIONS, &all, sizeof all);
}

void qdisc_next_none(NlMessage *m, int index) {
        struct tcmsg tc = { .tcm_family = AF_UNSPEC,
                            .tcm_ifindex = index,
                            .tcm_parent = TC_H_ROOT };

        nl_next(m, RTM_DELQDISC, 0, &tc, sizeof tc);
}

static int take_drops(const struct nlmsghdr *message, void *context) {
        const struct nlattr *all = nl_find(message, sizeof(struct tcmsg), TCA_STATS2);
        const struct nlattr *queue = all ? nl_find_nested(all, TCA_STATS_QUEUE) : NULL;
        struct gnet_stats_queue stats;

        if (!queue || nl_size(queue) < sizeof stats)
                return 0;
        memcpy(&stats, nl_data(queue), sizeof stats);
        *(uint32_t *) context = stats.drops;
        return 0;
}

int qdisc_drops(int nl, int index, uint32_t *ret) {
        struct tcmsg tc = { .tcm_family = AF_UNSPEC,
                            .tcm_ifindex = index,
                            .tcm_parent = TC_H_ROOT };
        uint32_t drops = 0;
        NlMessage m;
        int r;

        /* What is asked for is told as a change is: to who wants it echoed. */
        nl_begin(&m, RTM_GETQDISC, NLM_F_ECHO, &tc, sizeof tc);
        r = nl_query(nl, &m, take_drops, &drops, NULL);
        /* The default one is not shown (tc_qdisc_dump_ignore(), net/sched/sch_api.c). */
        if (r < 0 && r != -EINVAL && r != -ENOENT)
                return r;
        *ret = drops;
        return 0;
}
