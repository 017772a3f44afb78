/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <sys/socket.h>

#include "engine/protocol.h"
#include "test.h"

static void make_pair(int pair[2]) {
        expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
}

TEST(frames_arrive_one_by_one_and_whole) {
        Frame frame;
        int pair[2];

        make_pair(pair);
        expect_ok(frame_send(pair[0], FRAME_STDOUT, "one", 3, -EBADF, true));
        expect_ok(frame_send_number(pair[0], FRAME_EXIT, 137));
        expect(frame_recv(pair[1], &frame, NULL) == 1);
        expect(frame.type == FRAME_STDOUT && frame.size == 3 && !memcmp(frame.bytes, "one", 3));
        expect(frame_recv(pair[1], &frame, NULL) == 1);
        expect(frame.type == FRAME_EXIT && frame.number == 137);
        close(pair[0]);
        expect(frame_recv(pair[1], &frame, NULL) == 0);
}

TEST(descriptor_comes_along) {
        int pair[2], ends[2], fd = -1;
        Frame frame;
        char c;

        make_pair(pair);
        expect(pipe(ends) == 0);
        expect_ok(frame_send(pair[0], FRAME_STARTED, NULL, 0, ends[1], true));
        expect(frame_recv(pair[1], &frame, &fd) == 1);
        expect(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
        expect(write(fd, "x", 1) == 1 && read(ends[0], &c, 1) == 1 && c == 'x');
}

TEST(full_socket_does_not_wait) {
        static const char data[FRAME_MAX];
        int pair[2], r = 0;

        make_pair(pair);
        for (int i = 0; i < 1000 && r >= 0; i++)
                r = frame_send(pair[0], FRAME_STDOUT, data, sizeof data, -EBADF, false);
        expect(r == -EAGAIN);
}

TEST(what_is_no_frame_is_refused) {
        const struct {
                const char *bytes;
                size_t size;
        } wrong[] = { { "x", 1 }, { "E12", 3 }, { "S1", 2 }, { "h", 1 }, { "1", 1 } };
        Frame frame;
        int pair[2];

        make_pair(pair);
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                expect(send(pair[0], wrong[i].bytes, wrong[i].size, 0) > 0);
                expect(frame_recv(pair[1], &frame, NULL) == -EPROTO);
        }
}
