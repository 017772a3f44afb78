/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdbool.h>
#include <string.h>

#include "base/auto.h"
#include "base/file.h"
#include "netlink/conntrack.h"
#include "netlink/nl.h"

/* A bit of CTA_FILTER_ORIG_FLAGS, which no header for user space has (nf_internals.h). */
#define FILTER_PROTOCOL (1U << 3)

typedef struct Flows {
        uint8_t protocol;
        const uint16_t *ports;
        size_t n_ports;
        int n;
        NlMessage removal; /* a message for each that was found */
} Flows;

static uint16_t type_of(unsigned message) {
        return (uint16_t) (NFNL_SUBSYS_CTNETLINK << 8 | message);
}

static bool is_wanted(const Flows *flows, const struct nlattr *tuple) {
        const struct nlattr *proto = nl_find_nested(tuple, CTA_TUPLE_PROTO);
        const struct nlattr *number = nl_find_nested(proto, CTA_PROTO_NUM);
        const struct nlattr *port = nl_find_nested(proto, CTA_PROTO_DST_PORT);
        uint16_t found;

        /* Kernels before 5.8 do not filter for us. */
        if (!number || nl_size(number) < 1 || *(const uint8_t *) nl_data(number) != flows->protocol)
                return false;
        if (!port || nl_size(port) < sizeof found)
                return false;
        memcpy(&found, nl_data(port), sizeof found);
        for (size_t i = 0; i < flows->n_ports; i++)
                if (found == htons(flows->ports[i]))
                        return true;
        return false;
}

static int take_flow(const struct nlmsghdr *h, void *context) {
        const struct nfgenmsg *of_flow = NLMSG_DATA(h);
        const struct nlattr *tuple = nl_find(h, sizeof *of_flow, CTA_TUPLE_ORIG);
        const struct nlattr *id = nl_find(h, sizeof *of_flow, CTA_ID);
        struct nfgenmsg header = { .nfgen_family = of_flow->nfgen_family };
        Flows *flows = context;

        if (!is_wanted(flows, tuple))
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
        struct nfgenmsg header = { .version = NFNETLINK_V0 };
        size_t tuple, proto, filter;
        NlMessage m;

        nl_begin(&m, type_of(IPCTNL_MSG_CT_GET), NLM_F_DUMP, &header, sizeof header);
        if (filtered) {
                tuple = nl_nest(&m, CTA_TUPLE_ORIG);
                proto = nl_nest(&m, CTA_TUPLE_PROTO);
                nl_put_u8(&m, CTA_PROTO_NUM, flows->protocol);
                nl_end(&m, proto);
                nl_end(&m, tuple);
                filter = nl_nest(&m, CTA_FILTER);
                nl_put_u32(&m, CTA_FILTER_ORIG_FLAGS, FILTER_PROTOCOL);
                nl_put_u32(&m, CTA_FILTER_REPLY_FLAGS, 0);
                nl_end(&m, filter);
        }
        return nl_query(nl, &m, take_flow, flows, NULL);
}

static bool has_flows(void) {
        autofree char *count = NULL;

        return file_read_line(AT_FDCWD, "/proc/sys/net/netfilter/nf_conntrack_count", &count) < 0 ||
               strcmp(count, "0") != 0;
}

static void flows_clear(Flows *flows) {
        nl_clear(&flows->removal);
}

int conntrack_forget(int nl, uint8_t protocol, const uint16_t *ports, size_t n) {
        __attribute__((__cleanup__(flows_clear)))
        Flows flows = { .protocol = protocol, .ports = ports, .n_ports = n };
        int r;

        nl_begin_empty(&flows.removal);
        if (n == 0 || !has_flows())
                return 0;
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
