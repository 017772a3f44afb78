/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/str.h"
#include "wire_sockets.h"

TEST(a_cable_carries_frames_both_ways_at_once) {
        Line line = lay("seed=1");
        uint8_t frame[FRAME_HEADER + 60] = { [FRAME_HEADER] = 7 };
        WireStats stats;

        send_one(&line, 1, 60);
        send_one(&line, 2, 1514);
        expect(receive_one(line.far) == 1 && receive_one(line.far) == 2);
        expect(send(line.far, frame, sizeof frame, 0) > 0 && wire_set_turn(line.set, NULL) == 2);
        expect(receive_one(line.near) == 7);
        stats = stats_of(&line);
        expect(stats.arrived == 2 && stats.packets == 2 && stats.frames == 2 &&
               stats.bytes == 1574);
        expect(stats.arrived_bytes == 1574 && stats.lateness.n == 2 && stats.overruns == 0);
        wire_set_free(line.set);
}

TEST(a_frame_comes_out_as_it_went_in_whatever_its_size) {
        Line line = lay("delay=1ms");
        static uint8_t in[70000], out[70000];

        for (size_t size = 1; size < 65600; size = size * 5 / 4 + 1) {
                for (size_t i = 0; i < FRAME_HEADER + size; i++)
                        in[i] = i < FRAME_HEADER ? 0 : (uint8_t) (i * size);
                expect(send(line.near, in, FRAME_HEADER + size, 0) > 0);
                expect(wire_set_turn(line.set, NULL) >= 0);
                run_until(&line, line_time + MS);
                expect(recv(line.far, out, sizeof out, 0) == (ssize_t) (FRAME_HEADER + size));
                expect(memcmp(in, out, FRAME_HEADER + size) == 0);
        }
        wire_set_free(line.set);
}

TEST(a_frame_is_there_when_its_delay_is_over_and_lateness_is_counted) {
        Line line = lay("delay=10ms");
        WireStats stats;
        int64_t next;

        send_one(&line, 1, 60);
        expect(wire_set_turn(line.set, &next) == 0 && next == SECOND + 10 * MS);
        expect(stats_of(&line).in_flight == 1);
        line_time = next - 1;
        expect(wire_set_turn(line.set, NULL) == 0 && receive_one(line.far) == -1);
        line_time = next + 3000;
        expect(wire_set_turn(line.set, &next) == 1 && receive_one(line.far) == 1);
        expect(next == INT64_MAX);
        stats = stats_of(&line);
        expect(stats.in_flight == 0 && stats.lateness.max_ns == 3000 && stats.overruns == 0);
        send_one(&line, 2, 60);
        line_time += 12 * MS;
        expect(wire_set_turn(line.set, NULL) == 1 && stats_of(&line).overruns == 1);
        wire_set_free(line.set);
}

TEST(a_full_queue_drops_what_comes_last) {
        Line line = lay("rate=12mbit|queue=4p");
        WireStats stats;

        for (uint32_t i = 0; i < 6; i++)
                send_one(&line, i, 1500);
        stats = stats_of(&line);
        expect(stats.queued == 4 && stats.queued_bytes == 6000);
        expect(stats.dropped[WIRE_DROP_QUEUE] == 2 && stats.dropped_bytes == 3000);
        run_until(&line, SECOND + 4 * MS);
        for (int i = 0; i < 4; i++)
                expect(receive_one(line.far) == i);
        expect(receive_one(line.far) == -1 && stats_of(&line).queued == 0);
        wire_set_free(line.set);
}

TEST(losses_are_the_same_whenever_packets_come_and_however_they_are_queued) {
        Line line = lay("loss=30%|seed=9"), slow = lay("loss=30%|seed=9|rate=12mbit|queue=50p");
        bool is_lost[200];

        for (uint32_t i = 0; i < 200; i++) {
                send_one(&line, i, 1500);
                is_lost[i] = receive_one(line.far) < 0;
        }
        expect(stats_of(&line).dropped[WIRE_DROP_LOSS] > 40);
        for (uint32_t i = 0; i < 200; i++) {
                int got;

                send_one(&slow, i, 1500);
                if (i % 50 == 49)
                        run_until(&slow, line_time + 50 * MS);
                while ((got = receive_one(slow.far)) >= 0)
                        expect(!is_lost[got]);
        }
        expect(stats_of(&slow).packets == stats_of(&line).packets);
        wire_set_free(line.set);
        wire_set_free(slow.set);
}

