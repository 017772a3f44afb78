/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "kernel/ns.h"
#include "netlink/link.h"
#include "netlink/link_move.h"

/* An address as the kernel describes it; a peer's is .address, one's own .local. */
typedef struct KeptAddress {
        struct ifaddrmsg header;
        struct {
                uint8_t bytes[16];
                size_t size;
        } local, address, broadcast;
} KeptAddress;

typedef struct Addresses {
        KeptAddress *list;
        size_t n;
        int index; /* of the interface */
} Addresses;

#define COPY(to, h, header, type)                                          \
        do {                                                               \
                const struct nlattr *a_ = nl_find(h, sizeof header, type); \
                if (a_ && nl_size(a_) <= sizeof(to).bytes) {               \
                        (to).size = nl_size(a_);                           \
                        memcpy((to).bytes, nl_data(a_), (to).size);        \
                }                                                          \
        } while (0)

static int keep(const struct nlmsghdr *h, void *context) {
        Addresses *addresses = context;
        const struct ifaddrmsg *ifa = NLMSG_DATA(h);
        uint32_t flags = nl_u32(nl_find(h, sizeof *ifa, IFA_FLAGS), ifa->ifa_flags);
        KeptAddress *kept;

        if (h->nlmsg_type != RTM_NEWADDR || (int) ifa->ifa_index != addresses->index ||
            ifa->ifa_scope != RT_SCOPE_UNIVERSE || !(flags & IFA_F_PERMANENT))
                return 0;
        kept = json_grow(&addresses->list, &addresses->n, sizeof *kept);
        if (!kept)
                return -ENOMEM;
        kept->header = *ifa;
        COPY(kept->local, h, *ifa, IFA_LOCAL);
        COPY(kept->address, h, *ifa, IFA_ADDRESS);
        COPY(kept->broadcast, h, *ifa, IFA_BROADCAST);
        return 0;
}

static int list_addresses(int nl, Addresses *addresses, Err *err) {
        struct ifaddrmsg ifa = { .ifa_family = AF_UNSPEC };
        NlMessage m;
        int r;

        nl_begin(&m, RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof ifa);
        r = nl_dump(nl, &m, keep, addresses, err);
        return r < 0 ? err_prefix(err, r, "cannot list the addresses") : 0;
}

/* Which interfaces are there, to see which one is new. */
typedef struct Links {
        int *indexes;
        size_t n;
        Link fresh; /* one that is not among them */
} Links;

static int note(const Link *link, void *context) {
        Links *links = context;
        int *index = json_grow(&links->indexes, &links->n, sizeof *index);

        if (!index)
                return -ENOMEM;
        *index = link->index;
        return 0;
}

static int find_fresh(const Link *link, void *context) {
        Links *links = context;

        for (size_t i = 0; i < links->n; i++)
                if (links->indexes[i] == link->index)
                        return 0;
        links->fresh = *link;
        return 0;
}

static int hand_over(int nl, int index, int to, const char *new_name, Err *err) {
        struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = index };
        NlMessage m;

        nl_begin(&m, RTM_NEWLINK, 0, &ifi, sizeof ifi);
        nl_put_u32(&m, IFLA_NET_NS_FD, (uint32_t) to);
        nl_put_string(&m, IFLA_IFNAME, new_name);
        return nl_call(nl, &m, err);
}

/* Duplicates are not looked for: nobody else had these addresses a moment ago. */
static int settle(int nl, int index, const Addresses *addresses, Err *err) {
        autonl NlMessage m;

        nl_begin_empty(&m);
        for (size_t i = 0; i < addresses->n; i++) {
                const KeptAddress *a = &addresses->list[i];
                struct ifaddrmsg ifa = a->header;

                ifa.ifa_index = (unsigned) index;
                ifa.ifa_flags = IFA_F_NODAD;
                nl_next(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &ifa, sizeof ifa);
                if (a->local.size)
                        nl_put(&m, IFA_LOCAL, a->local.bytes, a->local.size);
                if (a->address.size)
                        nl_put(&m, IFA_ADDRESS, a->address.bytes, a->address.size);
                if (a->broadcast.size)
                        nl_put(&m, IFA_BROADCAST, a->broadcast.bytes, a->broadcast.size);
        }
        link_next_up(&m, index);
        return nl_call(nl, &m, err);
}

/* The kernel moves it first and then gives it its name: one that fails then has arrived. */
static void bring_back(int from, int home, int there, const char *name, const Addresses *addresses,
                       Links *links) {
        Link back = {};

        if (link_each(there, find_fresh, links, NULL) >= 0 && links->fresh.index &&
            hand_over(there, links->fresh.index, home, name, NULL) >= 0 &&
            link_get(from, name, &back, NULL) >= 0)
                (void) settle(from, back.index, addresses, NULL);
}

static int open_inside(void *context) {
        return nl_open();
}

static int move(int from, int home, const char *name, int there, int to, const char *new_name,
                Addresses *addresses, Links *links, Err *err) {
        Link link = {};
        int r;

        r = link_get(from, name, &link, err);
        if (r < 0)
                return r;
        addresses->index = link.index;
        r = list_addresses(from, addresses, err);
        if (r >= 0)
                r = link_each(there, note, links, err);
        if (r < 0)
                return r;
        r = hand_over(from, link.index, to, new_name, err);
        if (r < 0) {
                bring_back(from, home, there, name, addresses, links);
                return r;
        }
        r = link_each(there, find_fresh, links, err);
        if (r < 0)
                return r;
        if (!links->fresh.index)
                return refuse(err, ENODEV, "it did not arrive");
        return settle(there, links->fresh.index, addresses, err);
}

int link_move(int from, const char *name, int to, const char *new_name, char *ret_name, Err *err) {
        autoclose int own = from < 0 ? open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) : -EBADF;
        autoclose int here = from < 0 ? nl_open() : netns_run(from, open_inside, NULL);
        autoclose int there = netns_run(to, open_inside, NULL);
        Addresses addresses = {};
        Links links = {};
        int home = from < 0 ? own : from, r;

        if (here < 0 || there < 0)
                r = fail(err, here < 0 ? here : there, "cannot open a netlink socket");
        else
                r = move(here, home, name, there, to, new_name, &addresses, &links, err);
        if (r >= 0)
                (void) snprintf(ret_name, IF_NAMESIZE, "%s", links.fresh.name);
        free(addresses.list);
        free(links.indexes);
        return r < 0 ? err_prefix(err, r, "cannot move interface '%s' as '%s'", name, new_name) : 0;
}
