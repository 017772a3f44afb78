/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <net/if.h>

#include "base/auto.h"
#include "netlink/link.h"
#include "netlink/link_move.h"
#include "netlink/nl.h"
#include "test.h"

/* A veth pair here, and another network namespace. */
static int setup(void) {
        const LinkEnd a = { "left", -EBADF }, b = { "right", -EBADF };
        autoclose int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC),
                      nl = expect_ok(nl_open());
        int there;

        expect_ok(link_add_veth(nl, &a, &b, NULL));
        expect(unshare(CLONE_NEWNET) == 0);
        there = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        expect(there >= 0 && setns(here, CLONE_NEWNET) == 0);
        return there;
}

static void shell(const char *command) {
        expect(system(command) == 0);
}

TEST_IN(interface_arrives_with_its_addresses_and_up, CLONE_NEWNET) {
        /* Held, or the other end would go with its namespace. */
        autoclose int there = setup(), here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        char name[IF_NAMESIZE];

        expect(here >= 0);
        shell("ip address add 10.1.2.3/24 dev left; ip address add 10.9.9.1 peer 10.9.9.2/32 dev left; "
              "ip address add fd00::7/64 dev left nodad; ip address add 10.5.5.5/24 dev left valid_lft "
              "1000 preferred_lft 1000; ip address add 169.254.1.1/16 dev left scope link");
        expect_ok(link_move(-EBADF, "left", there, "eth0", name, NULL));
        expect(strcmp(name, "eth0") == 0);
        expect(if_nametoindex("left") == 0);
        expect(setns(there, CLONE_NEWNET) == 0);
        shell("ip -o link show eth0 | grep -q '[<,]UP[,>]'");
        shell("[ \"$(ip -o address show dev eth0 scope global | sed 's/.*inet6* //; s/ *scope.*//; s/ "
              "brd .*//' | sort | tr '\\n' ,)\" = '10.1.2.3/24,10.9.9.1 peer 10.9.9.2/32,fd00::7/64,' ]");
        shell("! ip -o address show dev eth0 | grep -q '169.254\\|10.5.5.5'");
}

TEST_IN(number_in_the_name_is_the_kernels, CLONE_NEWNET) {
        autoclose int there = setup();
        char name[IF_NAMESIZE];

        expect_ok(link_move(-EBADF, "left", there, "net%d", name, NULL));
        expect(strcmp(name, "net0") == 0);
        expect_ok(link_move(-EBADF, "right", there, "net%d", name, NULL));
        expect(strcmp(name, "net1") == 0);
}

TEST_IN(interface_comes_back, CLONE_NEWNET) {
        autoclose int there = setup(), here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        char name[IF_NAMESIZE];

        shell("ip address add 10.1.2.3/24 dev left");
        expect_ok(link_move(-EBADF, "left", there, "eth0", name, NULL));
        expect_ok(link_move(there, "eth0", here, "left", name, NULL));
        shell("ip -o address show dev left | grep -q 10.1.2.3/24");
}

TEST_IN(missing_interface_and_name_that_is_taken_are_told, CLONE_NEWNET) {
        autoclose int there = setup();
        char name[IF_NAMESIZE];
        autoerr err = {};

        expect(link_move(-EBADF, "nothing", there, "x", name, &err) == -ENODEV);
        expect(strstr(err.message, "cannot move interface 'nothing' as 'x': cannot find interface "
                                   "'nothing': No such device"));
        err_clear(&err);
        shell("ip address add 10.1.2.3/24 dev left");
        expect(link_move(-EBADF, "left", there, "lo", name, &err) == -EEXIST);
        shell("ip -o address show dev left | grep -q 10.1.2.3/24");
        expect(strstr(err.message, "cannot move interface 'left' as 'lo': "));
        expect(if_nametoindex("left") > 0);
}