TEST(a_pattern_file_says_which_packets_are_lost) {
        char path[] = "/tmp/isola-wire-XXXXXX";
        autofree char *settings = NULL;
        int fd = mkostemp(path, O_CLOEXEC);
        Line line;

        expect(fd >= 0 && write(fd, "0110\n1", 6) == 6);
        settings = str_format("loss=pattern %s", path);
        line = lay(settings);
        unlink(path);
        for (uint32_t i = 0; i < 20; i++) {
                send_one(&line, i, 60);
                expect(receive_one(line.far) == ("01101"[i % 5] == '1' ? -1 : (int) i));
        }
        wire_set_free(line.set);
}

TEST(duplicates_come_twice_and_damage_is_one_bit) {
        Line line = lay("duplicate=100%"), damaged = lay("corrupt=100%");
        uint8_t frame[FRAME_HEADER + 100];
        int differ = 0;

        send_one(&line, 5, 100);
        expect(receive_one(line.far) == 5 && receive_one(line.far) == 5);
        expect(receive_one(line.far) == -1 && stats_of(&line).duplicated == 1);
        send_one(&damaged, 0, 100);
        expect(recv(damaged.far, frame, sizeof frame, 0) == sizeof frame);
        for (size_t i = FRAME_HEADER; i < sizeof frame; i++)
                differ += __builtin_popcount(frame[i]);
        expect(differ == 1 && stats_of(&damaged).corrupted == 1);
        wire_set_free(line.set);
        wire_set_free(damaged.set);
}

TEST(reordered_packets_overtake_and_are_counted) {
        Line line = lay("delay=10ms|reorder=100%");
        autoquality plain = {};

        expect(quality_set(&plain, "delay", "10ms", NULL) == 0);
        expect(wire_set_quality(line.wire, 0, &plain, NULL) == 0);
        send_one(&line, 1, 60);
        expect(quality_set(&plain, "reorder", "100%", NULL) == 0);
        expect(wire_set_quality(line.wire, 0, &plain, NULL) == 0);
        send_one(&line, 2, 60);
        expect(receive_one(line.far) == 2 && stats_of(&line).reordered == 1);
        run_until(&line, SECOND + 10 * MS);
        expect(receive_one(line.far) == 1 && stats_of(&line).reordered == 1);
        wire_set_free(line.set);
}

TEST(a_gso_frame_stays_whole_where_its_packets_fare_alike) {
        Line line = lay("delay=1ms");
        static uint8_t in[70000], out[70000];
        size_t length = make_gso(in, false, false, 45500);
        WireStats stats;

        expect(send(line.near, in, length, 0) > 0 && wire_set_turn(line.set, NULL) >= 0);
        expect(stats_of(&line).in_flight == 46);
        run_until(&line, SECOND + MS);
        expect(recv(line.far, out, sizeof out, 0) == (ssize_t) length);
        expect(memcmp(in, out, length) == 0);
        stats = stats_of(&line);
        expect(stats.packets == 46 && stats.frames == 1 && stats.bytes == 45500 + 46 * 66);
        wire_set_free(line.set);
}

/* Adds up what comes out, and which of the frame's packets it was. */
static size_t collect(const Line *line, bool got[100]) {
        static uint8_t out[70000];
        size_t frames = 0;
        ssize_t n;

        while ((n = recv(line->far, out, sizeof out, 0)) > 0) {
                uint32_t sequence =
                        get16(out + FRAME_HEADER + 38) << 16 | get16(out + FRAME_HEADER + 40);
                size_t first = (sequence - SEQUENCE) / SEGMENT,
                       payload = (size_t) n - FRAME_HEADER - 66;

                for (size_t i = 0; i < payload; i++)
                        expect(out[FRAME_HEADER + 66 + i] == payload_byte(first * SEGMENT + i));
                for (size_t i = 0; i < (payload + SEGMENT - 1) / SEGMENT; i++) {
                        expect(!got[first + i]);
                        got[first + i] = true;
                }
                frames++;
        }
        return frames;
}

