/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <net/if.h>

#include "container.h"
#include "netlink/link.h"

/* A container that is to get one end of a veth, in a network namespace of the test's own. */
static void setup_device(Container *c, char *as) {
        const LinkEnd a = { "left", -EBADF }, b = { "right", -EBADF };
        static OciNetDevice device;
        autoclose int nl = -EBADF;

        setup(c);
        expect(unshare(CLONE_NEWNET) == 0);
        nl = expect_ok(nl_open());
        expect_ok(link_add_veth(nl, &a, &b, NULL));
        expect(system("ip address add 10.1.2.3/24 dev left") == 0);
        device = (OciNetDevice){ (char *) "left", as };
        c->linux_.net_devices = &device;
        c->linux_.n_net_devices = 1;
}

TEST(interface_of_the_host_is_given_to_a_container) {
        static Container c;

        setup_device(&c, (char *) "net%d");
        expect_str(run_shell(&c,
                             "cat /sys/class/net/net0/flags; grep -c 10.1.2.3 /proc/net/fib_trie; "
                             "ls /sys/class/net | tr '\\n' ' '"),
                   "0x1003\n2\nlo net0 ");
        expect(if_nametoindex("left") == 0);
}

TEST(name_stays_if_none_is_said) {
        static Container c;

        setup_device(&c, NULL);
        expect_str(run_shell(&c, "ls /sys/class/net | tr '\\n' ' '"), "left lo ");
}

TEST(interface_comes_back_if_there_will_be_no_container) {
        static Container c;
        autoptr(Runtime) runtime = NULL;

        setup_device(&c, (char *) "eth0");
        set_shell(&c, "true");
        expect_ok(runtime_spawn(&c.spec, &c.options, &runtime, NULL));
        expect(if_nametoindex("left") == 0);
        runtime = runtime_free(runtime);
        expect(if_nametoindex("left") > 0);
        expect(system("ip -o address show dev left | grep -q 10.1.2.3/24") == 0);
}

TEST(interface_comes_back_if_the_program_cannot_run) {
        static Container c;

        setup_device(&c, (char *) "eth0");
        expect_ok(strv_add(&c.process.args, "/bin/nothing"));
        expect(run(&c, NULL) == -ENOENT);
        expect(if_nametoindex("left") > 0);
}

TEST(interface_that_is_missing_is_told) {
        static Container c;
        autoerr err = {};

        setup_device(&c, NULL);
        c.linux_.net_devices->host_name = (char *) "middle";
        set_shell(&c, "true");
        expect(run(&c, &err) == -ENODEV);
        expect_str(err.message, "cannot move interface 'middle' as 'middle': cannot find interface "
                                "'middle': No such device");
}
