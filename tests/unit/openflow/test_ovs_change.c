/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <signal.h>

#include "base/str.h"
#include "hosts.h"
#include "openflow/client.h"
#include "ovs_host.h"

/* The number of an interface, or -2 if there is none of that name. */
static int number_of(Ovsdb *db, const char *name) {
        autointerfaces all = {};
        const OvsInterface *interface;
        autoerr err = {};

        expect_well(ovs_interfaces(db, &all, &err), err);
        interface = ovs_interface(&all, name);
        return interface ? interface->number : -2;
}

TEST_IN(bridge_and_ports_come_in_one_change, CLONE_NEWNET) {
        char *protocols[] = { (char *) "OpenFlow10", (char *) "OpenFlow13", NULL };
        const OvsBridge bridge = {
                .name = "s1", .protocols = protocols, .dpid = 0x1a, .fail_mode = "secure"
        };
        char directory[64];
        autoptr(Ovsdb) db = host_start(directory);
        autoptr(OvsChange) change = ovs_change_new();
        autoerr err = {};

        add_cable("a", "b");
        ovs_change_add_bridge(change, &bridge);
        ovs_change_add_port(change, &(OvsPort){ .bridge = "s1", .name = "a", .number = 7 });
        ovs_change_add_port(change, &(OvsPort){ .bridge = "s1", .name = "b", .vlan = 5 });
        expect_well(ovs_change_commit(change, db, &err), err);
        expect(number_of(db, "s1") == 65534);
        expect(number_of(db, "a") == 7);
        expect(number_of(db, "b") > 0);
        expect(if_nametoindex("s1") > 0);
}

TEST_IN(ports_and_bridges_are_removed, CLONE_NEWNET) {
        char directory[64];
        autoptr(Ovsdb) db = host_start(directory);
        autoptr(OvsChange) first = ovs_change_new(), *second = ovs_change_new(),
                           *third = ovs_change_new();
        autoerr err = {};

        add_cable("a", "b");
        ovs_change_add_bridge(first, &(OvsBridge){ .name = "s1" });
        ovs_change_add_bridge(first, &(OvsBridge){ .name = "s2" });
        ovs_change_add_port(first, &(OvsPort){ .bridge = "s1", .name = "a" });
        expect_well(ovs_change_commit(first, db, &err), err);
        ovs_change_remove_port(second, "s1", "a");
        expect_well(ovs_change_commit(second, db, &err), err);
        expect(number_of(db, "a") == -2);
        expect(number_of(db, "s1") == 65534);
        ovs_change_remove_bridge(third, "s1");
        expect_well(ovs_change_commit(third, db, &err), err);
        expect(number_of(db, "s1") == -2);
        expect(if_nametoindex("s1") == 0);
        expect(if_nametoindex("s2") > 0);
}

TEST_IN(interface_that_cannot_be_opened_undoes_the_change, CLONE_NEWNET) {
        char directory[64];
        autoptr(Ovsdb) db = host_start(directory);
        autoptr(OvsChange) change = ovs_change_new();
        autoerr err = {};

        ovs_change_add_bridge(change, &(OvsBridge){ .name = "s1" });
        ovs_change_add_port(change, &(OvsPort){ .bridge = "s1", .name = "nowhere" });
        expect(ovs_change_commit(change, db, &err) == -ENODEV);
        printf("# %s\n", err.message);
        expect(strstr(err.message, "the switch cannot open interface 'nowhere': "));
        expect(number_of(db, "s1") == -2);
        expect(if_nametoindex("s1") == 0);
}

TEST_IN(name_that_is_taken_is_refused, CLONE_NEWNET) {
        char directory[64];
        autoptr(Ovsdb) db = host_start(directory);
        autoptr(OvsChange) first = ovs_change_new(), *second = ovs_change_new();
        autoerr err = {};

        ovs_change_add_bridge(first, &(OvsBridge){ .name = "s1" });
        expect_well(ovs_change_commit(first, db, &err), err);
        ovs_change_add_bridge(second, &(OvsBridge){ .name = "s2" });
        ovs_change_add_bridge(second, &(OvsBridge){ .name = "s1" });
        expect(ovs_change_commit(second, db, &err) == -EEXIST);
        expect_str(err.message, "there is a bridge or port 's1' already");
        expect(number_of(db, "s1") == 65534);
        expect(number_of(db, "s2") == -2);
}