TEST(a_gso_frame_loses_the_packets_that_single_ones_would) {
        Line line = lay("loss=20%|seed=4"), single = lay("loss=20%|seed=4");
        static uint8_t in[70000];
        bool got[100] = {};
        size_t frames, runs = 0;

        expect(send(line.near, in, make_gso(in, false, false, 49500), 0) > 0);
        expect(wire_set_turn(line.set, NULL) >= 0);
        frames = collect(&line, got);
        for (uint32_t i = 0; i < 50; i++) {
                send_one(&single, i, 1066);
                expect((receive_one(single.far) >= 0) == got[i]);
                runs += got[i] && (i == 0 || !got[i - 1]);
        }
        /* What was not lost stayed together. */
        expect(frames == runs && runs > 3);
        expect(stats_of(&line).dropped[WIRE_DROP_LOSS] ==
               stats_of(&single).dropped[WIRE_DROP_LOSS]);
        wire_set_free(line.set);
        wire_set_free(single.set);
}

TEST(a_gso_frame_takes_the_time_of_its_packets_and_arrives_one_by_one_at_a_low_rate) {
        Line line = lay("rate=8528kbit"); /* 1066 bytes in a millisecond */
        static uint8_t in[70000], out[70000];

        expect(send(line.near, in, make_gso(in, false, false, 20000), 0) > 0);
        expect(wire_set_turn(line.set, NULL) >= 0);
        expect(stats_of(&line).queued == 20);
        for (int i = 1; i <= 20; i++) {
                run_until(&line, SECOND + i * MS - 1);
                expect(recv(line.far, out, sizeof out, 0) < 0);
                run_until(&line, SECOND + i * MS);
                expect(recv(line.far, out, sizeof out, 0) == FRAME_HEADER + 1066);
        }
        wire_set_free(line.set);
}

TEST(a_queue_takes_as_much_of_a_gso_frame_as_there_is_room_for) {
        Line line = lay("rate=8528kbit|queue=7p");
        static uint8_t in[70000];
        bool got[100] = {};

        expect(send(line.near, in, make_gso(in, false, false, 20000), 0) > 0);
        expect(wire_set_turn(line.set, NULL) >= 0);
        expect(stats_of(&line).dropped[WIRE_DROP_QUEUE] == 13);
        run_until(&line, SECOND + 7 * MS);
        expect(collect(&line, got) == 7 && got[0] && got[6] && !got[7]);
        wire_set_free(line.set);
}

TEST(a_damaged_packet_of_a_gso_frame_has_a_whole_checksum_that_no_longer_fits) {
        Line line = lay("corrupt=100%");
        static uint8_t in[70000], out[70000];
        int n = 0, wrong = 0;
        ssize_t length;

        expect(send(line.near, in, make_gso(in, false, false, 20000), 0) > 0);
        expect(wire_set_turn(line.set, NULL) >= 0);
        for (; (length = recv(line.far, out, sizeof out, 0)) > 0; n++) {
                uint32_t tcp = (uint32_t) length - FRAME_HEADER - 34;
                uint32_t sum = sum16(6 + tcp, out + FRAME_HEADER + 26, 8);

                expect(out[0] == 0 && out[1] == 0);
                wrong += sum16(sum, out + FRAME_HEADER + 34, tcp) != 0xffff ||
                         sum16(0, out + FRAME_HEADER + 14, 20) != 0xffff;
        }
        expect(n == 20 && wrong == 20 && stats_of(&line).corrupted == 20);
        wire_set_free(line.set);
}

