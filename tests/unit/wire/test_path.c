/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "test.h"
#include "wire/path.h"
#include "wire/random.h"

#define MS 1000000LL
#define N  20000

static Packet packets[N];
static int entered;

static Path path_of(const char *settings) {
        autoquality q = {};
        char copy[200], *rest = copy;
        PathRules rules;
        Path p = {};

        strcpy(copy, settings);
        for (char *word; (word = strsep(&rest, " "));) {
                char *value = strchr(word, '=');

                *value++ = '\0';
                expect(quality_set(&q, word, value, NULL) == 0);
        }
        rules = path_rules(&q, NULL);
        path_set_rules(&p, &rules, 0, 0);
        return p;
}

/* A packet arrives; false: there is no room. */
static bool enter(Path *p, int64_t now, uint32_t bytes, int64_t delay) {
        Packet *packet = &packets[entered];

        if (!path_room(p, now, bytes, 1))
                return false;
        *packet = (Packet){ .n = 1, .bytes = bytes, .size = bytes, .delay_ns = delay };
        path_enter(p, packet, now);
        entered++;
        return true;
}

/* The next one's index, at the time when it is due; -1: none. */
static int leave(Path *p, int64_t *ret_at) {
        bool reordered;

        for (;;) {
                int64_t next = path_next(p);
                Packet *packet;

                if (next == INT64_MAX)
                        return -1;
                if (next != INT64_MIN)
                        *ret_at = next;
                packet = path_leave(p, *ret_at, &reordered);
                if (packet) {
                        expect(packet->verdict != PACKET_ARRIVES || packet->due_ns == *ret_at);
                        return (int) (packet - packets);
                }
        }
}

TEST(a_cable_delivers_at_once_and_a_delay_later) {
        Path p = path_of("seed=1");
        int64_t at = 0;

        enter(&p, 5, 1500, 0);
        expect(leave(&p, &at) == 0 && at == 5);
        enter(&p, 7, 1500, 3 * MS);
        expect(path_next(&p) == 7 + 3 * MS && p.in_flight == 1);
        expect(leave(&p, &at) == 1 && at == 7 + 3 * MS && p.in_flight == 0);
        expect(leave(&p, &at) == -1);
}

TEST(departures_follow_each_other_at_the_rate_however_late_anybody_looks) {
        Path p = path_of("rate=12mbit queue=10000p");
        bool reordered;

        for (int i = 0; i < 1000; i++)
                enter(&p, i * 100, 1500, 0);
        /* 1 ms each; nobody looks for two seconds. */
        for (int i = 0; i < 1000; i++) {
                Packet *packet = path_leave(&p, 2000 * MS, &reordered);

                expect(packet == &packets[i] && packet->due_ns == (i + 1) * MS && !reordered);
        }
}

TEST(the_mean_rate_is_exact_where_single_times_are_not_whole) {
        Path p = path_of("rate=7mbit queue=100000p");
        int64_t at = 0;

        for (int i = 0; i < 7000; i++)
                enter(&p, 0, 1001, 0);
        for (int i = 0; i < 7000; i++)
                expect(leave(&p, &at) == i);
        expect(at == 8008 * MS); /* 7000 times 8008 bits */
}

TEST(a_queue_that_would_take_for_ever_ends_at_a_time_that_never_comes) {
        Path p = path_of("rate=1bit queue=20000p");
        int n = 0;
        bool reordered;

        for (int i = 0; i < N; i++)
                expect(enter(&p, 0, 65535, MS));
        for (Packet *packet; (packet = path_leave(&p, TIME_FAR, &reordered)); n++)
                expect(packet == &packets[n] && packet->due_ns > 0 && packet->due_ns <= TIME_FAR);
        expect(n == N && packets[N - 1].due_ns == TIME_FAR);
}

TEST(an_idle_transmitter_saves_nothing_up) {
        Path p = path_of("rate=12mbit");
        int64_t at = 0;

        enter(&p, 0, 1500, 0);
        expect(leave(&p, &at) == 0 && at == MS);
        enter(&p, 10 * MS, 1500, 0);
        enter(&p, 10 * MS, 1500, 0);
        expect(leave(&p, &at) == 1 && at == 11 * MS);
        expect(leave(&p, &at) == 2 && at == 12 * MS);
}

