/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "engine/uplink_return.h"
#include "netlink/nft.h"
#include "netlink/nl.h"

#define TABLE          0x69   /* of routes */
#define SENT_PRIORITY  100    /* before the main table's 32766 */
#define LOOPBACK_INDEX 1      /* net/core/dev.c: always the first */
#define MANGLE         (-150) /* after conntrack, before translation (nft(8), "Priorities") */

static const NftTable table = { NFPROTO_INET, "isola_return" };

/* The one that comes in by a register goes out by another: mark of the packet and of its
 * connection. */
static int make_rules(void) {
        const uint32_t mark = UPLINK_MARK;
        autonl NlMessage m;

        nft_begin(&m);
        nft_table(&m, &table);
        nft_chain(&m, &table, "sent", &(NftHook){ "filter", NF_INET_LOCAL_OUT, MANGLE });
        nft_chain(&m, &table, "answered", &(NftHook){ "filter", NF_INET_PRE_ROUTING, MANGLE });
        nft_rule(&m, &table, "sent");
        nft_expr_meta(&m, NFT_META_MARK, 0);
        nft_expr_cmp(&m, NFT_CMP_EQ, 0, &mark, sizeof mark);
        nft_expr_ct_set(&m, NFT_CT_MARK, 0);
        nft_rule_end(&m);
        nft_rule(&m, &table, "answered");
        nft_expr_ct(&m, NFT_CT_MARK, 0);
        nft_expr_cmp(&m, NFT_CMP_EQ, 0, &mark, sizeof mark);
        nft_expr_meta_set(&m, NFT_META_MARK, 0);
        nft_rule_end(&m);
        return nft_commit(nft_socket(), &m, NULL);
}

static void put_rule(NlMessage *m, uint32_t priority) {
        nl_put_u32(m, FRA_PRIORITY, priority);
        nl_put_u32(m, FRA_FWMARK, UPLINK_MARK);
        nl_put_u32(m, FRA_FWMASK, ~0u);
}

static int make_route(int nl, uint8_t family) {
        struct fib_rule_hdr sent = { .family = family,
                                     .table = RT_TABLE_MAIN,
                                     .action = FR_ACT_TO_TBL },
                            answers = { .family = family, .table = TABLE, .action = FR_ACT_TO_TBL };
        struct rtmsg route = {
                .rtm_family = family,
                .rtm_table = TABLE,
                .rtm_protocol = RTPROT_STATIC,
                .rtm_scope = RT_SCOPE_HOST,
                .rtm_type = RTN_LOCAL,
        };
        NlMessage m;

        nl_begin(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &route, sizeof route);
        nl_put_u32(&m, RTA_OIF, LOOPBACK_INDEX);
        /* What is sent from here is marked as well, and comes from "lo" as far as rules can tell.
         */
        nl_next(&m, RTM_NEWRULE, NLM_F_CREATE, &sent, sizeof sent);
        put_rule(&m, SENT_PRIORITY);
        nl_put_string(&m, FRA_IIFNAME, "lo");
        nl_next(&m, RTM_NEWRULE, NLM_F_CREATE, &answers, sizeof answers);
        put_rule(&m, SENT_PRIORITY + 1);
        return nl_call(nl, &m, NULL);
}

int uplink_return_make(void) {
        autoclose int nl = nl_open();
        int r = nl < 0 ? nl : make_rules();

        if (r >= 0)
                r = make_route(nl, AF_INET);
        if (r < 0)
                return r;
        r = make_route(nl, AF_INET6);
        return r == -EAFNOSUPPORT || r == -EOPNOTSUPP ? 0 : r;
}
