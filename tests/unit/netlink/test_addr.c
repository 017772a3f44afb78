/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <linux/rtnetlink.h>
#include <stdbool.h>

#include "base/auto.h"
#include "netlink/addr.h"
#include "netlink/link.h"
#include "test.h"

static Address parsed(const char *text) {
        Address a;

        expect_ok(addr_parse(text, &a));
        return a;
}

TEST(addresses_are_read_and_written) {
        static const char *const bad[] = { "",
                                           "10.0.0",
                                           "10.0.0.256",
                                           "10.0.0.0/33",
                                           "10.0.0.0/",
                                           "10.0.0.0/-1",
                                           "fd00::/129",
                                           "fd00::x",
                                           "1.2.3.4/a",
                                           "10.0.0.1 ",
                                           "::ffff:1.2.3.4.5",
                                           "0x0a.0.0.1",
                                           "010.0.0.1/24a" };
        char text[INET6_ADDRSTRLEN];
        Address a = parsed("fd00:0:0::1/64");

        addr_text(&a, text);
        expect_str(text, "fd00::1");
        expect(a.prefix == 64 && a.family == AF_INET6);
        a = parsed("10.88.0.1");
        expect(a.prefix == 32);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                expect(addr_parse(bad[i], &a) == -EINVAL);
}

TEST(networks_overlap_and_contain) {
        Address net = parsed("10.88.0.0/16"), small = parsed("10.88.3.128/25");
        Address other = parsed("10.89.0.0/16"), odd = parsed("10.88.3.200/25");
        Address all = parsed("0.0.0.0/0"), a = parsed("10.88.3.129"), six = parsed("::/0");

        expect(addr_overlap(&net, &small) && addr_overlap(&small, &net));
        expect(!addr_overlap(&net, &other) && addr_overlap(&all, &net));
        expect(!addr_overlap(&six, &net));
        expect(addr_within(&small, &a) && !addr_within(&other, &a));
        addr_mask(&odd);
        expect(addr_equal(&odd, &small));
}

/* What a command prints about a namespace is the oracle. */
static void expect_output(const char *command, const char *wanted) {
        char text[4096] = "";
        FILE *pipe = popen(command, "r");

        expect(pipe && fread(text, 1, sizeof text - 1, pipe) > 0 && pclose(pipe) == 0);
        text[strcspn(text, "\n")] = 0;
        expect_str(text, wanted);
}

static bool found_default;

static int look(const Route *route, void *context) {
        int *index = context;

        if (route->to.prefix == 0 && route->table == RT_TABLE_MAIN) {
                expect(route->index == *index);
                found_default = true;
        }
        return 0;
}

TEST_IN(addresses_and_routes_are_as_ip_shows_them, CLONE_NEWNET) {
        const LinkEnd a = { .name = "left", .netns = -EBADF, .index = 50, .up = true };
        const LinkEnd b = { .name = "right", .netns = -EBADF, .index = 51 };
        autoclose int nl = expect_ok(nl_open());
        Address v4 = parsed("10.9.0.2/20"), v6 = parsed("fd09::2/64");
        Address gate = parsed("10.9.0.1"), gate6 = parsed("fd09::1"), far = parsed("172.20.0.0/14");
        int index = 50;
        NlMessage m;

        if (system("ip link set lo up") != 0)
                skip("ip is not installed");
        link_begin_veth(&m, &a, &b);
        link_next_up(&m, 51);
        addr_next_add(&m, 50, &v4);
        addr_next_add(&m, 50, &v6);
        route_next_add(&m, 50, NULL, &gate);
        route_next_add(&m, 50, NULL, &gate6);
        route_next_add(&m, 50, &far, &gate);
        expect_ok(nl_call(nl, &m, NULL));

        expect_output("ip -j -4 addr show dev left | tr -d '[]' | grep -o '\"local\":.*\"scope\"'",
                      "\"local\":\"10.9.0.2\",\"prefixlen\":20,\"broadcast\":\"10.9.15.255\","
                      "\"scope\"");
        expect_output("ip -j -6 addr show dev left scope global | grep -c tentative || true", "0");
        expect_output("ip -j route show default | grep -o '\"gateway\":\"[^\"]*\"'",
                      "\"gateway\":\"10.9.0.1\"");
        expect_output("ip -j -6 route show default | grep -o '\"gateway\":\"[^\"]*\"'",
                      "\"gateway\":\"fd09::1\"");
        expect_output("ip route show 172.20.0.0/14 | grep -o '.*left'",
                      "172.20.0.0/14 via 10.9.0.1 dev left");
        expect_ok(route_each(nl, AF_INET, look, &index, NULL));
        expect(found_default);
}
