/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/pcapng.h"
#include "base/str.h"
#include "kernel/ns.h"
#include "lab/capture.h"
#include "lab/device.h"
#include "lab/engine.h"
#include "lab/keeper.h"

#define FRAME_MAX    65600
#define FLUSH_MS     200
#define BUFFER_BYTES (8 << 20) /* of the socket: what comes while the file is written */

/* How long to wait for packets: never past the end. */
static int patience(const CaptureOptions *o) {
        int64_t left = o->end_ms < 0 ? FLUSH_MS : o->end_ms - clock_monotonic_ms();

        return left < 0 ? 0 : left < FLUSH_MS ? (int) left : FLUSH_MS;
}

static bool is_over(const CaptureOptions *o, const struct pollfd *stop) {
        return stop->revents || (o->end_ms >= 0 && clock_monotonic_ms() >= o->end_ms);
}

/* ---- cables ---- */

typedef struct SocketRequest {
        const char *device;
        int fd;
} SocketRequest;

static int open_socket(void *context) {
        SocketRequest *request = context;
        struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
        autoclose int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const int on = 1, size = BUFFER_BYTES;

        address.sll_ifindex = (int) if_nametoindex(request->device);
        if (fd < 0 || address.sll_ifindex == 0 ||
            setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0 ||
            bind(fd, (struct sockaddr *) &address, sizeof address) < 0)
                return -errno;
        (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
        request->fd = take_fd(fd);
        return 0;
}

static int64_t time_of(struct msghdr *m) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
                        struct timespec t;

                        memcpy(&t, CMSG_DATA(c), sizeof t);
                        return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
                }
        return clock_now_ns();
}

/* All that is there; -EPIPE when nobody reads any more. */
static int take_frames(int fd, Pcapng *p, char *buffer) {
        for (;;) {
                struct sockaddr_ll from = {};
                _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct timespec))];
                struct iovec part = { buffer, FRAME_MAX };
                struct msghdr m = { .msg_name = &from,
                                    .msg_namelen = sizeof from,
                                    .msg_iov = &part,
                                    .msg_iovlen = 1,
                                    .msg_control = control,
                                    .msg_controllen = sizeof control };
                ssize_t n = recvmsg(fd, &m, 0);
                int r;

                if (n < 0)
                        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
                part.iov_len = (size_t) n;
                r = pcapng_packet(p, 0, time_of(&m),
                                  from.sll_pkttype == PACKET_OUTGOING ? PCAPNG_OUTBOUND
                                                                      : PCAPNG_INBOUND,
                                  &part, 1);
                if (r < 0 && r != -EAGAIN)
                        return r;
        }
}

static int copy_frames(int fd, Pcapng *p, const CaptureOptions *o) {
        autofree char *buffer = malloc(FRAME_MAX);
        struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
                                { .fd = o->stop, .events = POLLIN } };
        int r = buffer ? 0 : -ENOMEM;

        while (r >= 0 && !is_over(o, &fds[1])) {
                if (poll(fds, 2, patience(o)) < 0 && errno != EINTR)
                        return -errno;
                r = take_frames(fd, p, buffer);
                if (r >= 0)
                        r = pcapng_flush(p);
        }
        return r == -EPIPE ? 0 : r;
}

static int capture_cable(const Lab *lab, size_t link, int fd, const CaptureOptions *o, Err *err) {
        LinkSide side = lab->topology->links[link].sides[0];
        DeviceName device = device_name(lab->topology, side);
        SocketRequest request = { device.text, -EBADF };
        autoclose int netns = lab_node_netns(lab, side.node, err), packets = -EBADF;
        autofree char *name = str_format("%s:a", lab->topology->links[link].name);
        autoptr(Pcapng) p = NULL;
        int copy, r;

        if (netns < 0)
                return netns;
        r = netns_run(netns, open_socket, &request);
        packets = request.fd;
        copy = r < 0 ? r : fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0 || !name)
                return fail(err, r < 0 ? r : errno, "cannot capture at '%s'", device.text);
        r = pcapng_new(copy, &p, err);
        if (r < 0)
                return r;
        r = pcapng_add_interface(p, name, PCAPNG_ETHERNET, o->snaplen);
        if (r >= 0)
                r = pcapng_flush(p);
        if (r >= 0)
                r = copy_frames(packets, p, o);
        if (r >= 0)
                r = pcapng_finish(take_ptr(p), clock_now_ns());
        return r < 0 && r != -EPIPE ? fail(err, r, "cannot write the capture") : 0;
}

/* ---- emulated links ---- */

/* Through a pipe of ours: if we are killed, the keeper finds it broken and goes on without. */
static int copy_pipe(int from, int fd, const CaptureOptions *o) {
        struct pollfd fds[] = { { .fd = from, .events = POLLIN },
                                { .fd = o->stop, .events = POLLIN } };
        autofree char *buffer = malloc(FRAME_MAX);

        if (!buffer)
                return -ENOMEM;
        while (!is_over(o, &fds[1])) {
                ssize_t n;
                int r;

                if (poll(fds, 2, patience(o)) < 0 && errno != EINTR)
                        return -errno;
                if (!fds[0].revents)
                        continue;
                n = read(from, buffer, FRAME_MAX);
                if (n <= 0)
                        return n < 0 && errno != EINTR ? -errno : -ECONNRESET;
                r = fd_write_all(fd, buffer, (size_t) n);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int copy_rest(int from, int fd) {
        autofree char *buffer = malloc(FRAME_MAX);

        for (;;) {
                ssize_t n = buffer ? read(from, buffer, FRAME_MAX) : 0;
                int r = n > 0 ? fd_write_all(fd, buffer, (size_t) n) : 0;

                if (n <= 0 || r < 0)
                        return r;
        }
}

static int ask(const Lab *lab, const char *verb, size_t link, int fd, uint32_t snaplen, Err *err) {
        autofree char *key = topology_link_key(lab->topology, &lab->topology->links[link]);
        const KeeperRequest request = {
                .verb = (char *) verb, .link = key, .direction = -1, .snaplen = snaplen
        };
        KeeperReply reply = {};
        int r = key ? lab_ask_keeper(lab, &request, &fd, fd >= 0, &reply, err)
                    : fail(err, ENOMEM, "cannot ask the lab's keeper");

        json_clear(&keeper_reply_type, &reply);
        return r;
}

static int capture_wire(const Lab *lab, size_t link, int fd, const CaptureOptions *o, Err *err) {
        int ends[2], r;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return fail(err, errno, "cannot make a pipe");
        (void) fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
        r = fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0
                    ? fail(err, errno, "cannot make a pipe")
                    : ask(lab, "capture", link, ends[1], o->snaplen, err);
        close_fd(ends[1]);
        if (r >= 0) {
                r = copy_pipe(ends[0], fd, o);
                if (r >= 0)
                        r = ask(lab, "capture-end", link, -EBADF, 0, err);
                if (r >= 0)
                        r = copy_rest(ends[0], fd);
                if (r == -EPIPE)
                        r = 0;
                if (r < 0 && !err->message)
                        r = fail(err, r, "cannot write the capture");
        }
        close_fd(ends[0]);
        return r;
}

int lab_capture(const Lab *lab, size_t link, int fd, const CaptureOptions *options, Err *err) {
        int engine = link_engine(&lab->topology->links[link], err), r;

        if (engine < 0)
                return engine;
        r = engine == ENGINE_WIRE ? capture_wire(lab, link, fd, options, err)
                                  : capture_cable(lab, link, fd, options, err);
        return r < 0 ? err_prefix(err, r, "link '%s'", lab->topology->links[link].name) : 0;
}
