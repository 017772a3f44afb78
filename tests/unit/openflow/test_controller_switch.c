/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The controller, a real switch, and two hosts that are connected by nothing else. */

#include "base/str.h"
#include "hosts.h"
#include "openflow/client.h"
#include "openflow/controller.h"
#include "openflow/relay.h"
#include "openflow/target.h"
#include "ovs_host.h"

#define MUCH (8u << 20)

typedef struct Network {
        char directory[64];
        Ovsdb *db;
        int hosts[2]; /* network namespaces */
        int stop;     /* closed to end the controller */
        pid_t controller;
} Network;

static void network_clear(Network *n) {
        ovsdb_free(n->db);
}

#define autonetwork __attribute__((__cleanup__(network_clear))) Network

static void set_up_loopback(void) {
        autoclose int nl = expect_ok(nl_open());
        autonl NlMessage m;

        nl_begin_empty(&m);
        link_next_up(&m, (int) if_nametoindex("lo"));
        expect_ok(nl_call(nl, &m, NULL));
}

/* A process that is the controller of bridge s1 until .stop is closed; it records. */
static void start_controller(Network *n, const char *target) {
        autofree char *file = str_format("%s/recorded", n->directory);
        int listener = expect_ok(target_listen(target, NULL)), ends[2];

        expect(pipe(ends) == 0);
        n->controller = fork();
        if (n->controller == 0) {
                autoptr(Recorder) recorder = NULL;
                autoptr(OfController) c = NULL;
                int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

                close(ends[1]);
                expect_ok(recorder_open(fd, 0, &recorder, NULL));
                expect_ok(of_controller_new(&(OfControllerOptions){ .recorder = recorder }, &c,
                                            NULL));
                expect_ok(of_controller_listen(c, listener, "s1", NULL));
                expect_ok(of_controller_run(c, ends[0], NULL));
                c = of_controller_free(c);
                recorder = recorder_free(recorder);
                _exit(0);
        }
        close(ends[0]);
        close(listener);
        n->stop = ends[1];
}

static void stop_controller(Network *n) {
        int status;

        close(n->stop);
        expect(waitpid(n->controller, &status, 0) == n->controller && status == 0);
}

static void add_bridge(const Network *n, const char *controller, const char *protocol) {
        autoptr(OvsChange) change = ovs_change_new();
        autoerr err = {};

        ovs_change_add_bridge(change,
                              &(OvsBridge){ .name = "s1",
                                            .fail_mode = "secure",
                                            .controllers = (char *[]){ (char *) controller, NULL },
                                            .protocols = (char *[]){ (char *) protocol, NULL } });
        ovs_change_add_port(change, &(OvsPort){ .bridge = "s1", .name = "p1", .number = 1 });
        ovs_change_add_port(change, &(OvsPort){ .bridge = "s1", .name = "p2", .number = 2 });
        expect_well(ovs_change_commit(change, n->db, &err), err);
}

static Network start(const char *protocol) {
        Network n = {};
        autofree char *target = NULL;

        n.db = host_start(n.directory);
        target = ovs_controller(n.directory, "s1");
        add_host(&n.hosts[0], "p1", "10.0.0.1/24");
        add_host(&n.hosts[1], "p2", "10.0.0.2/24");
        start_controller(&n, target);
        add_bridge(&n, target, protocol);
        return n;
}

static OfFlows flows_of(const Network *n, OfVersion version) {
        autofree char *target = ovs_management(n->directory, "s1");
        autoptr(OfClient) client = NULL;
        OfFlow all = of_flow_default(OF_USE_CHOICE);
        OfFlows flows = {};
        autoerr err = {};

        expect_well(of_client_open(target, 1u << version, HOST_MS, &client, &err), err);
        expect_well(of_client_flows(client, &all, &flows, &err), err);
        return flows;
}

/* Learned in both directions: flows to either port, marked as the controller's. */
static void expect_learned(const Network *n, OfVersion version) {
        autoflows flows = flows_of(n, version);
        bool to[3] = {};

        for (size_t i = 0; i < flows.n; i++) {
                autofree char *text = of_flow_text(&flows.list[i]);
                const OfActions *actions = &flows.list[i].actions;

                printf("# %s\n", text);
                expect(flows.list[i].cookie == OF_CONTROLLER_COOKIE);
                if (actions->n == 1 && actions->list->port < 3)
                        to[actions->list->port] = true;
        }
        expect(to[1] && to[2]);
}

static void expect_ping(const char *protocol, OfVersion version) {
        autonetwork n = start(protocol);

        expect(ping(n.hosts[0], "10.0.0.2", TRIES));
        expect(ping(n.hosts[1], "10.0.0.1", TRIES));
        expect_learned(&n, version);
        stop_controller(&n);
        expect_ok(ovs_stop(n.directory, NULL));
}

TEST_IN(hosts_reach_each_other_by_1_3, CLONE_NEWNET) {
        expect_ping("OpenFlow13", OF_13);
}

TEST_IN(hosts_reach_each_other_by_1_0, CLONE_NEWNET) {
        expect_ping("OpenFlow10", OF_10);
}

