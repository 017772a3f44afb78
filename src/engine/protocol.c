/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "engine/protocol.h"

typedef union Control {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
} Control;

int frame_send(int socket, FrameType type, const void *payload, size_t size, int fd, bool wait) {
        char head = (char) type;
        struct iovec iov[2] = { { &head, 1 }, { (void *) payload, size } };
        struct msghdr m = { .msg_iov = iov, .msg_iovlen = size ? 2 : 1 };
        Control control = {};

        if (fd >= 0) {
                m.msg_control = &control;
                m.msg_controllen = sizeof control;
                control.header.cmsg_level = SOL_SOCKET;
                control.header.cmsg_type = SCM_RIGHTS;
                control.header.cmsg_len = CMSG_LEN(sizeof fd);
                memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
        }
        while (sendmsg(socket, &m, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT)) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

int frame_send_number(int socket, FrameType type, int32_t number) {
        return frame_send(socket, type, &number, sizeof number, -EBADF, true);
}

/* The payload a type needs; SIZE_MAX for one that is not a type. */
static bool size_fits(FrameType type, size_t size) {
        switch (type) {
        case FRAME_HELLO:
                return size == sizeof(Hello);
        case FRAME_SIGNAL:
        case FRAME_EXIT:
                return size == sizeof(int32_t);
        case FRAME_STDOUT:
        case FRAME_STDERR:
                return size > 0;
        case FRAME_STOPPING:
        case FRAME_KEEP:
        case FRAME_CHANGED:
        case FRAME_STARTED:
        case FRAME_BROKEN:
        case FRAME_FAILED:
                return size == 0;
        }
        return false;
}

/* Takes the one descriptor a frame may carry; all the sender can add beyond it is cut by the room
 * for one. */
static int take_descriptor(struct msghdr *m) {
        struct cmsghdr *c = CMSG_FIRSTHDR(m);
        int fd = -EBADF;

        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
            c->cmsg_len >= CMSG_LEN(sizeof fd))
                memcpy(&fd, CMSG_DATA(c), sizeof fd);
        return fd;
}

int frame_recv(int socket, Frame *frame, int *ret_fd) {
        char head = 0;
        struct iovec iov[2] = { { &head, 1 }, { frame->bytes, sizeof frame->bytes } };
        Control control = {};
        struct msghdr m = { .msg_iov = iov,
                            .msg_iovlen = 2,
                            .msg_control = &control,
                            .msg_controllen = sizeof control };
        autoclose int fd = -EBADF;
        ssize_t n;

        do
                n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == ECONNRESET ? 0 : -errno;
        if (n == 0)
                return 0;

        fd = take_descriptor(&m);
        frame->type = (FrameType) head;
        frame->size = (size_t) n - 1;
        if (!size_fits(frame->type, frame->size) || m.msg_flags & MSG_TRUNC)
                return -EPROTO;
        if (ret_fd)
                *ret_fd = take_fd(fd);
        return 1;
}
