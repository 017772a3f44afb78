/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netlink/link.h"
#include "netlink/link_keep.h"

/* Routes of IPv6 wait for the carrier, others for the routes to their gateways. */
#define PATIENCE_US 3000000
#define STEP_US     20000

/* What may be said again of an address: who was second is so by coming second. */
#define ADDRESS_FLAGS \
        (IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN)

void link_kept_clear(LinkKept *kept) {
        str_clear(&kept->messages);
}

/* ---- keeping ---- */

static void add_message(LinkKept *kept, const struct nlmsghdr *h) {
        str_put_bytes(&kept->messages, h, h->nlmsg_len);
        while (kept->messages.length % NLMSG_ALIGNTO != 0 && !kept->messages.failed)
                str_put_bytes(&kept->messages, "", 1);
}

static int keep_address(const struct nlmsghdr *h, void *context) {
        LinkKept *kept = context;
        const struct ifaddrmsg *ifa = NLMSG_DATA(h);
        uint32_t flags;

        if (h->nlmsg_type != RTM_NEWADDR || h->nlmsg_len < NLMSG_LENGTH(sizeof *ifa) ||
            (int) ifa->ifa_index != kept->index)
                return 0;
        flags = nl_u32(nl_find(h, sizeof *ifa, IFA_FLAGS), ifa->ifa_flags);
        if (ifa->ifa_family == AF_INET6 &&
            (!(flags & IFA_F_PERMANENT) || ifa->ifa_scope == RT_SCOPE_LINK))
                return 0;
        add_message(kept, h);
        return 0;
}

/* The interface is one of a route's next hops. */
static bool goes_by(const struct nlmsghdr *h, int index) {
        const struct nlattr *hops = nl_find(h, sizeof(struct rtmsg), RTA_MULTIPATH);
        const char *at, *end;

        if ((int) nl_u32(nl_find(h, sizeof(struct rtmsg), RTA_OIF), 0) == index)
                return true;
        if (!hops)
                return false;
        at = nl_data(hops);
        end = at + nl_size(hops);
        while (end - at >= (ptrdiff_t) sizeof(struct rtnexthop)) {
                const struct rtnexthop *hop = (const struct rtnexthop *) at;

                if (hop->rtnh_ifindex == index)
                        return true;
                if (hop->rtnh_len < sizeof *hop)
                        break;
                at += RTNH_ALIGN(hop->rtnh_len);
        }
        return false;
}

static int keep_route(const struct nlmsghdr *h, void *context) {
        LinkKept *kept = context;
        const struct rtmsg *rt = NLMSG_DATA(h);

        if (h->nlmsg_type != RTM_NEWROUTE || h->nlmsg_len < NLMSG_LENGTH(sizeof *rt) ||
            (rt->rtm_flags & RTM_F_CLONED) || rt->rtm_protocol == RTPROT_KERNEL ||
            rt->rtm_protocol == RTPROT_REDIRECT || rt->rtm_protocol == RTPROT_RA)
                return 0;
        if (goes_by(h, kept->index))
                add_message(kept, h);
        return 0;
}

static int list(int nl, uint16_t type, const void *header, size_t size, NlReceive keep,
                LinkKept *kept, Err *err) {
        NlMessage m;

        nl_begin(&m, type, NLM_F_DUMP, header, size);
        return nl_dump(nl, &m, keep, kept, err);
}

int link_keep(int nl, const char *name, LinkKept *ret, Err *err) {
        const struct ifaddrmsg ifa = { .ifa_family = AF_UNSPEC };
        const struct rtmsg routes[] = { { .rtm_family = AF_INET }, { .rtm_family = AF_INET6 } };
        autolinkkept kept = {};
        Link link;
        int r = link_get(nl, name, &link, err);

        if (r < 0)
                return r;
        (void) snprintf(kept.name, sizeof kept.name, "%s", link.name);
        memcpy(kept.address, link.address, sizeof kept.address);
        kept.index = link.index;
        kept.mtu = link.mtu;
        kept.up = link.flags & IFF_UP;
        r = list(nl, RTM_GETADDR, &ifa, sizeof ifa, keep_address, &kept, err);
        for (size_t i = 0; r >= 0 && i < 2; i++)
                r = list(nl, RTM_GETROUTE, &routes[i], sizeof routes[i], keep_route, &kept, err);
        if (r >= 0 && kept.messages.failed)
                r = fail(err, ENOMEM, "no memory");
        if (r < 0)
                return err_prefix(err, r, "cannot read the addresses and routes of '%s'", name);
        *ret = kept;
        kept.messages = (Str){};
        return 0;
}