TEST_IN(what_is_not_there_is_neither_changed_nor_removed, CLONE_NEWNET) {
        char directory[64];
        autoptr(Ovsdb) db = host_start(directory);
        autoptr(OvsChange) set = ovs_change_new(), *port = ovs_change_new(),
                           *gone = ovs_change_new();
        autoerr err = {}, second = {}, third = {};

        ovs_change_set_bridge(set, &(OvsBridge){ .name = "s1" });
        expect(ovs_change_commit(set, db, &err) == -ENOENT);
        expect_str(err.message, "there is no bridge 's1'");
        ovs_change_add_port(port, &(OvsPort){ .bridge = "s1", .name = "a" });
        expect(ovs_change_commit(port, db, &second) == -ENOENT);
        ovs_change_remove_bridge(gone, "s1");
        expect(ovs_change_commit(gone, db, &third) == -ENOENT);
        expect_str(third.message, "there is no bridge 's1'");
}

TEST_IN(bridge_is_set_afterwards, CLONE_NEWNET) {
        char *controllers[] = { (char *) "tcp:127.0.0.1:6653", NULL };
        char directory[64];
        autoptr(Ovsdb) db = host_start(directory);
        autoptr(OvsChange) first = ovs_change_new(), *second = ovs_change_new();
        autoerr err = {};

        ovs_change_add_bridge(first, &(OvsBridge){ .name = "s1" });
        expect_well(ovs_change_commit(first, db, &err), err);
        ovs_change_set_bridge(second, &(OvsBridge){ .name = "s1",
                                                    .controllers = controllers,
                                                    .fail_mode = "standalone" });
        expect_well(ovs_change_commit(second, db, &err), err);
}

/* Without a controller the switch learns by itself; p1 and p2 are of one VLAN, p3 of another. */
TEST_IN(ports_of_different_vlans_do_not_meet, CLONE_NEWNET) {
        static const char *const names[] = { "p1", "p2", "p3" };
        static const uint16_t vlans[] = { 5, 5, 6 };
        char directory[64];
        autoptr(Ovsdb) db = host_start(directory);
        autoptr(OvsChange) change = ovs_change_new();
        int hosts[3];
        autoerr err = {};

        ovs_change_add_bridge(change, &(OvsBridge){ .name = "s1", .fail_mode = "standalone" });
        for (int i = 0; i < 3; i++) {
                autofree char *address = str_format("10.0.0.%d/24", i + 1);

                add_host(&hosts[i], names[i], address);
                ovs_change_add_port(
                        change, &(OvsPort){ .bridge = "s1", .name = names[i], .vlan = vlans[i] });
        }
        expect_well(ovs_change_commit(change, db, &err), err);
        expect(ping(hosts[0], "10.0.0.2", TRIES));
        expect(!ping(hosts[0], "10.0.0.3", 2));
}

/* A port that is a trunk of another VLAN carries none of theirs, and of none all. */
TEST_IN(trunk_carries_the_vlans_that_are_named, CLONE_NEWNET) {
        const uint16_t trunks[] = { 7 };
        char directory[64];
        autoptr(Ovsdb) db = host_start(directory);
        autoptr(OvsChange) change = ovs_change_new();
        int hosts[3];
        autoerr err = {};

        ovs_change_add_bridge(change, &(OvsBridge){ .name = "s1", .fail_mode = "standalone" });
        add_host(&hosts[0], "p1", "10.0.0.1/24");
        add_host(&hosts[1], "p2", "10.0.0.2/24");
        add_host(&hosts[2], "p3", "10.0.0.3/24");
        ovs_change_add_port(change, &(OvsPort){ .bridge = "s1", .name = "p1" });
        ovs_change_add_port(change, &(OvsPort){ .bridge = "s1", .name = "p2" });
        ovs_change_add_port(
                change,
                &(OvsPort){ .bridge = "s1", .name = "p3", .trunks = trunks, .n_trunks = 1 });
        expect_well(ovs_change_commit(change, db, &err), err);
        expect(ping(hosts[0], "10.0.0.2", TRIES));
        expect(!ping(hosts[0], "10.0.0.3", 2)); /* untagged is VLAN 0 */
}

