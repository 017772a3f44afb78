/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/stream.h"

int stream_wait(int socket, short events, int64_t end) {
        struct pollfd p = { .fd = socket, .events = events };

        for (;;) {
                int64_t left = end - clock_monotonic_ms();
                int n = poll(&p, 1, (int) (left > 0 ? left : 0));

                if (n > 0)
                        return 0;
                if (n == 0)
                        return -ETIMEDOUT;
                if (errno != EINTR)
                        return -errno;
        }
}

int stream_send(int socket, const void *bytes, size_t size, int64_t end) {
        for (const char *at = bytes; size > 0;) {
                int r = stream_wait(socket, POLLOUT, end);
                ssize_t n = r < 0 ? r : send(socket, at, size, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (r < 0)
                        return r;
                if (n < 0 && errno != EAGAIN && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        at += n;
                        size -= (size_t) n;
                }
        }
        return 0;
}

ssize_t stream_receive_some(int socket, void *bytes, size_t size, int64_t end) {
        for (;;) {
                int r = stream_wait(socket, POLLIN, end);
                ssize_t n = r < 0 ? r : recv(socket, bytes, size, MSG_DONTWAIT);

                if (r < 0)
                        return r;
                if (n >= 0)
                        return n;
                if (errno != EAGAIN && errno != EINTR)
                        return -errno;
        }
}

int stream_receive(int socket, void *bytes, size_t size, int64_t end) {
        for (char *at = bytes; size > 0;) {
                ssize_t n = stream_receive_some(socket, at, size, end);

                if (n <= 0)
                        return n < 0 ? (int) n : -ECONNRESET;
                at += n;
                size -= (size_t) n;
        }
        return 0;
}

int stream_connect_unix(const char *path) {
        autoclose int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        autoclose int place = open(path, O_PATH | O_CLOEXEC);
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (s < 0 || place < 0)
                return -errno;
        (void) snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", place);
        if (connect(s, (const struct sockaddr *) &address, sizeof address) < 0)
                return -errno;
        return take_fd(s);
}
