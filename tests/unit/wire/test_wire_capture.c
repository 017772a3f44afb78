/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <signal.h>

#include "wire_sockets.h"

/* Numbers at the beginning of each packet block: interface, time, and its direction at the end. */
typedef struct Seen {
        uint32_t interface, kept, length, direction;
        int64_t time_ns;
} Seen;

static int read_file(int fd, Seen *seen) {
        static uint8_t bytes[100000];
        ssize_t n = read(fd, bytes, sizeof bytes);
        int packets = 0;

        for (ssize_t at = 0; at < n;) {
                uint32_t b[7], *flags;

                memcpy(b, bytes + at, sizeof b);
                flags = (uint32_t *) (bytes + at + b[1] - 12);
                if (b[0] == 6) {
                        seen[packets++] = (Seen){ .interface = b[2],
                                                  .time_ns = (int64_t) b[3] << 32 | b[4],
                                                  .kept = b[5],
                                                  .length = b[6],
                                                  .direction = *flags };
                }
                expect(b[1] >= 12);
                at += b[1];
        }
        return packets;
}

TEST(a_capture_shows_each_frame_at_both_ends_and_a_lost_one_at_one) {
        Line line = lay("delay=10ms");
        int ends[2], n;
        autoquality lossy = {};
        Seen seen[10] = {};

        expect(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
        expect(wire_capture(line.wire, ends[1], 40, NULL) == 0 && wire_captures(line.wire));
        send_one(&line, 1, 100);
        run_until(&line, SECOND + 10 * MS);
        set_all(&lossy, "loss=100%");
        expect(wire_set_quality(line.wire, 0, &lossy, NULL) == 0);
        send_one(&line, 2, 60);
        expect(wire_capture_end(line.wire) == 0 && !wire_captures(line.wire));
        send_one(&line, 3, 60);
        n = read_file(ends[0], seen);
        expect(n == 3);
        expect(seen[0].interface == 0 && seen[0].direction == 2 && seen[0].kept == 40);
        expect(seen[0].length == 100 && seen[1].interface == 1 && seen[1].direction == 1);
        expect(seen[1].time_ns - seen[0].time_ns == 10 * MS);
        expect(seen[2].interface == 0 && seen[2].length == 60);
        expect(read(ends[0], seen, 1) == 0);
        wire_set_free(line.set);
}

TEST(there_is_one_capture_at_a_time) {
        Line line = lay("seed=1");
        int ends[2], other[2];
        autoerr err = {};
        char byte;

        expect(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0 && pipe2(other, O_CLOEXEC) == 0);
        expect(wire_capture_end(line.wire) == 0);
        expect(wire_capture(line.wire, ends[1], 0, NULL) == 0);
        expect(wire_capture(line.wire, other[1], 0, &err) == -EBUSY && err.message);
        expect(read(other[0], &byte, 1) == 0); /* closed */
        wire_remove(line.wire);
        expect(read(ends[0], &byte, 1) == 1); /* what there was is written */
        wire_set_free(line.set);
}