TEST(a_cut_loses_what_is_on_its_way_and_a_restored_wire_is_as_new) {
        Line line = lay("rate=12mbit|delay=10ms");
        WireStats stats;

        for (uint32_t i = 0; i < 5; i++)
                send_one(&line, i, 1500);
        run_until(&line, SECOND + 2 * MS);
        wire_cut(line.wire);
        wire_cut(line.wire);
        expect(wire_is_cut(line.wire));
        send_one(&line, 5, 1500);
        run_until(&line, SECOND + 100 * MS);
        expect(receive_one(line.far) == -1);
        stats = stats_of(&line);
        expect(stats.dropped[WIRE_DROP_CUT] == 6 && stats.queued == 0 && stats.in_flight == 0);
        wire_restore(line.wire);
        expect(!wire_is_cut(line.wire));
        send_one(&line, 6, 1500);
        run_until(&line, SECOND + 111 * MS);
        expect(receive_one(line.far) == 6);
        wire_set_free(line.set);
}

TEST(a_schedule_counts_from_the_beginning_of_the_lab) {
        Line line = lay("schedule=1s delay=5ms; 2s delay=none loss=100%");
        autoquality now = {};

        run_until(&line, 10 * SECOND);
        wire_set_begin(line.set);
        send_one(&line, 1, 60);
        expect(receive_one(line.far) == 1);
        run_until(&line, 11 * SECOND);
        expect(wire_get_quality(line.wire, 0, &now) == 0 && now.delay_ns == 5 * MS);
        send_one(&line, 2, 60);
        expect(receive_one(line.far) == -1);
        run_until(&line, 11 * SECOND + 5 * MS);
        expect(receive_one(line.far) == 2);
        /* A step is taken at its time, also if nobody looks before a packet comes. */
        line_time = 12 * SECOND;
        send_one(&line, 3, 60);
        expect(receive_one(line.far) == -1 && stats_of(&line).dropped[WIRE_DROP_LOSS] == 1);
        wire_set_free(line.set);
}

TEST(a_changed_quality_goes_on_numbering_packets_and_begins_another_loss_anew) {
        char path[] = "/tmp/isola-wire-XXXXXX";
        int fd = mkostemp(path, O_CLOEXEC);
        Line line = lay("seed=3"), same = lay("seed=3|loss=50%");
        autofree char *pattern = NULL;
        autoquality q = {}, r = {};

        expect(fd >= 0 && write(fd, "1000", 4) == 4);
        for (uint32_t i = 0; i < 10; i++) {
                send_one(&line, i, 60);
                send_one(&same, i, 60);
                while (receive_one(same.far) >= 0 || receive_one(line.far) >= 0)
                        ;
        }
        set_all(&q, "seed=3|loss=50%");
        expect(wire_set_quality(line.wire, 0, &q, NULL) == 0);
        for (uint32_t i = 10; i < 50; i++) {
                send_one(&line, i, 60);
                send_one(&same, i, 60);
                expect(receive_one(line.far) == receive_one(same.far));
        }
        pattern = str_format("loss=pattern %s", path);
        set_all(&r, pattern);
        expect(wire_set_quality(line.wire, 0, &r, NULL) == 0);
        for (uint32_t i = 0; i < 6; i++) {
                send_one(&line, i, 60);
                expect((receive_one(line.far) < 0) == (i == 0 || i == 4));
                /* The same loss with another delay goes on where it was. */
                if (i == 2)
                        set_all(&r, "queue=10p");
                if (i == 2)
                        expect(wire_set_quality(line.wire, 0, &r, NULL) == 0);
        }
        unlink(path);
        wire_set_free(line.set);
        wire_set_free(same.set);
}

TEST(a_quality_that_cannot_be_changes_nothing) {
        Line line = lay("delay=5ms");
        autoquality bad = { .queue_unit = QUEUE_TIME, .queue = 1 }, now = {};
        autoerr err = {};

        expect(wire_set_quality(line.wire, 0, &bad, &err) == -EINVAL);
        expect_str(err.message, "a queue in time needs a rate");
        expect(wire_get_quality(line.wire, 0, &now) == 0 && now.delay_ns == 5 * MS);
        wire_set_free(line.set);
}

