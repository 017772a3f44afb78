/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/str.h"
#include "netlink/addr.h"

int addr_parse(const char *text, Address *ret) {
        const char *slash = strchr(text, '/');
        size_t n = slash ? (size_t) (slash - text) : strlen(text);
        char plain[INET6_ADDRSTRLEN];
        Address a = {};
        int prefix, r;

        if (n >= sizeof plain)
                return -EINVAL;
        memcpy(plain, text, n);
        plain[n] = 0;

        a.family = strchr(plain, ':') ? AF_INET6 : AF_INET;
        if (inet_pton(a.family, plain, a.bytes) != 1)
                return -EINVAL;
        prefix = (int) addr_size(&a) * 8;
        if (slash) {
                r = parse_int(slash + 1, 0, prefix, &prefix);
                if (r < 0)
                        return -EINVAL;
        }
        a.prefix = (uint8_t) prefix;
        *ret = a;
        return 0;
}

void addr_text(const Address *a, char text[INET6_ADDRSTRLEN]) {
        (void) inet_ntop(a->family, a->bytes, text, INET6_ADDRSTRLEN);
}

bool addr_equal(const Address *a, const Address *b) {
        return a->family == b->family && memcmp(a->bytes, b->bytes, addr_size(a)) == 0;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits) {
        unsigned rest = bits % 8;

        if (memcmp(a, b, bits / 8) != 0)
                return false;
        return rest == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0;
}

bool addr_within(const Address *net, const Address *a) {
        return net->family == a->family && same_bits(net->bytes, a->bytes, net->prefix);
}

bool addr_overlap(const Address *a, const Address *b) {
        return a->family == b->family &&
               same_bits(a->bytes, b->bytes, a->prefix < b->prefix ? a->prefix : b->prefix);
}

void addr_mask(Address *a) {
        for (unsigned i = 0; i < addr_size(a); i++) {
                unsigned kept = a->prefix > i * 8 ? a->prefix - i * 8 : 0;

                if (kept < 8)
                        a->bytes[i] &= (uint8_t) (0xff00 >> kept);
        }
}

void addr_next_add(NlMessage *m, int index, const Address *a) {
        struct ifaddrmsg ifa = {
                .ifa_family = a->family,
                .ifa_prefixlen = a->prefix,
                .ifa_flags = a->family == AF_INET6 ? IFA_F_NODAD : 0,
                .ifa_index = (uint32_t) index,
        };

        nl_next(m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &ifa, sizeof ifa);
        nl_put(m, IFA_LOCAL, a->bytes, addr_size(a));
        nl_put(m, IFA_ADDRESS, a->bytes, addr_size(a));
        if (a->family == AF_INET && a->prefix < 31) {
                Address broadcast = *a;

                for (unsigned bit = a->prefix; bit < 32; bit++)
                        broadcast.bytes[bit / 8] |= (uint8_t) (0x80 >> (bit % 8));
                nl_put(m, IFA_BROADCAST, broadcast.bytes, 4);
        }
}

void addr_next_remove(NlMessage *m, int index, const Address *a) {
        struct ifaddrmsg ifa = {
                .ifa_family = a->family,
                .ifa_prefixlen = a->prefix,
                .ifa_index = (uint32_t) index,
        };

        nl_next(m, RTM_DELADDR, 0, &ifa, sizeof ifa);
        nl_put(m, IFA_LOCAL, a->bytes, addr_size(a));
        nl_put(m, IFA_ADDRESS, a->bytes, addr_size(a));
}

static void put_route(NlMessage *m, int type, int flags, int index, const Address *to,
                      const Address *gateway) {
        struct rtmsg rt = {
                .rtm_family = gateway->family,
                .rtm_dst_len = to ? to->prefix : 0,
                .rtm_table = RT_TABLE_MAIN,
                .rtm_protocol = RTPROT_STATIC,
                .rtm_scope = RT_SCOPE_UNIVERSE,
                .rtm_type = RTN_UNICAST,
        };

        nl_next(m, (uint16_t) type, (uint16_t) flags, &rt, sizeof rt);
        if (to)
                nl_put(m, RTA_DST, to->bytes, addr_size(to));
        nl_put(m, RTA_GATEWAY, gateway->bytes, addr_size(gateway));
        nl_put_u32(m, RTA_OIF, (uint32_t) index);
}

