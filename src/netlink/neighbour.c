/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "netlink/addr.h"
#include "netlink/neighbour.h"
#include "netlink/nl.h"

#define SETTLED (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_FAILED)

typedef struct Entry {
        int index; /* of the interface */
        uint8_t bytes[16];
} Entry;

typedef struct Entries {
        Entry *list;
        size_t n;
        size_t size; /* of an address */
} Entries;

static int take(const struct nlmsghdr *message, void *context) {
        Entries *e = context;
        const struct ndmsg *nd = NLMSG_DATA(message);
        const struct nlattr *to;
        Entry *new;

        if (message->nlmsg_type != RTM_NEWNEIGH || message->nlmsg_len < NLMSG_LENGTH(sizeof *nd) ||
            !(nd->ndm_state & SETTLED) || (nd->ndm_state & (NUD_PERMANENT | NUD_NOARP)))
                return 0;
        to = nl_find(message, sizeof *nd, NDA_DST);
        if (!to || nl_size(to) != e->size)
                return 0;
        new = json_grow(&e->list, &e->n, sizeof *new);
        if (!new)
                return -ENOMEM;
        new->index = nd->ndm_ifindex;
        memcpy(new->bytes, nl_data(to), e->size);
        return 0;
}

int neighbour_flush(int nl, uint8_t family) {
        struct ndmsg nd = { .ndm_family = family };
        Entries e = { .size = family == AF_INET6 ? 16 : 4 };
        NlMessage m;
        int r;

        nl_begin(&m, RTM_GETNEIGH, NLM_F_DUMP, &nd, sizeof nd);
        r = nl_dump(nl, &m, take, &e, NULL);
        for (size_t i = 0; i < e.n && r >= 0; i++) {
                nd.ndm_ifindex = e.list[i].index;
                nl_begin(&m, RTM_DELNEIGH, 0, &nd, sizeof nd);
                nl_put(&m, NDA_DST, e.list[i].bytes, e.size);
                r = nl_call(nl, &m, NULL);
                /* It may have gone by itself. */
                if (r == -ENOENT)
                        r = 0;
        }
        free(e.list);
        return r < 0 ? r : (int) e.n;
}
