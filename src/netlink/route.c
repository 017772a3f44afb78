/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "netlink/nl.h"
#include "netlink/route.h"

static void read_address(const struct nlattr *a, uint8_t family, Address *ret) {
        size_t size = family == AF_INET6 ? 16 : 4;

        if (!a || nl_size(a) < size)
                return;
        ret->family = family;
        ret->prefix = (uint8_t) (size * 8);
        memcpy(ret->bytes, nl_data(a), size);
}

static int take_answer(const struct nlmsghdr *message, void *context) {
        RouteAnswer *ret = context;
        const struct rtmsg *rt = NLMSG_DATA(message);
        const struct nlattr *via;

        if (message->nlmsg_type != RTM_NEWROUTE || message->nlmsg_len < NLMSG_LENGTH(sizeof *rt))
                return 0;
        ret->type = rt->rtm_type;
        ret->index = (int) nl_u32(nl_find(message, sizeof *rt, RTA_OIF), 0);
        read_address(nl_find(message, sizeof *rt, RTA_GATEWAY), rt->rtm_family, &ret->gateway);
        read_address(nl_find(message, sizeof *rt, RTA_PREFSRC), rt->rtm_family, &ret->source);
        /* A next hop of IPv6 for packets of IPv4 (RFC 5549). */
        via = nl_find(message, sizeof *rt, RTA_VIA);
        if (via && nl_size(via) == sizeof(struct rtvia) + 16) {
                const struct rtvia *v = nl_data(via);

                ret->gateway = (Address){ .family = AF_INET6, .prefix = 128 };
                memcpy(ret->gateway.bytes, v->rtvia_addr, 16);
        }
        return 0;
}

int route_lookup(int nl, const Address *to, RouteAnswer *ret, Err *err) {
        struct rtmsg rt = { .rtm_family = to->family,
                            .rtm_dst_len = (uint8_t) (addr_size(to) * 8) };
        char text[INET6_ADDRSTRLEN];
        NlMessage m;
        int r;

        *ret = (RouteAnswer){};
        addr_text(to, text);
        nl_begin(&m, RTM_GETROUTE, 0, &rt, sizeof rt);
        nl_put(&m, RTA_DST, to->bytes, addr_size(to));
        r = nl_query(nl, &m, take_answer, ret, err);
        if (r < 0)
                return err_prefix(err, r, "cannot find a route to %s", text);
        return ret->type == RTN_UNREACHABLE || ret->type == RTN_BLACKHOLE ||
                               ret->type == RTN_PROHIBIT
                       ? refuse(err, EHOSTUNREACH, "packets to %s are refused by a route", text)
                       : 0;
}