static void add_patch(OvsChange *change, const char *bridge, const char *name, const char *peer) {
        ovs_change_add_port(change, &(OvsPort){ .bridge = bridge, .name = name, .peer = peer });
}

TEST_IN(bridges_are_connected_within_the_switch, CLONE_NEWNET) {
        char directory[64];
        autoptr(Ovsdb) db = host_start(directory);
        autoptr(OvsChange) change = ovs_change_new();
        int hosts[2];
        autoerr err = {};

        add_host(&hosts[0], "p1", "10.0.0.1/24");
        add_host(&hosts[1], "p2", "10.0.0.2/24");
        ovs_change_add_bridge(change, &(OvsBridge){ .name = "s1", .fail_mode = "standalone" });
        ovs_change_add_bridge(change, &(OvsBridge){ .name = "s2", .fail_mode = "standalone" });
        add_patch(change, "s1", "s1-s2", "s2-s1");
        add_patch(change, "s2", "s2-s1", "s1-s2");
        ovs_change_add_port(change, &(OvsPort){ .bridge = "s1", .name = "p1" });
        ovs_change_add_port(change, &(OvsPort){ .bridge = "s2", .name = "p2" });
        expect_well(ovs_change_commit(change, db, &err), err);
        expect(if_nametoindex("s1-s2") == 0);
        expect(ping(hosts[0], "10.0.0.2", TRIES));
}

/* How many packets a bridge has sent; in a ring that nobody breaks they would never end. */
static uint64_t sent_by(const char *directory, const char *bridge) {
        autofree char *target = ovs_management(directory, bridge);
        autoptr(OfClient) client = NULL;
        OfPortStats *stats;
        uint64_t sum = 0;
        size_t n;
        autoerr err = {};

        expect_well(of_client_open(target, OF_VERSIONS, HOST_MS, &client, &err), err);
        expect_well(of_client_port_stats(client, OF_PORT_ANY, &stats, &n, &err), err);
        for (size_t i = 0; i < n; i++)
                sum += stats[i].tx_packets;
        free(stats);
        return sum;
}

TEST_IN(ring_is_broken_by_rstp, CLONE_NEWNET) {
        static const char *const names[] = { "s1", "s2", "s3" };
        char directory[64];
        autoptr(Ovsdb) db = host_start(directory);
        autoptr(OvsChange) change = ovs_change_new();
        int hosts[2];
        autoerr err = {};

        add_host(&hosts[0], "p1", "10.0.0.1/24");
        add_host(&hosts[1], "p2", "10.0.0.2/24");
        for (int i = 0; i < 3; i++)
                ovs_change_add_bridge(
                        change,
                        &(OvsBridge){ .name = names[i], .fail_mode = "standalone", .rstp = true });
        add_link(change, "s1", "s2");
        add_link(change, "s2", "s3");
        add_link(change, "s3", "s1");
        ovs_change_add_port(change, &(OvsPort){ .bridge = "s1", .name = "p1", .edge = true });
        ovs_change_add_port(change, &(OvsPort){ .bridge = "s2", .name = "p2", .edge = true });
        expect_well(ovs_change_commit(change, db, &err), err);
        expect(ping(hosts[0], "10.0.0.2", TRIES));
        for (int i = 0; i < 3; i++)
                expect(sent_by(directory, names[i]) < 2000);
}

TEST_IN(rstp_within_the_switch_is_refused, CLONE_NEWNET) {
        char directory[64];
        autoptr(Ovsdb) db = host_start(directory);
        autoptr(OvsChange) change = ovs_change_new();
        autoerr err = {};

        ovs_change_add_bridge(change, &(OvsBridge){ .name = "s1" });
        ovs_change_add_bridge(change, &(OvsBridge){ .name = "s2", .rstp = true });
        add_patch(change, "s1", "s1-s2", "s2-s1");
        add_patch(change, "s2", "s2-s1", "s1-s2");
        expect(ovs_change_commit(change, db, &err) == -EINVAL);
        expect_str(err.message, "a port with a peer cannot be of a bridge with RSTP");
        expect(number_of(db, "s1") == -2 && ovs_is_running(directory) == 1);
}

