/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/auto.h"
#include "netlink/addr.h"
#include "netlink/link.h"
#include "netlink/neighbour.h"
#include "test.h"

static void put(int nl, int index, const char *address, uint16_t state) {
        struct ndmsg nd = { .ndm_family = AF_INET, .ndm_ifindex = index, .ndm_state = state };
        uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
        Address a;
        NlMessage m;

        expect_ok(addr_parse(address, &a));
        nl_begin(&m, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &nd, sizeof nd);
        nl_put(&m, NDA_DST, a.bytes, 4);
        nl_put(&m, NDA_LLADDR, mac, sizeof mac);
        expect_ok(nl_call(nl, &m, NULL));
}

TEST_IN(what_was_found_goes_and_what_was_set_stays, CLONE_NEWNET) {
        const LinkEnd a = { "left", -EBADF }, b = { "right", -EBADF };
        autoclose int nl = expect_ok(nl_open());
        Link link;
        NlMessage m;

        expect_ok(link_add_veth(nl, &a, &b, NULL));
        expect_ok(link_get(nl, "left", &link, NULL));
        nl_begin_empty(&m);
        link_next_up(&m, link.index);
        expect_ok(nl_call(nl, &m, NULL));
        put(nl, link.index, "10.0.0.1", NUD_REACHABLE);
        put(nl, link.index, "10.0.0.2", NUD_STALE);
        put(nl, link.index, "10.0.0.3", NUD_PERMANENT);
        expect(neighbour_flush(nl, AF_INET) == 2);
        expect(neighbour_flush(nl, AF_INET) == 0);
}