/* --- streams and datagrams: whose checksums the sender leaves to its interface --- */

typedef struct Endpoint {
        int type;
        const char *address;
} Endpoint;

static int open_bound(void *context) {
        const Endpoint *e = context;
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(5000) };
        int s = socket(AF_INET, e->type | SOCK_CLOEXEC, 0);

        expect(s >= 0 && inet_pton(AF_INET, e->address, &at.sin_addr) == 1);
        expect(bind(s, (struct sockaddr *) &at, sizeof at) == 0);
        if (e->type == SOCK_STREAM)
                expect(listen(s, 1) == 0);
        return s;
}

static int open_connected(void *context) {
        const Endpoint *e = context;
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(5000) };
        int s = socket(AF_INET, e->type | SOCK_CLOEXEC, 0);

        expect(s >= 0 && inet_pton(AF_INET, e->address, &to.sin_addr) == 1);
        expect(connect(s, (struct sockaddr *) &to, sizeof to) == 0);
        return s;
}

static uint8_t byte_at(size_t i) {
        return (uint8_t) (i * 31 + (i >> 9));
}

TEST_IN(stream_arrives_whole, CLONE_NEWNET) {
        autonetwork n = start("OpenFlow13");
        Endpoint e = { SOCK_STREAM, "10.0.0.2" };
        static uint8_t chunk[65536];
        int listener, s, status;
        pid_t reader;

        expect(ping(n.hosts[0], "10.0.0.2", TRIES));
        listener = netns_run(n.hosts[1], open_bound, &e);
        reader = fork();
        if (reader == 0) {
                int c = accept(listener, NULL, NULL);
                size_t total = 0;
                ssize_t got;

                while ((got = read(c, chunk, sizeof chunk)) > 0)
                        for (ssize_t i = 0; i < got; i++)
                                if (chunk[i] != byte_at(total++))
                                        _exit(2);
                _exit(total == MUCH ? 0 : 1);
        }
        s = netns_run(n.hosts[0], open_connected, &e);
        for (size_t sent = 0; sent < MUCH;) {
                for (size_t i = 0; i < sizeof chunk; i++)
                        chunk[i] = byte_at(sent + i);
                expect_ok(fd_write_all(s, chunk, sizeof chunk));
                sent += sizeof chunk;
        }
        close(s);
        expect(waitpid(reader, &status, 0) == reader && status == 0);
        expect_ok(ovs_stop(n.directory, NULL));
}

TEST_IN(datagram_arrives, CLONE_NEWNET) {
        autonetwork n = start("OpenFlow13");
        Endpoint e = { SOCK_DGRAM, "10.0.0.2" };
        char text[16] = "";
        int receiver, s;
        bool arrived = false;

        expect(ping(n.hosts[0], "10.0.0.2", TRIES));
        receiver = netns_run(n.hosts[1], open_bound, &e);
        s = netns_run(n.hosts[0], open_connected, &e);
        for (int i = 0; i < TRIES && !arrived; i++) {
                struct pollfd p = { .fd = receiver, .events = POLLIN };

                expect(send(s, "hello", 5, 0) == 5);
                arrived = poll(&p, 1, 500) > 0;
        }
        expect(arrived && recv(receiver, text, sizeof text - 1, 0) == 5);
        expect_str(text, "hello");
        expect_ok(ovs_stop(n.directory, NULL));
}

/* --- loops --- */

/* All have the same controller, which listens once; RSTP leaves a tree of the ring. */
TEST_IN(ring_with_rstp_is_learned, CLONE_NEWNET) {
        static const char *const names[] = { "s1", "s2", "s3" };
        autonetwork n = {};
        autofree char *one = NULL;
        autoptr(OvsChange) change = ovs_change_new();
        autoerr err = {};

        n.db = host_start(n.directory);
        one = ovs_controller(n.directory, "s1");
        add_host(&n.hosts[0], "p1", "10.0.0.1/24");
        add_host(&n.hosts[1], "p2", "10.0.0.2/24");
        start_controller(&n, one);
        for (int i = 0; i < 3; i++) {
                autofree char *target = ovs_controller(n.directory, names[i]);
                const char *path = str_after(target, "unix:");

                expect(i == 0 || symlink(str_after(one, "unix:"), path) == 0);
                ovs_change_add_bridge(change,
                                      &(OvsBridge){ .name = names[i],
                                                    .fail_mode = "secure",
                                                    .rstp = true,
                                                    .controllers = (char *[]){ target, NULL } });
        }
        add_link(change, "s1", "s2");
        add_link(change, "s2", "s3");
        add_link(change, "s3", "s1");
        ovs_change_add_port(change, &(OvsPort){ .bridge = "s1", .name = "p1", .edge = true });
        ovs_change_add_port(change, &(OvsPort){ .bridge = "s2", .name = "p2", .edge = true });
        expect_well(ovs_change_commit(change, n.db, &err), err);
        expect(ping(n.hosts[0], "10.0.0.2", TRIES));
        for (int i = 0; i < 10; i++)
                expect(ping(n.hosts[i % 2], i % 2 ? "10.0.0.1" : "10.0.0.2", TRIES));
        stop_controller(&n);
        expect_ok(ovs_stop(n.directory, NULL));
}

