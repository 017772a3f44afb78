/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "netlink/link.h"
#include "test.h"
#include "wire/wire.h"
#include "wire_ends.h"

#define MS 1000000LL

static int64_t now_ns(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* A wire between two hosts, carried by its thread. */
static Wire *connect_hosts(WireSet *set, WireEnd *a, WireEnd *b, const char *key,
                           const char *value) {
        Quality quality[2] = {};
        Wire *wire = NULL;
        autoerr err = {};
        int r;

        for (int i = 0; i < 2; i++)
                expect(quality_set(&quality[i], key, value, NULL) == 0);
        r = end_make(a, "10.9.0.1");
        if (r == -ENOENT || r == -EPERM || r == -EACCES)
                skip("there is no /dev/net/tun for us");
        expect(r == 0 && end_make(b, "10.9.0.2") == 0);
        expect(wire_add(set, "line", a->tap, b->tap, quality, 1, &wire, &err) == 0);
        expect(wire_set_start(set, &err) == 0);
        return wire;
}

static int udp_at(const WireEnd *end, const char *address) {
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(7) };
        int s;

        expect(end_enter(end) == 0);
        s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        inet_pton(AF_INET, address, &to.sin_addr);
        expect(s >= 0 && bind(s, (struct sockaddr *) &to, sizeof to) == 0);
        return s;
}

TEST_IN(two_hosts_reach_each_other_and_no_sooner_than_the_delay, CLONE_NEWNET) {
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(7) };
        WireSet *set = wire_set_new(NULL, NULL, NULL);
        socklen_t size = sizeof to;
        char text[10] = "";
        WireSetStats all;
        WireStats stats;
        WireEnd a, b;
        int64_t began;
        int s, t;
        Wire *wire = connect_hosts(set, &a, &b, "delay", "5ms");

        s = udp_at(&a, "10.9.0.1");
        t = udp_at(&b, "10.9.0.2");
        inet_pton(AF_INET, "10.9.0.2", &to.sin_addr);
        /* ARP's question and answer, then the packet: both take their time. */
        began = now_ns();
        expect(sendto(s, "hello", 6, 0, (struct sockaddr *) &to, size) == 6);
        expect(recvfrom(t, text, sizeof text, 0, (struct sockaddr *) &to, &size) == 6);
        expect(now_ns() - began >= 15 * MS && strcmp(text, "hello") == 0);
        began = now_ns();
        expect(sendto(t, "back", 5, 0, (struct sockaddr *) &to, size) == 5);
        expect(recv(s, text, sizeof text, 0) == 5 && now_ns() - began >= 5 * MS);
        wire_stats(wire, 0, &stats);
        expect(stats.packets >= 2 && stats.lateness.n >= 2);
        wire_set_stats(set, &all);
        expect(all.turns > 0 && all.wakeups > 0 && all.memory > 0 && all.processor_ns > 0);
        wire_set_free(set);
}

typedef struct Sink {
        int listener;
        size_t got, wrong;
} Sink;

static void *sink_main(void *context) {
        Sink *sink = context;
        static unsigned char bytes[65536];
        int s = accept(sink->listener, NULL, NULL);
        ssize_t n;

        while ((n = recv(s, bytes, sizeof bytes, 0)) > 0) {
                for (ssize_t i = 0; i < n; i++)
                        sink->wrong += bytes[i] != (unsigned char) ((sink->got + (size_t) i) % 251);
                sink->got += (size_t) n;
        }
        close(s);
        return NULL;
}