TEST(a_queue_in_packets_takes_as_many_the_one_in_transmission_included) {
        Path p = path_of("rate=12mbit queue=10p");
        uint64_t bytes;

        for (int i = 0; i < 10; i++)
                expect(enter(&p, 0, 1500, 0));
        expect(!enter(&p, 0, 1500, 0));
        expect(path_queued(&p, 0, &bytes) == 10 && bytes == 15000);
        expect(!enter(&p, MS - 1, 1500, 0));
        expect(enter(&p, MS, 1500, 0));
        expect(!enter(&p, MS, 1500, 0));
        expect(path_queued(&p, 3 * MS + MS / 2, &bytes) == 8 && bytes == 12000);
}

TEST(a_queue_in_bytes_or_time_takes_as_many_and_one_of_any_size_if_empty) {
        Path p = path_of("rate=12mbit queue=6000b"), time = path_of("rate=12mbit queue=4ms");

        for (int i = 0; i < 4; i++)
                expect(enter(&p, 0, 1500, 0) && enter(&time, 0, 1500, 0));
        expect(!enter(&p, 0, 1, 0) && !enter(&time, 0, 1, 0));
        expect(enter(&p, MS, 1500, 0) && enter(&time, MS, 1500, 0));
        expect(enter(&p, 100 * MS, 9000, 0) && !enter(&p, 100 * MS, 60, 0));
}

TEST(without_a_rate_there_is_no_queue) {
        Path p = path_of("queue=2p");

        for (int i = 0; i < 100; i++)
                expect(enter(&p, 0, 1500, MS));
        expect(path_room(&p, 0, 1500, 5000) == 5000);
}

TEST(the_usual_queue_is_a_thousand_packets) {
        Path p = path_of("rate=12mbit");

        expect(path_room(&p, 0, 1500, 5000) == 1000);
}

TEST(a_frame_of_many_packets_frees_the_queue_packet_by_packet) {
        Path p = path_of("rate=12gbit queue=50p");
        Packet frame = { .n = 40, .bytes = 39 * 1500 + 500, .size = 1500 };
        uint64_t bytes;
        bool reordered;

        expect(path_room(&p, 0, 1500, 60) == 50);
        path_enter(&p, &frame, 0);
        expect(path_room(&p, 0, 1500, 60) == 10);
        expect(path_queued(&p, 1000 * 10 + 500, &bytes) == 30 && bytes == 29 * 1500 + 500);
        expect(path_queued(&p, 1000 * 39 + 100, &bytes) == 1 && bytes == 500);
        expect(!path_leave(&p, 39332, &reordered));
        expect(path_leave(&p, 39334, &reordered) == &frame);
}

TEST(what_is_sent_together_takes_50_microseconds_at_most) {
        Path slow = path_of("rate=10mbit"), fast = path_of("rate=12gbit"),
             codel = path_of("rate=12gbit discipline=codel"), cable = path_of("seed=1");

        expect(path_batch(&slow, 1500) == 1 && path_batch(&fast, 1500) == 50);
        expect(path_batch(&codel, 1500) == 1 && path_batch(&cable, 1500) >= 45);
}

TEST(order_is_kept_where_jitter_would_change_it) {
        Path p = path_of("delay=10ms jitter=5ms");
        int64_t at = 0, before = 0;
        uint64_t reordered = 0;

        for (int i = 0; i < N; i++) {
                enter(&p, i * MS / 10, 1500,
                      5 * MS + (int64_t) (draw(1, DRAW_JITTER, (uint64_t) i) % (10 * MS)));
                expect(i % 3 || leave(&p, &at) == i / 3);
        }
        for (int i = (N + 2) / 3; i < N; i++) {
                expect(leave(&p, &at) == i && at >= before);
                before = at;
        }
        expect(reordered == 0);
}

TEST(where_order_is_free_each_has_its_own_delay) {
        Path p = path_of("delay=10ms jitter=5ms order=free");
        int overtaken = 0, last = -1;
        int64_t at = 0;

        for (int i = 0; i < 1000; i++)
                enter(&p, i * MS, 1500,
                      5 * MS + (int64_t) (draw(1, DRAW_JITTER, (uint64_t) i) % (10 * MS)));
        for (int i = 0; i < 1000; i++) {
                int k = leave(&p, &at);

                expect(at == k * MS + packets[k].delay_ns);
                overtaken += k < last;
                last = k;
        }
        expect(overtaken > 300);
}

TEST(one_that_overtakes_does_so_also_where_order_is_kept) {
        Path p = path_of("delay=10ms reorder=50%");
        bool reordered;

        enter(&p, 0, 1500, 10 * MS);
        packets[1] = (Packet){ .n = 1, .bytes = 1500, .size = 1500, .overtakes = true };
        path_enter(&p, &packets[1], MS);
        expect(path_next(&p) == MS);
        expect(path_leave(&p, MS, &reordered) == &packets[1] && reordered);
        expect(!path_leave(&p, 10 * MS - 1, &reordered));
        expect(path_leave(&p, 10 * MS, &reordered) == &packets[0] && !reordered);
}

