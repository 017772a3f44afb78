/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/auto.h"
#include "oci/sysctl.h"
#include "test.h"

static void expect_parts(const char *setting, const char *path, const char *value,
                         const char *type) {
        autofree char *got_path = NULL;
        const char *got_value, *got_type;

        expect_ok(oci_sysctl_parse(setting, &got_path, &got_value, &got_type, NULL));
        expect_str(got_path, path);
        expect_str(got_value, value);
        expect_str(got_type, type);
}

static void expect_refused(const char *setting, int code) {
        const char *value, *type;
        char *path;

        expect(oci_sysctl_parse(setting, &path, &value, &type, NULL) == code);
}

TEST(a_setting_is_a_path_a_value_and_an_owner) {
        expect_parts("net.ipv4.ip_forward=1", "net/ipv4/ip_forward", "1", "network");
        expect_parts("net/ipv4/conf/eth0.5/arp=a=b", "net/ipv4/conf/eth0.5/arp", "a=b", "network");
        expect_parts("net.ipv4.conf.eth0/5.arp=", "net/ipv4/conf/eth0.5/arp", "", "network");
        expect_parts("kernel.msgmax=1", "kernel/msgmax", "1", "ipc");
        expect_parts("user.max_user_namespaces=1", "user/max_user_namespaces", "1", "user");
}

TEST(what_is_the_machines_or_no_setting_is_refused) {
        expect_refused("kernel.panic=1", -EPERM);
        expect_refused("net/../kernel/panic=1", -EPERM);
        expect_refused("net.//.kernel.panic=1", -EPERM);
        expect_refused("net.ipv4.ip_forward", -EINVAL);
        expect_refused("=1", -EINVAL);
        expect_refused("net.x=1\n2", -EINVAL);
}