TEST(wires_are_found_by_name_and_close_their_ends_when_they_go) {
        Line line = lay("delay=1ms"), other = { .set = line.set };
        Quality quality[2] = {};
        Wire *none = NULL;
        autoerr err = {};

        add_wire(&other, "other", "seed=1");
        expect(wire_find(line.set, "line") == line.wire &&
               wire_find(line.set, "other") == other.wire);
        expect(!wire_find(line.set, "third"));
        expect_str(wire_name(other.wire), "other");
        expect(wire_add(line.set, "line", 0, 1, quality, 1, &none, &err) == -EEXIST && !none);
        send_one(&line, 1, 60);
        wire_remove(line.wire);
        expect(!wire_find(line.set, "line"));
        expect(send(line.near, "x", 1, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED);
        send_one(&other, 2, 60);
        expect(receive_one(other.far) == 2);
        wire_set_free(other.set);
        expect(send(other.near, "x", 1, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED);
}

TEST(an_end_that_takes_nothing_is_counted) {
        Line line = lay("seed=1");

        close(line.far);
        send_one(&line, 1, 60);
        expect(stats_of(&line).dropped[WIRE_DROP_DOWN] == 1 && stats_of(&line).packets == 0);
        wire_set_free(line.set);
}

TEST(frames_beyond_the_memory_are_dropped_and_counted) {
        WireOptions options = WIRE_OPTIONS_DEFAULT;
        Line line = {};
        WireStats stats;

        options.memory = 3 << 20;
        line.set = wire_set_new(&options, &line_clock, NULL);
        line_time = SECOND;
        add_wire(&line, "line", "delay=1s");
        for (uint32_t i = 0; i < 2000; i++)
                send_one(&line, i, 100);
        for (uint32_t i = 0; i < 100; i++)
                send_one(&line, i, 9000);
        stats = stats_of(&line);
        expect(stats.dropped[WIRE_DROP_MEMORY] > 500 && stats.in_flight > 500);
        run_until(&line, 3 * SECOND);
        send_one(&line, 1, 9000);
        expect(stats_of(&line).in_flight == 1);
        wire_set_free(line.set);
}

TEST(packets_that_are_read_while_there_is_no_end_of_them_are_overruns) {
        Line line = lay("seed=1");
        uint8_t frame[FRAME_HEADER + 60] = {};

        /* A round reads so many at most; the next ones are a long time later. */
        for (int i = 0; i < 70; i++) {
                expect(send(line.near, frame, sizeof frame, 0) > 0);
                if (i % 60 == 59)
                        while (receive_one(line.far) >= 0)
                                ;
        }
        expect(wire_set_turn(line.set, NULL) > 0);
        while (receive_one(line.far) >= 0)
                ;
        line_time += 2 * MS;
        expect(stats_of(&line).overruns == 0);
        expect(wire_set_turn(line.set, NULL) > 0);
        expect(stats_of(&line).arrived == 70 && stats_of(&line).overruns == 6);
        line_time += 2 * MS;
        send_one(&line, 1, 60);
        expect(stats_of(&line).overruns == 6);
        wire_set_free(line.set);
}

TEST(cleared_figures_begin_anew) {
        Line line = lay("seed=1");

        send_one(&line, 1, 60);
        wire_clear_stats(line.wire);
        expect(stats_of(&line).arrived == 0 && stats_of(&line).lateness.n == 0);
        wire_set_free(line.set);
}

TEST(many_wires_each_deliver_in_their_own_time) {
        static Line lines[200];
        WireSet *set = wire_set_new(NULL, &line_clock, NULL);

        line_time = SECOND;
        for (int i = 0; i < 200; i++) {
                autofree char *name = str_format("l%d", i);
                autofree char *settings = str_format("delay=%dms", 1 + i * 7919 % 200);

                lines[i].set = set;
                add_wire(&lines[i], name, settings);
                send_one(&lines[i], (uint32_t) i, 60);
        }
        for (int i = 0; i < 200; i += 3)
                wire_remove(lines[i].wire);
        for (int ms = 1; ms <= 200; ms++) {
                run_until(&lines[1], SECOND + ms * MS);
                for (int i = 0; i < 200; i++)
                        expect(receive_one(lines[i].far) ==
                               (i % 3 && ms == 1 + i * 7919 % 200 ? i : -1));
        }
        wire_set_free(set);
}