TEST(lost_packets_take_the_transmitters_time_and_then_come_out_as_lost) {
        Path p = path_of("rate=12mbit");
        Packet lost = { .n = 1, .bytes = 1500, .size = 1500, .verdict = PACKET_LOST };
        int64_t at = 0;
        bool reordered;

        path_enter(&p, &lost, 0);
        enter(&p, 0, 1500, 0);
        expect(path_leave(&p, 0, &reordered) == &lost);
        expect(leave(&p, &at) == 0 && at == 2 * MS);
}

TEST(a_changed_rate_is_that_of_all_that_was_not_yet_begun) {
        Path p = path_of("rate=12mbit"), fast = path_of("rate=120mbit"), none = path_of("seed=1");
        int64_t at = 0;

        for (int i = 0; i < 10; i++)
                enter(&p, 0, 1500, 0);
        path_set_rules(&p, &fast.rules, MS + MS / 2, 0);
        expect(leave(&p, &at) == 0 && at == MS);
        expect(leave(&p, &at) == 1 && at == 2 * MS);
        expect(leave(&p, &at) == 2 && at == 2 * MS + MS / 10);
        path_set_rules(&p, &none.rules, at, 0);
        expect(leave(&p, &at) == 3 && at == 2 * MS + 2 * MS / 10);
        expect(leave(&p, &at) == 4 && at == 2 * MS + 2 * MS / 10);
}

TEST(a_shorter_delay_does_not_change_the_order) {
        Path p = path_of("delay=50ms");
        int64_t at = 0;

        enter(&p, 0, 1500, 50 * MS);
        enter(&p, MS, 1500, MS);
        expect(leave(&p, &at) == 0 && at == 50 * MS);
        expect(leave(&p, &at) == 1 && at == 50 * MS);
}

/* Twice what it can take for a second, then a little more than it can take. */
static int64_t delay_at_the_end(const char *settings, int *ret_dropped) {
        Path p = path_of(settings);
        int64_t now = 0, delay = 0;

        entered = *ret_dropped = 0;
        for (; entered < N; now += now < 1000 * MS ? MS / 2 : MS * 99 / 100) {
                bool reordered;

                enter(&p, now, 1500, 0);
                for (Packet *packet; (packet = path_leave(&p, now, &reordered));) {
                        if (packet->verdict == PACKET_CODEL)
                                ++*ret_dropped;
                        else
                                delay = packet->due_ns - packet->arrival_ns;
                }
        }
        return delay;
}

TEST(codel_brings_down_the_delay_of_a_standing_queue) {
        int dropped;

        expect(delay_at_the_end("rate=12mbit queue=100000p", &dropped) > 1000 * MS);
        expect(dropped == 0);
        expect(delay_at_the_end("rate=12mbit discipline=codel queue=100000p", &dropped) < 50 * MS);
        expect(dropped > 1000 && dropped < 1500);
}

TEST(what_is_taken_out_by_force_is_all_there_is_and_leaves_it_as_new) {
        Path p = path_of("rate=12mbit order=free");
        int64_t at = 100 * MS;
        int n = 0;

        for (int i = 0; i < 50; i++)
                enter(&p, i * MS, 1500, 50 * MS - i * MS);
        while (path_empty(&p))
                n++;
        expect(n == 50 && p.in_flight == 0 && path_next(&p) == INT64_MAX);
        enter(&p, at, 1500, 0);
        expect(leave(&p, &at) == 50 && at == 101 * MS);
}

TEST(a_trace_is_the_transmitters_clock) {
        autoptr(Trace) trace = NULL;
        Quality q = { .queue_unit = QUEUE_TIME, .queue = 10 * MS };
        PathRules rules;
        int64_t at = 0;
        Path p = {};

        expect(trace_parse("2\n4\n", 4, "t", &trace, NULL) == 0);
        rules = path_rules(&q, trace);
        path_set_rules(&p, &rules, 100 * MS, 100 * MS);
        for (int i = 0; i < 5; i++)
                expect(enter(&p, 100 * MS, 1500, 0)); /* 10 ms at 6 Mbit/s on average */
        expect(!enter(&p, 100 * MS, 1500, 0));
        for (int i = 0; i < 5; i++)
                expect(leave(&p, &at) == i && at == (102 + 2 * i) * MS);
        expect(path_batch(&p, 1500) == 1);
}