/* Sends numbered bytes by TCP from a to b, through whatever the wire does. */
static void transfer(const WireEnd *a, const WireEnd *b, size_t size) {
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(7) };
        unsigned char *bytes = malloc(size);
        Sink sink = {};
        pthread_t thread;
        int s, one = 1;

        for (size_t i = 0; i < size; i++)
                bytes[i] = (unsigned char) (i % 251);
        expect(end_enter(b) == 0);
        sink.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        inet_pton(AF_INET, "10.9.0.2", &to.sin_addr);
        expect(setsockopt(sink.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
        expect(bind(sink.listener, (struct sockaddr *) &to, sizeof to) == 0);
        expect(listen(sink.listener, 1) == 0);
        expect(pthread_create(&thread, NULL, sink_main, &sink) == 0);
        expect(end_enter(a) == 0);
        s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        expect(connect(s, (struct sockaddr *) &to, sizeof to) == 0);
        expect(send(s, bytes, size, 0) == (ssize_t) size);
        close(s);
        expect(pthread_join(thread, NULL) == 0);
        expect(sink.got == size && sink.wrong == 0);
        close(sink.listener);
        free(bytes);
}

TEST_IN(tcp_arrives_whole_in_frames_of_many_packets, CLONE_NEWNET) {
        WireSet *set = wire_set_new(NULL, NULL, NULL);
        WireStats stats;
        WireEnd a, b;
        Wire *wire = connect_hosts(set, &a, &b, "delay", "1ms");

        transfer(&a, &b, 4000000);
        wire_stats(wire, 0, &stats);
        expect(stats.packets > 2700 && stats.frames < stats.packets / 2);
        wire_set_free(set);
}

/* The kernel's own checksums say whether what was cut out of a GSO frame is right. */
TEST_IN(tcp_arrives_whole_through_losses_damage_and_duplicates, CLONE_NEWNET) {
        WireSet *set = wire_set_new(NULL, NULL, NULL);
        autoquality q = {};
        WireStats stats;
        WireEnd a, b;
        Wire *wire = connect_hosts(set, &a, &b, "delay", "100us");

        expect(quality_set(&q, "loss", "1%", NULL) == 0 &&
               quality_set(&q, "corrupt", "1%", NULL) == 0);
        expect(quality_set(&q, "duplicate", "1%", NULL) == 0);
        expect(wire_set_quality(wire, 0, &q, NULL) == 0);
        transfer(&a, &b, 2000000);
        wire_stats(wire, 0, &stats);
        expect(stats.dropped[WIRE_DROP_LOSS] > 3 && stats.corrupted > 3 && stats.duplicated > 3);
        wire_set_free(set);
}

TEST_IN(a_cut_wire_takes_the_carrier_away_and_gives_it_back, CLONE_NEWNET) {
        WireSet *set = wire_set_new(NULL, NULL, NULL);
        WireEnd a, b;
        Wire *wire = connect_hosts(set, &a, &b, "delay", "1ms");
        int s = udp_at(&b, "10.9.0.2");

        wire_cut(wire);
        while (end_flags(s, "eth1") & IFF_RUNNING)
                sched_yield();
        wire_restore(wire);
        while (!(end_flags(s, "eth1") & IFF_RUNNING))
                sched_yield();
        transfer(&a, &b, 1000);
        wire_set_free(set);
}

TEST_IN(an_end_that_is_gone_is_no_longer_listened_to, CLONE_NEWNET) {
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(7) };
        WireSet *set = wire_set_new(NULL, NULL, NULL);
        WireSetStats before, after;
        WireStats stats = {};
        WireEnd a, b;
        Wire *wire = connect_hosts(set, &a, &b, "delay", "none");
        int s, nl = nl_open(); /* in the namespace of b */

        expect(nl >= 0 && link_remove(nl, "eth1", NULL) == 0);
        s = udp_at(&a, "10.9.0.1");
        inet_pton(AF_INET, "10.9.0.2", &to.sin_addr);
        while (stats.dropped[WIRE_DROP_DOWN] == 0) {
                (void) sendto(s, "x", 1, 0, (struct sockaddr *) &to, sizeof to);
                wire_stats(wire, 0, &stats);
        }
        /* Each question is a round, and little else happens. */
        wire_set_stats(set, &before);
        for (int i = 0; i < 100; i++)
                wire_set_stats(set, &after);
        expect(after.turns - before.turns < 1000);
        wire_remove(wire);
        wire_set_free(set);
}

TEST_IN(wires_come_and_go_while_others_carry, CLONE_NEWNET) {
        WireSet *set = wire_set_new(NULL, NULL, NULL);
        Quality plain[2] = {};
        WireEnd a, b;

        (void) connect_hosts(set, &a, &b, "delay", "50us");
        for (int i = 0; i < 20; i++) {
                int c = tap_open("c", NULL), d = tap_open("d", NULL);
                Wire *wire = NULL;

                expect(c >= 0 && d >= 0);
                expect(wire_add(set, "other", c, d, plain, 1, &wire, NULL) == 0);
                transfer(&a, &b, 100000);
                wire_remove(wire);
                expect(end_enter(&b) == 0);
        }
        wire_set_free(set);
}

static void *ask_main(void *context) {
        Wire *wire = context;
        autoquality q = {};
        WireStats stats;

        for (int i = 0; i < 300; i++) {
                autoquality now = {};

                wire_stats(wire, i % 2, &stats);
                expect(stats.arrived + stats.duplicated >= stats.packets);
                expect(quality_set(&q, "delay", i % 3 ? "20us" : "50us", NULL) == 0);
                expect(wire_set_quality(wire, 1, &q, NULL) == 0);
                expect(wire_get_quality(wire, 1, &now) == 0 && now.delay_ns > 0);
                expect(!wire_is_cut(wire));
        }
        return NULL;
}

TEST_IN(many_threads_may_ask_and_change_while_it_carries, CLONE_NEWNET) {
        WireSet *set = wire_set_new(NULL, NULL, NULL);
        pthread_t threads[4];
        WireEnd a, b;
        Wire *wire = connect_hosts(set, &a, &b, "delay", "50us");

        for (int i = 0; i < 4; i++)
                expect(pthread_create(&threads[i], NULL, ask_main, wire) == 0);
        transfer(&a, &b, 1000000);
        for (int i = 0; i < 4; i++)
                expect(pthread_join(threads[i], NULL) == 0);
        expect(wire_set_turn(set, NULL) == -EBUSY);
        wire_set_free(set);
}

TEST(a_priority_that_is_refused_is_said) {
        WireOptions options = WIRE_OPTIONS_DEFAULT;
        WireSet *set;
        autoerr err = {};

        options.priority = 100; /* there is none beyond 99 */
        set = wire_set_new(&options, NULL, NULL);
        expect(wire_set_start(set, &err) == -EINVAL && err.message && err.hint);
        wire_set_stop(set);
        wire_set_free(set);
}

TEST(a_thread_starts_and_stops_as_often_as_it_is_told) {
        WireSet *set = wire_set_new(NULL, NULL, NULL);

        for (int i = 0; i < 10; i++) {
                expect(wire_set_start(set, NULL) == 0 && wire_set_start(set, NULL) == 0);
                wire_set_stop(set);
                wire_set_stop(set);
        }
        expect(wire_set_start(set, NULL) == 0);
        wire_set_free(set);
}
