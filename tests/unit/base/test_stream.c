/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/stream.h"
#include "test.h"

TEST(what_is_sent_is_received) {
        char text[6] = "";
        int pair[2];
        int64_t end = clock_monotonic_ms() + 60000;

        expect(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        expect_ok(stream_send(pair[0], "hello", 5, end));
        expect(stream_receive_some(pair[1], text, 2, end) == 2);
        expect_ok(stream_receive(pair[1], text + 2, 3, end));
        expect_str(text, "hello");
        expect_ok(stream_send(pair[0], "x", 1, end));
        close(pair[0]);
        expect(stream_receive(pair[1], text, 2, end) == -ECONNRESET);
        expect(stream_receive_some(pair[1], text, 2, end) == 0);
        expect(stream_send(pair[1], "x", 1, end) == -EPIPE);
}

/* More than the socket holds; nobody reads. */
TEST(time_ends_waiting_in_both_directions) {
        static char much[8 << 20];
        int pair[2];
        char byte;

        expect(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        expect(stream_receive(pair[1], &byte, 1, clock_monotonic_ms() - 1) == -ETIMEDOUT);
        expect(stream_send(pair[0], much, sizeof much, clock_monotonic_ms() + 20) == -ETIMEDOUT);
}

TEST(unix_socket_may_have_a_long_path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char directory[64];
        autofree char *deep = NULL, *path = NULL;
        int s = socket(AF_UNIX, SOCK_STREAM, 0);

        snprintf(directory, sizeof directory, TEST_DIRECTORY, getpid());
        deep = str_format("%s/%0120d", directory, 1);
        path = str_format("%s/socket", deep);
        expect(mkdir(directory, 0700) == 0 && mkdir(deep, 0700) == 0 && chdir(deep) == 0);
        snprintf(address.sun_path, sizeof address.sun_path, "socket");
        expect(bind(s, (struct sockaddr *) &address, sizeof address) == 0 && listen(s, 1) == 0);
        expect_ok(stream_connect_unix(path));
        expect(stream_connect_unix("/nowhere/socket") == -ENOENT);
        close(s);
        expect(stream_connect_unix(path) == -ECONNREFUSED);
}