/* ---- walking through what was kept ---- */

/* The message at *at, which then is behind it; NULL at the end and where the rest is damaged. */
static const struct nlmsghdr *next_message(const LinkKept *kept, size_t *at) {
        const struct nlmsghdr *h = (const struct nlmsghdr *) (kept->messages.text + *at);
        size_t left = kept->messages.length - *at, size;

        if (left < sizeof *h || h->nlmsg_len > left)
                return NULL;
        size = h->nlmsg_type == RTM_NEWADDR    ? sizeof(struct ifaddrmsg)
               : h->nlmsg_type == RTM_NEWROUTE ? sizeof(struct rtmsg)
                                               : left;
        if (h->nlmsg_len < NLMSG_LENGTH(size))
                return NULL;
        *at += NLMSG_ALIGN(h->nlmsg_len);
        if (*at > kept->messages.length)
                *at = kept->messages.length;
        return h;
}

bool link_kept_is_default(const LinkKept *kept) {
        const struct nlmsghdr *h;

        for (size_t at = 0; kept->messages.text && (h = next_message(kept, &at));) {
                const struct rtmsg *rt = NLMSG_DATA(h);

                if (h->nlmsg_type == RTM_NEWROUTE && rt->rtm_dst_len == 0 &&
                    rt->rtm_type == RTN_UNICAST &&
                    nl_u32(nl_find(h, sizeof *rt, RTA_TABLE), rt->rtm_table) == RT_TABLE_MAIN)
                        return true;
        }
        return false;
}

/* ---- giving back ---- */

/* The attributes behind a message's header of @size bytes, without those of @but (0-terminated). */
static void put_attributes(NlMessage *m, const struct nlmsghdr *h, size_t size,
                           const uint16_t *but) {
        const char *at = (const char *) NLMSG_DATA(h) + NLMSG_ALIGN(size),
                   *end = (const char *) h + h->nlmsg_len;

        while (end - at >= NLA_HDRLEN) {
                const struct nlattr *a = (const struct nlattr *) at;
                bool wanted = true;

                if (a->nla_len < NLA_HDRLEN || a->nla_len > end - at)
                        return;
                for (const uint16_t *b = but; *b; b++)
                        wanted = wanted && (a->nla_type & NLA_TYPE_MASK) != *b;
                if (wanted)
                        nl_put(m, a->nla_type, nl_data(a), nl_size(a));
                at += NLA_ALIGN(a->nla_len);
        }
}

/* Duplicates are not looked for: nobody else had these addresses a moment ago. */
static void put_address(NlMessage *m, const struct nlmsghdr *h, int index, bool same_name) {
        const uint16_t but[] = { IFA_FLAGS, same_name ? 0 : IFA_LABEL, 0 };
        struct ifaddrmsg ifa;
        uint32_t flags;

        memcpy(&ifa, NLMSG_DATA(h), sizeof ifa);
        flags = nl_u32(nl_find(h, sizeof ifa, IFA_FLAGS), ifa.ifa_flags);
        flags = (flags & ADDRESS_FLAGS) | IFA_F_NODAD;
        ifa.ifa_index = (unsigned) index;
        ifa.ifa_flags = (uint8_t) flags;
        nl_next(m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &ifa, sizeof ifa);
        put_attributes(m, h, sizeof ifa, but);
        nl_put_u32(m, IFA_FLAGS, flags);
}

