/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/auto.h"
#include "netlink/link.h"
#include "netlink/route.h"
#include "test.h"

static void set_up(int nl) {
        const LinkEnd a = { "left", -EBADF }, b = { "right", -EBADF };
        Address own, far, gateway;
        autonl NlMessage m;
        Link link;

        expect_ok(addr_parse("10.1.0.1/24", &own));
        expect_ok(addr_parse("10.7.0.0/16", &far));
        expect_ok(addr_parse("10.1.0.254", &gateway));
        expect_ok(link_add_veth(nl, &a, &b, NULL));
        expect_ok(link_get(nl, "left", &link, NULL));
        nl_begin_empty(&m);
        addr_next_add(&m, link.index, &own);
        link_next_up(&m, link.index);
        route_next_add(&m, link.index, &far, &gateway);
        expect_ok(nl_call(nl, &m, NULL));
}

TEST_IN(next_hop_and_interface_are_told, CLONE_NEWNET) {
        autoclose int nl = expect_ok(nl_open());
        Address to, gateway;
        RouteAnswer answer;
        Link link;

        set_up(nl);
        expect_ok(link_get(nl, "left", &link, NULL));
        expect_ok(addr_parse("10.7.8.9", &to));
        expect_ok(addr_parse("10.1.0.254", &gateway));
        expect_ok(route_lookup(nl, &to, &answer, NULL));
        expect(answer.index == link.index && addr_equal(&answer.gateway, &gateway));
        expect_ok(addr_parse("10.1.0.9", &to));
        expect_ok(route_lookup(nl, &to, &answer, NULL));
        expect(answer.index == link.index && answer.gateway.family == 0);
}

TEST_IN(without_a_route_it_says_so, CLONE_NEWNET) {
        autoclose int nl = expect_ok(nl_open());
        RouteAnswer answer;
        autoerr err = {};
        Address to;

        set_up(nl);
        expect_ok(addr_parse("192.0.2.1", &to));
        expect(route_lookup(nl, &to, &answer, &err) == -ENETUNREACH);
        printf("# %s\n", err.message);
        expect(strstr(err.message, "cannot find a route to 192.0.2.1"));
}