/* --- through a relay --- */

/* Between the switch and the controller, which listens at TCP then; it records. */
static pid_t start_relay(const char *directory, int *ret_stop) {
        autofree char *target = ovs_controller(directory, "s1"),
                      *file = str_format("%s/relayed", directory);
        int listener = expect_ok(target_listen(target, NULL)), ends[2];
        pid_t pid;

        expect(pipe(ends) == 0);
        pid = fork();
        if (pid == 0) {
                autoptr(Recorder) recorder = NULL;
                autoptr(OfRelay) relay = NULL;
                int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

                close(ends[1]);
                expect_ok(recorder_open(fd, 0, &recorder, NULL));
                expect_ok(of_relay_new("tcp:127.0.0.1:6653", recorder, &relay, NULL));
                expect_ok(of_relay_listen(relay, listener, "s1", NULL));
                expect_ok(of_relay_run(relay, ends[0], NULL));
                relay = of_relay_free(relay);
                recorder = recorder_free(recorder);
                _exit(0);
        }
        close(ends[0]);
        close(listener);
        *ret_stop = ends[1];
        return pid;
}

TEST_IN(relay_passes_on_and_records, CLONE_NEWNET) {
        autonetwork n = {};
        autofree char *target = NULL, *file = NULL, *bytes = NULL;
        static const char hello[] = { 4, 0, 0, 16 }, packet_in[] = { 4, 10 };
        int stop, status;
        size_t size;
        pid_t relay;

        n.db = host_start(n.directory);
        set_up_loopback();
        target = ovs_controller(n.directory, "s1");
        add_host(&n.hosts[0], "p1", "10.0.0.1/24");
        add_host(&n.hosts[1], "p2", "10.0.0.2/24");
        start_controller(&n, "tcp:127.0.0.1:6653");
        relay = start_relay(n.directory, &stop);
        add_bridge(&n, target, "OpenFlow13");
        expect(ping(n.hosts[0], "10.0.0.2", TRIES));
        expect_learned(&n, OF_13);
        close(stop);
        expect(waitpid(relay, &status, 0) == relay && status == 0);
        file = str_format("%s/relayed", n.directory);
        expect_ok(file_read(AT_FDCWD, file, 16 << 20, &bytes, &size));
        expect(memmem(bytes, size, hello, sizeof hello) && memmem(bytes, size, packet_in, 2));
        stop_controller(&n);
        expect_ok(ovs_stop(n.directory, NULL));
}

/* --- what goes --- */

TEST_IN(controller_that_comes_back_takes_over, CLONE_NEWNET) {
        autonetwork n = start("OpenFlow13");
        autofree char *file = str_format("%s/recorded", n.directory),
                      *target = ovs_controller(n.directory, "s1");
        autoflows before = {};

        expect(ping(n.hosts[0], "10.0.0.2", TRIES));
        stop_controller(&n);
        before = flows_of(&n, OF_13);
        expect(before.n >= 3);
        expect(unlink(file) == 0);
        start_controller(&n, target);
        expect(ping(n.hosts[1], "10.0.0.1", TRIES));
        stop_controller(&n);
        expect_ok(ovs_stop(n.directory, NULL));
}

/* The same cable in another port: the controller hears of the port that went. */
TEST_IN(host_that_moves_is_reached_again, CLONE_NEWNET) {
        autonetwork n = start("OpenFlow13");
        autoptr(OvsChange) away = ovs_change_new(), *back = ovs_change_new();
        autoerr err = {};

        expect(ping(n.hosts[0], "10.0.0.2", TRIES));
        ovs_change_remove_port(away, "s1", "p2");
        expect_well(ovs_change_commit(away, n.db, &err), err);
        expect(!ping(n.hosts[0], "10.0.0.2", 1));
        ovs_change_add_port(back, &(OvsPort){ .bridge = "s1", .name = "p2", .number = 9 });
        expect_well(ovs_change_commit(back, n.db, &err), err);
        expect(ping(n.hosts[0], "10.0.0.2", TRIES));
        stop_controller(&n);
        expect_ok(ovs_stop(n.directory, NULL));
}

/* The file is for Wireshark; here it is enough that both have said hello in it. */
TEST_IN(control_channel_is_recorded, CLONE_NEWNET) {
        autonetwork n = start("OpenFlow13");
        autofree char *file = str_format("%s/recorded", n.directory), *bytes = NULL;
        static const char hello[] = { 4, 0, 0, 16 }, packet_in[] = { 4, 10 };
        size_t size;

        expect(ping(n.hosts[0], "10.0.0.2", TRIES));
        stop_controller(&n);
        expect_ok(ovs_stop(n.directory, NULL));
        expect_ok(file_read(AT_FDCWD, file, 16 << 20, &bytes, &size));
        expect(memmem(bytes, size, hello, sizeof hello) && memmem(bytes, size, packet_in, 2));
}
