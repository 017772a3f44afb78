/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/fds.h"

typedef union Control {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
} Control;

int fds_send(int socket, const void *data, size_t size, const int *fds, size_t n) {
        struct iovec iov = { (void *) data, size };
        Control control = {};
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
        struct cmsghdr *c;

        if (n > FDS_MAX)
                return -E2BIG;
        if (n > 0) {
                m.msg_control = &control;
                m.msg_controllen = CMSG_SPACE(n * sizeof(int));
                c = CMSG_FIRSTHDR(&m);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(n * sizeof(int));
                memcpy(CMSG_DATA(c), fds, n * sizeof(int));
        }
        while (sendmsg(socket, &m, MSG_NOSIGNAL) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

int fds_recv(int socket, void *data, size_t size, int *fds, size_t max, size_t *ret_n) {
        struct iovec iov = { data, size };
        Control control;
        struct msghdr m = { .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof control };
        int received[FDS_MAX];
        size_t n = 0;
        ssize_t got;

        do
                got = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
        while (got < 0 && errno == EINTR);
        if (got < 0)
                return -errno;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
                        n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                        memcpy(received, CMSG_DATA(c), n * sizeof(int));
                }
        if (n > max || m.msg_flags & MSG_CTRUNC) {
                for (size_t i = 0; i < n; i++)
                        close_fd(received[i]);
                return -EPROTO;
        }
        memcpy(fds, received, n * sizeof(int));
        *ret_n = n;
        return (int) got;
}
