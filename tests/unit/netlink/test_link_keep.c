/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <net/if.h>

#include "netlink/link_keep.h"
#include "netlink/link_upper.h"
#include "test.h"

static void shell(const char *command) {
        expect(system(command) == 0);
}

#define SETTINGS                                                                                 \
        "ip link set left mtu 1400 up; ip link set right up; ip addr add 10.1.0.1/24 dev left; " \
        "ip addr add 10.1.0.2/24 dev left; ip addr add 10.2.0.1/16 dev left label left:x "       \
        "valid_lft 1000 preferred_lft 900; ip addr add fd01::1/64 dev left nodad; "              \
        "ip route add 10.3.0.0/16 via 10.1.0.9 metric 5; ip route add default via 10.4.0.1 "     \
        "dev left onlink; ip route add 10.5.0.0/16 via 10.3.0.1 dev left onlink table 99; "      \
        "ip route add 10.6.0.0/16 nexthop via 10.1.0.7 nexthop via 10.1.0.8 weight 3; "          \
        "ip -6 route add fd02::/64 via fd01::9; "
#define LIST                                                                                                   \
        "(ip -o addr show dev left scope global | sed 's/valid_lft.*//'; ip route show table all | grep left " \
        "| grep -v linkdown; ip -6 route show dev left | grep fd0; ip link show left | grep -o 'mtu [0-9]*\\|ether [0-9a-f:]*')"

TEST_IN(an_interface_is_made_as_it_was, CLONE_NEWNET) {
        const LinkEnd a = { "left", -EBADF }, b = { "right", -EBADF };
        autoclose int nl = expect_ok(nl_open());
        autolinkkept kept = {};
        Link link;

        expect_ok(link_add_veth(nl, &a, &b, NULL));
        shell(SETTINGS "sleep 0.2; " LIST " > /tmp/link-keep.before");
        expect_ok(link_keep(nl, "left", &kept, NULL));
        expect(link_kept_is_default(&kept) && kept.up && kept.mtu == 1400);
        shell("ip link set left down; ip addr flush dev left; ip link set left mtu 1500 address 02:00:00:00:00:01");
        expect_ok(link_get(nl, "left", &link, NULL));
        expect(link_give_back(nl, &link, &kept, NULL) == 0);
        /* Twice is once. */
        expect(link_give_back(nl, &link, &kept, NULL) == 0);
        shell(LIST
              " > /tmp/link-keep.after; diff /tmp/link-keep.before /tmp/link-keep.after; r=$?; "
              "rm /tmp/link-keep.*; exit $r");
}

TEST_IN(a_route_that_leads_nowhere_any_more_is_left_out, CLONE_NEWNET) {
        const LinkEnd a = { "left", -EBADF }, b = { "right", -EBADF };
        autoclose int nl = expect_ok(nl_open());
        autolinkkept kept = {};
        Link link;

        expect_ok(link_add_veth(nl, &a, &b, NULL));
        shell("ip link set left up; ip link set right up; ip addr add 10.1.0.1/24 dev left; ip link add v type "
              "veth peer name w; ip link set v up; ip link set w up; ip addr add 10.7.0.1/24 dev v; "
              "ip route add 10.8.0.0/16 nexthop via 10.1.0.9 dev left nexthop via 10.7.0.9 dev v");
        expect_ok(link_keep(nl, "left", &kept, NULL));
        expect(!link_kept_is_default(&kept));
        shell("ip link del v; ip addr flush dev left");
        expect_ok(link_get(nl, "left", &link, NULL));
        expect(link_give_back(nl, &link, &kept, NULL) == 1);
        shell("ip -o addr show dev left | grep -q 10.1.0.1/24");
        expect(link_keep(nl, "nothing", &kept, NULL) == -ENODEV);
}

TEST_IN(damaged_messages_are_not_read_beyond_their_end, CLONE_NEWNET) {
        const LinkEnd a = { "left", -EBADF }, b = { "right", -EBADF };
        autoclose int nl = expect_ok(nl_open());
        autolinkkept kept = {};
        Link link;

        expect_ok(link_add_veth(nl, &a, &b, NULL));
        shell("ip link set left up; ip addr add 10.1.0.1/24 dev left");
        expect_ok(link_keep(nl, "left", &kept, NULL));
        expect_ok(link_get(nl, "left", &link, NULL));
        for (; kept.messages.length > 0; kept.messages.length--) {
                (void) link_kept_is_default(&kept);
                expect(link_give_back(nl, &link, &kept, NULL) >= 0);
        }
}

TEST_IN(interfaces_on_others, CLONE_NEWNET) {
        const LinkEnd a = { "left", -EBADF, .up = true }, b = { "right", -EBADF };
        const LinkEnd m = { "mac", -EBADF, .mtu = 1300 }, v = { "vx", -EBADF };
        VxlanOptions options = { .vni = 77, .port = 4790 };
        autoclose int nl = expect_ok(nl_open());
        NlMessage batch;

        expect_ok(link_add_veth(nl, &a, &b, NULL));
        expect_ok(addr_parse("10.1.0.2", &options.remote));
        expect_ok(addr_parse("10.1.0.1", &options.local));
        nl_begin_empty(&batch);
        link_next_macvlan(&batch, &m, "macvtap", (int) if_nametoindex("left"), 4);
        link_next_vxlan(&batch, &v, &options);
        expect_ok(nl_call(nl, &batch, NULL));
        shell("ip -d link show mac | grep -q 'macvtap mode bridge' && ip link show mac | grep -q 'mtu 1300'");
        shell("ip -d link show vx | grep -q 'vxlan id 77 remote 10.1.0.2 local 10.1.0.1 .*dstport 4790'");
}