void route_next_add(NlMessage *m, int index, const Address *to, const Address *gateway) {
        put_route(m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, index, to, gateway);
}

void route_next_add_after(NlMessage *m, int index, const Address *to, const Address *gateway,
                          uint32_t metric) {
        route_next_add(m, index, to, gateway);
        nl_put_u32(m, RTA_PRIORITY, metric);
}

void route_next_remove(NlMessage *m, int index, const Address *to, const Address *gateway) {
        put_route(m, RTM_DELROUTE, 0, index, to, gateway);
}

typedef struct AddressWalk {
        int index;
        int (*each)(const Address *address, void *context);
        void *context;
} AddressWalk;

static int walk_address(const struct nlmsghdr *h, void *context) {
        const AddressWalk *walk = context;
        const struct ifaddrmsg *ifa = NLMSG_DATA(h);
        const struct nlattr *local;
        Address a;

        if (h->nlmsg_type != RTM_NEWADDR || (int) ifa->ifa_index != walk->index)
                return 0;
        a = (Address){ .family = ifa->ifa_family, .prefix = ifa->ifa_prefixlen };
        /* Of a point-to-point link IFA_ADDRESS is the peer's. */
        local = nl_find(h, sizeof *ifa, IFA_LOCAL);
        if (!local)
                local = nl_find(h, sizeof *ifa, IFA_ADDRESS);
        if (!local || nl_size(local) != addr_size(&a))
                return 0;
        memcpy(a.bytes, nl_data(local), nl_size(local));
        return walk->each(&a, walk->context);
}

int addr_each(int nl, int index, int (*each)(const Address *address, void *context), void *context,
              Err *err) {
        struct ifaddrmsg ifa = { .ifa_family = AF_UNSPEC };
        AddressWalk walk = { index, each, context };
        NlMessage m;
        int r;

        nl_begin(&m, RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof ifa);
        r = nl_dump(nl, &m, walk_address, &walk, err);
        return r < 0 ? err_prefix(err, r, "cannot list the addresses") : 0;
}

typedef struct Walk {
        int (*each)(const Route *route, void *context);
        void *context;
} Walk;

static int walk_route(const struct nlmsghdr *h, void *context) {
        const Walk *walk = context;
        const struct rtmsg *rt = NLMSG_DATA(h);
        const struct nlattr *to;
        Route route;

        if (h->nlmsg_type != RTM_NEWROUTE || (rt->rtm_flags & RTM_F_CLONED))
                return 0;

        route = (Route){
                .to = { .family = rt->rtm_family, .prefix = rt->rtm_dst_len },
                .index = (int) nl_u32(nl_find(h, sizeof *rt, RTA_OIF), 0),
                .table = nl_u32(nl_find(h, sizeof *rt, RTA_TABLE), rt->rtm_table),
                .type = rt->rtm_type,
        };
        to = nl_find(h, sizeof *rt, RTA_DST);
        if (to && nl_size(to) == addr_size(&route.to))
                memcpy(route.to.bytes, nl_data(to), nl_size(to));
        return walk->each(&route, walk->context);
}

int route_each(int nl, uint8_t family, int (*each)(const Route *route, void *context),
               void *context, Err *err) {
        struct rtmsg rt = { .rtm_family = family };
        Walk walk = { each, context };
        NlMessage m;
        int r;

        nl_begin(&m, RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof rt);
        r = nl_dump(nl, &m, walk_route, &walk, err);
        if (r < 0)
                return err_prefix(err, r, "cannot list the routes");
        return 0;
}
