/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A wire between two sockets, by a clock that stands still until a test moves it.
 *
 * A datagram is a frame with its virtio_net_hdr, as a TAP device would give and take it.
 */

#include <sys/socket.h>

#include "gso_frame.h"
#include "test.h"
#include "wire/wire.h"

#define MS     1000000LL
#define SECOND 1000000000LL

typedef struct Line {
        WireSet *set;
        Wire *wire;
        int near, far; /* the other ends of the wire's sockets */
} Line;

static int64_t line_time;

static inline int64_t line_now(void *context) {
        return *(int64_t *) context;
}
static const WireClock line_clock = { .now = line_now, .context = &line_time };

static inline void set_all(Quality *q, const char *settings) {
        char copy[300], *rest = copy;
        autoerr err = {};

        strcpy(copy, settings);
        for (char *word; (word = strsep(&rest, "|"));) {
                char *value = strchr(word, '=');

                *value++ = '\0';
                if (quality_set(q, word, value, &err) < 0)
                        printf("# %s\n", err.message);
                expect(!err.message);
        }
}

static inline void add_wire(Line *line, const char *name, const char *there) {
        Quality quality[2] = {};
        int a[2], b[2];
        autoerr err = {};

        set_all(&quality[0], there);
        expect(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, a) == 0);
        expect(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, b) == 0);
        if (wire_add(line->set, name, a[1], b[1], quality, 1, &line->wire, &err) < 0)
                printf("# %s\n", err.message);
        expect(line->wire);
        line->near = a[0];
        line->far = b[0];
        quality_clear(&quality[0]);
}

/* From a to b as @there says, a cable back. */
static inline Line lay(const char *there) {
        Line line = { .set = wire_set_new(NULL, &line_clock, NULL) };

        expect(line.set);
        line_time = SECOND;
        add_wire(&line, "line", there);
        return line;
}

/* Sends frame number @i, of @size bytes, now. */
static inline void send_one(const Line *line, uint32_t i, size_t size) {
        uint8_t frame[FRAME_HEADER + 9000] = {};

        for (size_t at = FRAME_HEADER; at < sizeof frame; at++)
                frame[at] = (uint8_t) (at * i);
        memcpy(frame + FRAME_HEADER, &i, sizeof i);
        expect(send(line->near, frame, FRAME_HEADER + size, 0) == (ssize_t) (FRAME_HEADER + size));
        expect(wire_set_turn(line->set, NULL) >= 0);
}

/* The number of the frame that has come out at the far end, -1: none. */
static inline int receive_one(int fd) {
        uint8_t frame[FRAME_HEADER + 9000];
        uint32_t i;

        if (recv(fd, frame, sizeof frame, 0) < (ssize_t) (FRAME_HEADER + sizeof i))
                return -1;
        memcpy(&i, frame + FRAME_HEADER, sizeof i);
        return (int) i;
}

static inline void run_until(const Line *line, int64_t at) {
        int64_t next;

        while (wire_set_turn(line->set, &next) >= 0 && next <= at)
                line_time = next;
        line_time = at;
        expect(wire_set_turn(line->set, NULL) >= 0);
}

static inline WireStats stats_of(const Line *line) {
        WireStats stats;
        uint64_t dropped = 0;

        wire_stats(line->wire, 0, &stats);
        for (int i = 0; i < WIRE_DROP_REASONS; i++)
                dropped += stats.dropped[i];
        expect(stats.arrived + stats.duplicated ==
               stats.packets + dropped + stats.queued + stats.in_flight);
        return stats;
}
