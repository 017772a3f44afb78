/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "netlink/link.h"
#include "netlink/qdisc.h"
#include "test.h"

#define INDEX 100

static void send_frames(int n) {
        const struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = INDEX };
        char frame[1000] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5 };
        autoclose int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

        expect(s >= 0);
        for (int i = 0; i < n; i++)
                (void) !sendto(s, frame, sizeof frame, 0, (const struct sockaddr *) &to, sizeof to);
}

TEST_IN(what_a_token_bucket_has_no_room_for_is_counted, CLONE_NEWNET) {
        const LinkEnd a = { .name = "a", .netns = -EBADF, .index = INDEX },
                      b = { .name = "b", .netns = -EBADF, .index = INDEX + 1 };
        autoclose int nl = expect_ok(nl_open());
        uint32_t drops = 7;
        NlMessage m;

        expect_ok(link_add_veth(nl, &a, &b, NULL));
        nl_begin_empty(&m);
        link_next_up(&m, INDEX);
        link_next_up(&m, INDEX + 1);
        expect_ok(nl_call(nl, &m, NULL));
        expect_ok(qdisc_drops(nl, INDEX, &drops));
        expect(drops == 0);
        /* One may go, ten may wait, and nothing more goes for a second. */
        nl_begin_empty(&m);
        qdisc_next_tbf(&m, INDEX, 8000, 1000, 10000);
        expect_ok(nl_call(nl, &m, NULL));
        send_frames(50);
        expect_ok(qdisc_drops(nl, INDEX, &drops));
        expect(drops >= 30 && drops <= 40);
        expect(qdisc_drops(nl, INDEX + 50, &drops) < 0);
}
