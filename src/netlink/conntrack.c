/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "netlink/conntrack.h"
#include "netlink/nl.h"

/* Bits of CTA_FILTER_ORIG_FLAGS, which no header for user space has (nf_internals.h). */
#define FILTER_PROTOCOL         (1U << 3)
#define FILTER_DESTINATION_PORT (1U << 5)

typedef struct Flows {
        uint8_t family, protocol;
        uint16_t port;
        int n;
        NlMessage removal; /* a message for each that was found */
} Flows;

static struct nfgenmsg family_header(uint8_t family) {
        return (struct nfgenmsg){ .nfgen_family = family, .version = NFNETLINK_V0 };
}

static uint16_t type_of(unsigned message) {
        return (uint16_t) (NFNL_SUBSYS_CTNETLINK << 8 | message);
}

static int take_flow(const struct nlmsghdr *h, void *context) {
        const struct nlattr *tuple = nl_find(h, sizeof(struct nfgenmsg), CTA_TUPLE_ORIG);
        const struct nlattr *id = nl_find(h, sizeof(struct nfgenmsg), CTA_ID);
        const struct nlattr *proto = nl_find_nested(tuple, CTA_TUPLE_PROTO);
        const struct nlattr *number = nl_find_nested(proto, CTA_PROTO_NUM);
        const struct nlattr *port = nl_find_nested(proto, CTA_PROTO_DST_PORT);
        Flows *flows = context;
        struct nfgenmsg header = family_header(flows->family);
        uint16_t wanted = htons(flows->port);

        /* Kernels before 5.8 do not filter for us. */
        if (!number || !port || nl_size(port) < sizeof wanted || nl_size(number) < 1 ||
            *(const uint8_t *) nl_data(number) != flows->protocol ||
            memcmp(nl_data(port), &wanted, sizeof wanted) != 0)
                return 0;

        nl_next(&flows->removal, type_of(IPCTNL_MSG_CT_DELETE), 0, &header, sizeof header);
        nl_put(&flows->removal, CTA_TUPLE_ORIG | NLA_F_NESTED, nl_data(tuple), nl_size(tuple));
        if (id)
                nl_put(&flows->removal, CTA_ID, nl_data(id), nl_size(id));
        flows->n++;
        return 0;
}

/* Asks for the flows, filtered by the kernel or not. */
static int find(int nl, Flows *flows, bool filtered) {
        struct nfgenmsg header = family_header(flows->family);
        uint16_t port = htons(flows->port);
        size_t tuple, proto, filter;
        NlMessage m;

        nl_begin(&m, type_of(IPCTNL_MSG_CT_GET), NLM_F_DUMP, &header, sizeof header);
        if (filtered) {
                tuple = nl_nest(&m, CTA_TUPLE_ORIG);
                proto = nl_nest(&m, CTA_TUPLE_PROTO);
                nl_put_u8(&m, CTA_PROTO_NUM, flows->protocol);
                nl_put(&m, CTA_PROTO_DST_PORT, &port, sizeof port);
                nl_end(&m, proto);
                nl_end(&m, tuple);
                filter = nl_nest(&m, CTA_FILTER);
                nl_put_u32(&m, CTA_FILTER_ORIG_FLAGS, FILTER_PROTOCOL | FILTER_DESTINATION_PORT);
                nl_put_u32(&m, CTA_FILTER_REPLY_FLAGS, 0);
                nl_end(&m, filter);
        }
        return nl_query(nl, &m, take_flow, flows, NULL);
}

static void flows_clear(Flows *flows) {
        nl_clear(&flows->removal);
}

int conntrack_forget(int nl, uint8_t family, uint8_t protocol, uint16_t port) {
        __attribute__((__cleanup__(flows_clear)))
        Flows flows = { .family = family, .protocol = protocol, .port = port };
        int r;

        nl_begin_empty(&flows.removal);
        r = find(nl, &flows, true);
        if (r == -EINVAL || r == -EOPNOTSUPP)
                r = find(nl, &flows, false);
        if (r < 0 && r != -EINTR)
                return r;
        if (flows.n == 0)
                return 0;
        /* One that ended by itself meanwhile is forgotten, too. */
        r = nl_call(nl, &flows.removal, NULL);
        return r < 0 && r != -ENOENT ? r : flows.n;
}
