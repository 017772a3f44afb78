/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "netlink/link_upper.h"

static size_t begin(NlMessage *m, const LinkEnd *end, int lower, const char *kind) {
        struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC,
                                 .ifi_index = end->index,
                                 .ifi_flags = end->up ? IFF_UP : 0,
                                 .ifi_change = end->up ? IFF_UP : 0 };
        size_t info;

        nl_next(m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof ifi);
        link_put_end(m, end);
        if (lower > 0)
                nl_put_u32(m, IFLA_LINK, (uint32_t) lower);
        info = nl_nest(m, IFLA_LINKINFO);
        nl_put_string(m, IFLA_INFO_KIND, kind);
        return info;
}

void link_next_macvlan(NlMessage *m, const LinkEnd *end, const char *kind, int lower,
                       uint32_t mode) {
        size_t info = begin(m, end, lower, kind), data = nl_nest(m, IFLA_INFO_DATA);

        nl_put_u32(m, IFLA_MACVLAN_MODE, mode);
        nl_end(m, data);
        nl_end(m, info);
}

void link_next_vxlan(NlMessage *m, const LinkEnd *end, const VxlanOptions *options) {
        size_t info = begin(m, end, 0, "vxlan"), data = nl_nest(m, IFLA_INFO_DATA);
        uint16_t port = htons(options->port);
        const Address *to = &options->remote, *from = &options->local;

        nl_put_u32(m, IFLA_VXLAN_ID, options->vni);
        nl_put(m, to->family == AF_INET6 ? IFLA_VXLAN_GROUP6 : IFLA_VXLAN_GROUP, to->bytes,
               addr_size(to));
        if (from->family)
                nl_put(m, from->family == AF_INET6 ? IFLA_VXLAN_LOCAL6 : IFLA_VXLAN_LOCAL,
                       from->bytes, addr_size(from));
        nl_put(m, IFLA_VXLAN_PORT, &port, sizeof port);
        if (options->lower > 0)
                nl_put_u32(m, IFLA_VXLAN_LINK, (uint32_t) options->lower);
        nl_end(m, data);
        nl_end(m, info);
}