static void expect_dpid(const char *directory, uint64_t dpid) {
        autofree char *target = ovs_management(directory, "s1");
        autoptr(OfClient) client = NULL;
        OfFeatures features;
        autoerr err = {};

        expect_well(of_client_open(target, OF_VERSIONS, HOST_MS, &client, &err), err);
        expect_well(of_client_features(client, &features, &err), err);
        expect(features.dpid == dpid);
        of_features_clear(&features);
}

TEST_IN(switch_has_the_dpid_and_versions_that_are_set, CLONE_NEWNET) {
        char *only_10[] = { (char *) "OpenFlow10", NULL };
        char directory[64];
        autofree char *target = NULL;
        autoptr(Ovsdb) db = host_start(directory);
        autoptr(OvsChange) first = ovs_change_new(), *second = ovs_change_new();
        OfClient *client = NULL;
        autoerr err = {};

        target = ovs_management(directory, "s1");
        ovs_change_add_bridge(first, &(OvsBridge){ .name = "s1", .dpid = 0x123456789abcdef0 });
        expect_well(ovs_change_commit(first, db, &err), err);
        expect_dpid(directory, 0x123456789abcdef0);
        ovs_change_set_bridge(second,
                              &(OvsBridge){ .name = "s1", .dpid = 0x99, .protocols = only_10 });
        expect_well(ovs_change_commit(second, db, &err), err);
        expect_dpid(directory, 0x99);
        expect(of_client_open(target, 1u << OF_13, HOST_MS, &client, &err) == -EPROTONOSUPPORT);
        printf("# %s\n", err.message);
}

TEST_IN(switch_that_has_ended_is_not_waited_for, CLONE_NEWNET) {
        char directory[64];
        autoptr(Ovsdb) db = host_start(directory);
        autoptr(OvsChange) change = ovs_change_new();
        autofree char *file = str_format("%s/ovs-vswitchd.pid", directory), *line = NULL;
        autoerr err = {};

        expect_ok(file_read_line(AT_FDCWD, file, &line));
        expect(kill(atoi(line), SIGKILL) == 0);
        ovs_change_add_bridge(change, &(OvsBridge){ .name = "s1" });
        expect(ovs_change_commit(change, db, &err) == -ESRCH);
        expect_str(err.message, "the switch has ended");
        expect(strstr(err.hint, "ovs-vswitchd.log"));
}

static void expect_refused(OvsChange *change, const char *words) {
        autoptr(OvsChange) owned = change;
        autoerr err = {};

        expect(ovs_change_commit(owned, NULL, &err) == -EINVAL);
        printf("# %s\n", err.message);
        expect(strstr(err.message, words));
}

TEST(bad_values_are_refused_before_anything_is_asked) {
        char *controllers[] = { (char *) "ssl:1.2.3.4", NULL };
        const uint16_t trunks[] = { 1, 5000 };
        OvsChange *change = ovs_change_new();

        ovs_change_add_bridge(change, &(OvsBridge){ .name = "a-name-of-16-byt" });
        expect_refused(change, "'a-name-of-16-byt' must be a name of 1 to 15 bytes");
        change = ovs_change_new();
        ovs_change_add_bridge(change, &(OvsBridge){ .name = "s1", .controllers = controllers });
        expect_refused(change, "'ssl:1.2.3.4' is no controller");
        change = ovs_change_new();
        ovs_change_add_bridge(change, &(OvsBridge){ .name = "s1", .fail_mode = "sure" });
        expect_refused(change, "'sure' is neither");
        change = ovs_change_new();
        ovs_change_add_port(change, &(OvsPort){ .bridge = "s1", .name = "a", .number = 0xff00 });
        expect_refused(change, "number 65280 is not below 65280");
        change = ovs_change_new();
        ovs_change_add_port(
                change, &(OvsPort){ .bridge = "s1", .name = "a", .trunks = trunks, .n_trunks = 2 });
        expect_refused(change, "there is no VLAN 5000");
}
