/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/auto.h"
#include "netlink/addr.h"
#include "netlink/link.h"
#include "netlink/nl.h"
#include "test.h"

TEST_IN(batch_is_one_call, CLONE_NEWNET) {
        autoclose int nl = expect_ok(nl_open());
        const LinkEnd a = { .name = "left", .netns = -EBADF, .index = 50 };
        const LinkEnd b = { .name = "right", .netns = -EBADF, .index = 51 };
        NlMessage m;
        Link link;

        link_begin_veth(&m, &a, &b);
        link_next_up(&m, 50);
        link_next_up(&m, 51);
        expect_ok(nl_call(nl, &m, NULL));
        expect(m.n == 3 && m.failed == 0);
        expect_ok(link_get(nl, "right", &link, NULL));
        expect(link.index == 51 && (link.flags & IFF_UP));
        expect_str(link.kind, "veth");
}

TEST_IN(first_failure_of_a_batch_is_told_and_the_rest_done, CLONE_NEWNET) {
        autoclose int nl = expect_ok(nl_open());
        autoerr err = {};
        NlMessage m;
        Link link;

        nl_begin_empty(&m);
        link_next_up(&m, 4711);
        link_next_up(&m, 1);
        link_next_up(&m, 4712);
        expect(nl_call(nl, &m, &err) == -ENODEV);
        expect(m.failed == 1);
        expect(err.message && *err.message);
        expect_ok(link_get(nl, "lo", &link, NULL));
        expect(link.flags & IFF_UP);
}

TEST_IN(socket_is_good_for_another_call_after_a_failure, CLONE_NEWNET) {
        autoclose int nl = expect_ok(nl_open());
        Link link;

        expect(link_get(nl, "nosuch", &link, NULL) == -ENODEV);
        expect(link_remove(nl, "nosuch", NULL) == -ENODEV);
        expect_ok(link_get(nl, "lo", &link, NULL));
        expect(link.index == 1);
}

TEST_IN(message_grows_beyond_its_buffer, CLONE_NEWNET) {
        autoclose int nl = expect_ok(nl_open());
        struct ifinfomsg ifi = {};
        autonl NlMessage m;

        nl_begin_empty(&m);
        for (int i = 0; i < 1000; i++) {
                ifi.ifi_index = 1;
                ifi.ifi_change = ifi.ifi_flags = IFF_UP;
                nl_next(&m, RTM_NEWLINK, 0, &ifi, sizeof ifi);
        }
        expect(m.grown && m.n == 1000);
        expect_ok(nl_call(nl, &m, NULL));
}

TEST(attribute_that_is_too_long_is_refused) {
        static const char big[70000];
        struct ifinfomsg ifi = {};
        autoerr err = {};
        autonl NlMessage m;
        size_t nest;

        nl_begin(&m, RTM_NEWLINK, 0, &ifi, sizeof ifi);
        nest = nl_nest(&m, 1);
        nl_put_raw(&m, big, sizeof big);
        nl_end(&m, nest);
        expect(nl_call(-EBADF, &m, &err) == -EMSGSIZE);
        expect_str(err.message, "netlink request is too large: Message too long");
}

static int count(const Link *link, void *context) {
        (*(int *) context)++;
        return 0;
}

TEST_IN(dump_shows_every_interface, CLONE_NEWNET) {
        autoclose int nl = expect_ok(nl_open());
        int n = 0, more = 0;

        expect_ok(link_each(nl, count, &n, NULL));
        for (int i = 0; i < 60; i++) {
                char a[16], b[16];
                LinkEnd left = { .name = a, .netns = -EBADF };
                LinkEnd right = { .name = b, .netns = -EBADF };

                snprintf(a, sizeof a, "left%d", i);
                snprintf(b, sizeof b, "right%d", i);
                expect_ok(link_add_veth(nl, &left, &right, NULL));
        }
        expect_ok(link_each(nl, count, &more, NULL));
        expect(more == n + 120);
}

TEST_IN(answers_of_others_than_the_kernel_are_not_believed, CLONE_NEWNET) {
        autoclose int nl = expect_ok(nl_open()), stranger = expect_ok(nl_open());
        struct {
                struct nlmsghdr h;
                struct nlmsgerr e;
        } forged = { .h = { .nlmsg_len = sizeof forged, .nlmsg_type = NLMSG_ERROR, .nlmsg_seq = 1 },
                     .e = { .error = -EPERM } };
        struct sockaddr_nl to = {};
        socklen_t size = sizeof to;
        Link link;

        expect_ok(link_get(nl, "lo", &link, NULL)); /* now the socket has an address */
        expect(getsockname(nl, (struct sockaddr *) &to, &size) == 0 && to.nl_pid != 0);
        /* Whoever is root of a container may do so, if he owns its network. */
        expect(sendto(stranger, &forged, sizeof forged, 0, (struct sockaddr *) &to, sizeof to) > 0);
        expect_ok(link_get(nl, "lo", &link, NULL));
        expect(link.index == 1);
}

#define ADDRESSES 2000

static int count_address(const Address *address, void *context) {
        *(int *) context += address->family == AF_INET && address->bytes[0] == 10;
        return 0;
}

static Address numbered(uint32_t number) {
        return (Address){ AF_INET,
                          32,
                          { 10, (uint8_t) (number >> 16), (uint8_t) (number >> 8),
                            (uint8_t) number } };
}

/* Adds and removes one address until it is killed. */
static pid_t start_changing(void) {
        pid_t pid = fork();
        Address a = numbered(1 << 20);

        if (pid == 0)
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (pid == 0)
                for (int nl = nl_open();; usleep(2000)) {
                        NlMessage m;

                        nl_begin_empty(&m);
                        addr_next_add(&m, 1, &a);
                        addr_next_remove(&m, 1, &a);
                        (void) nl_call(nl, &m, NULL);
                }
        expect(pid > 0);
        return pid;
}

TEST_IN(list_that_changes_while_it_is_read_is_read_again, CLONE_NEWNET) {
        autoclose int nl = expect_ok(nl_open());
        autonl NlMessage m;
        pid_t pid;

        nl_begin_empty(&m);
        link_next_up(&m, 1);
        for (uint32_t i = 0; i < ADDRESSES; i++) {
                Address a = numbered(i);

                addr_next_add(&m, 1, &a);
        }
        expect_ok(nl_call(nl, &m, NULL));
        pid = start_changing();
        for (int i = 0; i < 100; i++) {
                int n = 0;

                expect_ok(addr_each(nl, 1, count_address, &n, NULL));
                expect(n == ADDRESSES || n == ADDRESSES + 1);
        }
        kill(pid, SIGKILL);
        expect(waitpid(pid, NULL, 0) == pid);
}

TEST(value_that_is_too_long_is_an_error) {
        static const char value[70000];
        struct ifinfomsg ifi = {};
        autonl NlMessage m;

        nl_begin(&m, RTM_NEWLINK, 0, &ifi, sizeof ifi);
        nl_put(&m, IFLA_IFALIAS, value, sizeof value);
        expect(m.error == -EMSGSIZE);
}