static int give_addresses(int nl, int index, const LinkKept *kept, bool same_name, bool up,
                          Err *err) {
        const struct nlmsghdr *h;
        autonl NlMessage m;

        nl_begin_empty(&m);
        for (size_t at = 0; kept->messages.text && (h = next_message(kept, &at));)
                if (h->nlmsg_type == RTM_NEWADDR)
                        put_address(&m, h, index, same_name);
        /* IPv6 uses its addresses once the carrier shows: asked for, it does (link_next_get()). */
        if (up) {
                link_next_up(&m, index);
                link_next_get(&m, index);
        }
        return m.n > 0 ? nl_call(nl, &m, err) : 0;
}

/* Next hops by the interface as it was are by what it is now. */
static void renumber_hops(char *bytes, size_t size, int from, int to) {
        char *end = bytes + size;

        while (end - bytes >= (ptrdiff_t) sizeof(struct rtnexthop)) {
                struct rtnexthop *hop = (struct rtnexthop *) bytes;

                if (hop->rtnh_ifindex == from)
                        hop->rtnh_ifindex = to;
                if (hop->rtnh_len < sizeof *hop)
                        return;
                bytes += RTNH_ALIGN(hop->rtnh_len);
        }
}

static int give_route(int nl, const struct nlmsghdr *h, int from, int to) {
        static const uint16_t but[] = { RTA_OIF, RTA_MULTIPATH, RTA_CACHEINFO, 0 };
        const struct nlattr *hops = nl_find(h, sizeof(struct rtmsg), RTA_MULTIPATH);
        struct rtmsg rt;
        autonl NlMessage m;

        memcpy(&rt, NLMSG_DATA(h), sizeof rt);
        rt.rtm_flags &= RTNH_F_ONLINK;
        nl_begin(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &rt, sizeof rt);
        put_attributes(&m, h, sizeof rt, but);
        if (hops) {
                autofree char *bytes = malloc(nl_size(hops));

                if (!bytes)
                        return -ENOMEM;
                memcpy(bytes, nl_data(hops), nl_size(hops));
                renumber_hops(bytes, nl_size(hops), from, to);
                nl_put(&m, RTA_MULTIPATH, bytes, nl_size(hops));
        } else
                nl_put_u32(&m, RTA_OIF, (uint32_t) to);
        return nl_call(nl, &m, NULL);
}

/* One round through all routes, most of which are there already from the second on; how many are
 * not. */
static int give_routes_once(int nl, int index, const LinkKept *kept) {
        const struct nlmsghdr *h;
        int missing = 0;

        for (size_t at = 0; kept->messages.text && (h = next_message(kept, &at));)
                if (h->nlmsg_type == RTM_NEWROUTE && give_route(nl, h, kept->index, index) < 0)
                        missing++;
        return missing;
}

static int give_routes(int nl, int index, const LinkKept *kept) {
        int missing = give_routes_once(nl, index, kept);

        for (int waited = 0; missing > 0 && waited < PATIENCE_US; waited += STEP_US) {
                (void) usleep(STEP_US);
                missing = give_routes_once(nl, index, kept);
        }
        return missing;
}

int link_give_addresses(int nl, int index, const LinkKept *kept, Err *err) {
        int r = give_addresses(nl, index, kept, false, true, err);

        return r < 0 ? r : give_routes(nl, index, kept);
}

int link_give_back(int nl, const Link *now, const LinkKept *kept, Err *err) {
        bool same_mac = memcmp(now->address, kept->address, sizeof kept->address) == 0;
        NlMessage m;
        int r;

        nl_begin_empty(&m);
        /* Not every interface takes a MAC address while it is up. */
        link_next_change(&m, now->index, kept->mtu, same_mac ? NULL : kept->address);
        r = nl_call(nl, &m, err);
        if (r >= 0)
                r = give_addresses(nl, now->index, kept, strcmp(now->name, kept->name) == 0,
                                   kept->up, err);
        if (r < 0)
                return err_prefix(err, r, "cannot make '%s' as it was", now->name);
        return kept->up ? give_routes(nl, now->index, kept) : 0;
}
