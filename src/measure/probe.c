/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>

#include "base/auto.h"
#include "kernel/ns.h"
#include "measure/probe.h"

static int64_t clock_ns(clockid_t clock) {
        struct timespec t;

        clock_gettime(clock, &t);
        return t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t monotonic_ns(void) {
        return clock_ns(CLOCK_MONOTONIC);
}

typedef struct Asked {
        int family, type, protocol;
} Asked;

static int open_socket(void *context) {
        const Asked *a = context;
        int fd = socket(a->family, a->type | SOCK_CLOEXEC | SOCK_NONBLOCK, a->protocol);

        return fd < 0 ? -errno : fd;
}

int probe_socket(int netns, int family, int type, int protocol, Err *err) {
        Asked asked = { family, type, protocol };
        int fd = netns_run(netns, open_socket, &asked);

        if (fd < 0)
                fail(err, fd, "cannot open a socket in the node's network namespace");
        if (fd == -EPERM)
                err_hint(err, fd, "measuring needs the rights of whoever made the lab");
        return fd;
}

socklen_t probe_sockaddr(const Address *a, uint16_t port, struct sockaddr_storage *ret) {
        struct sockaddr_in *four = (struct sockaddr_in *) ret;
        struct sockaddr_in6 *six = (struct sockaddr_in6 *) ret;

        memset(ret, 0, sizeof *ret);
        if (a->family == AF_INET6) {
                six->sin6_family = AF_INET6;
                six->sin6_port = htons(port);
                memcpy(&six->sin6_addr, a->bytes, sizeof six->sin6_addr);
                return sizeof *six;
        }
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        memcpy(&four->sin_addr, a->bytes, sizeof four->sin_addr);
        return sizeof *four;
}

int probe_bind(int fd, const Address *a, Err *err) {
        struct sockaddr_storage name;
        socklen_t size = probe_sockaddr(a, 0, &name);
        char text[INET6_ADDRSTRLEN];

        addr_text(a, text);
        if (bind(fd, (struct sockaddr *) &name, size) < 0)
                return fail(err, errno, "cannot receive at %s", text);
        if (getsockname(fd, (struct sockaddr *) &name, &size) < 0)
                return fail(err, errno, "cannot receive at %s", text);
        return ntohs(a->family == AF_INET6 ? ((struct sockaddr_in6 *) &name)->sin6_port
                                           : ((struct sockaddr_in *) &name)->sin_port);
}

void probe_buffers(int fd, int bytes) {
        if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
                (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
                (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

bool probe_is_stopped(int stop) {
        struct pollfd p = { .fd = stop, .events = POLLIN };

        return stop >= 0 && poll(&p, 1, 0) > 0;
}

int probe_wait(int fd, short events, int stop, int64_t until_ns) {
        struct pollfd fds[] = { { .fd = fd, .events = events }, { .fd = stop, .events = POLLIN } };

        for (;;) {
                int64_t left = until_ns - monotonic_ns();
                struct timespec t = { left / NS_PER_S, left % NS_PER_S };
                int n;

                if (left < 0)
                        t = (struct timespec){};
                n = ppoll(fds, 2, &t, NULL);
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        return fds[1].revents ? -ECANCELED : 1;
                if (n == 0 && left <= 0)
                        return 0;
        }
}

int probe_stamp_arrivals(int fd) {
        int on = 1;

        return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0 ? -errno : 0;
}

/* The stamp is CLOCK_REALTIME's: how long ago it was holds for any clock. */
int64_t probe_arrival_ns(struct msghdr *message) {
        int64_t now = clock_ns(CLOCK_MONOTONIC), real = clock_ns(CLOCK_REALTIME), age;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
                struct timespec t;

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS)
                        continue;
                memcpy(&t, CMSG_DATA(c), sizeof t);
                age = real - (t.tv_sec * NS_PER_S + t.tv_nsec);
                return age > 0 && age < NS_PER_S * 60 ? now - age : now;
        }
        return now;
}

uint64_t probe_session(void) {
        uint64_t bits = 0;

        if (getrandom(&bits, sizeof bits, 0) != sizeof bits)
                bits = (uint64_t) monotonic_ns();
        return bits;
}

void probe_sleep_exactly(void) {
        (void) prctl(PR_SET_TIMERSLACK, 1UL);
}
