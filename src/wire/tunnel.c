/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "wire/gso.h"
#include "wire/tunnel.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 /* linux/udp.h, since Linux 4.18 */
#endif

#define ETHERNET_HEADER 14
#define FLAG_VNI        0x08 /* "I": the number is valid */
#define BUFFER          (4 << 20)
#define SEGMENTS_MAX    64    /* UDP_MAX_SEGMENTS, net/ipv4/udp.c */
#define DATAGRAM_MAX    65000 /* of all segments together: an IP packet with headers */

int tunnel_init(Tunnel *t, const Address *remote, uint16_t port, uint32_t vni) {
        *t = (Tunnel){ .vni = vni };
        if (vni == 0 || vni >> 24 || !remote->family)
                return -EINVAL;
        if (remote->family == AF_INET6) {
                struct sockaddr_in6 *to = (struct sockaddr_in6 *) &t->remote;

                *to = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
                memcpy(&to->sin6_addr, remote->bytes, sizeof to->sin6_addr);
                t->size = sizeof *to;
        } else {
                struct sockaddr_in *to = (struct sockaddr_in *) &t->remote;

                *to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
                memcpy(&to->sin_addr, remote->bytes, sizeof to->sin_addr);
                t->size = sizeof *to;
        }
        return 0;
}

/* Packets may be cut up on the way: nobody would tell the sender of what is inside. */
static int set_options(int fd, uint8_t family) {
        const int on = 1, buffer = BUFFER, mtu = IP_PMTUDISC_DONT;

        (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
        (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
        if (family == AF_INET6)
                return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        /* What is inside has checksums of its own (RFC 7348 §5). */
        (void) setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &on, sizeof on);
        return setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &mtu, sizeof mtu);
}

int tunnel_open(const Address *remote, const Address *local, uint16_t port, Err *err) {
        const Address any = { .family = remote->family };
        autoclose int fd = socket(remote->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        char text[INET6_ADDRSTRLEN];
        Tunnel at;

        if (fd < 0 || set_options(fd, remote->family) < 0)
                return fail(err, errno, "cannot open a socket");
        (void) tunnel_init(&at, local->family ? local : &any, port, 1);
        if (bind(fd, (struct sockaddr *) &at.remote, at.size) == 0)
                return take_fd(fd);
        addr_text(local->family ? local : &any, text);
        return err_hint(err, fail(err, errno, "cannot receive at %s, port %u of UDP", text, port),
                        "another program, or a vxlan device of the kernel's, has the port: choose "
                        "another, on both machines");
}

/* ---- in ---- */

static bool is_from(const Tunnel *t, const struct sockaddr_storage *from) {
        const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *) from,
                                  *b6 = (const struct sockaddr_in6 *) &t->remote;
        const struct sockaddr_in *a4 = (const struct sockaddr_in *) from,
                                 *b4 = (const struct sockaddr_in *) &t->remote;

        if (from->ss_family != t->remote.ss_family)
                return false;
        /* The port it comes from is drawn from what is inside. */
        return from->ss_family == AF_INET6
                       ? memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0
                       : a4->sin_addr.s_addr == b4->sin_addr.s_addr;
}

ssize_t tunnel_read(const Tunnel *t, int fd, Frame *f, uint8_t *rest) {
        /* The tunnel's header is where the end of the virtio_net_hdr will be. */
        uint8_t *header = f->data + FRAME_HEADER - TUNNEL_HEADER;
        struct iovec parts[] = { { header, TUNNEL_HEADER + FRAME_HEAD }, { rest, FRAME_REST } };
        struct sockaddr_storage from = {};
        struct msghdr m = {
                .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = parts, .msg_iovlen = 2
        };
        ssize_t n = recvmsg(fd, &m, 0);
        uint32_t vni;

        if (n < 0)
                return -errno;
        vni = (uint32_t) header[4] << 16 | (uint32_t) header[5] << 8 | header[6];
        if (n <= TUNNEL_HEADER + ETHERNET_HEADER || !(header[0] & FLAG_VNI) || vni != t->vni ||
            !is_from(t, &from))
                return -EBADMSG;
        memset(f->data, 0, FRAME_HEADER);
        return n - TUNNEL_HEADER + FRAME_HEADER;
}

/* ---- out ---- */

typedef struct Message {
        uint8_t header[TUNNEL_HEADER];
        struct iovec parts[SEGMENTS_MAX * (1 + FRAME_PARTS)];
        size_t n; /* parts */
} Message;

static void begin(Message *m, const Tunnel *t) {
        memset(m->header, 0, sizeof m->header);
        m->header[0] = FLAG_VNI;
        m->header[4] = (uint8_t) (t->vni >> 16);
        m->header[5] = (uint8_t) (t->vni >> 8);
        m->header[6] = (uint8_t) t->vni;
        m->n = 0;
}

static void add(Message *m, Frame *f) {
        struct iovec *parts = &m->parts[m->n + 1];

        frame_finish_checksum(f);
        m->parts[m->n] = (struct iovec){ m->header, sizeof m->header };
        m->n += 1 + (size_t) frame_parts(f, parts);
        parts[0].iov_base = (uint8_t *) parts[0].iov_base + FRAME_HEADER;
        parts[0].iov_len -= FRAME_HEADER;
}

/* @segment: bytes of each packet but the last; 0: there is one. */
static int flush(const Tunnel *t, int fd, Message *m, uint16_t segment) {
        union {
                char bytes[CMSG_SPACE(sizeof segment)];
                struct cmsghdr align;
        } control = {};
        struct msghdr h = { .msg_name = (void *) &t->remote,
                            .msg_namelen = t->size,
                            .msg_iov = m->parts,
                            .msg_iovlen = m->n };

        if (segment > 0) {
                struct cmsghdr *c = &control.align;

                c->cmsg_level = IPPROTO_UDP;
                c->cmsg_type = UDP_SEGMENT;
                c->cmsg_len = CMSG_LEN(sizeof segment);
                memcpy(CMSG_DATA(c), &segment, sizeof segment);
                h.msg_control = control.bytes;
                h.msg_controllen = sizeof control.bytes;
        }
        m->n = 0;
        return sendmsg(fd, &h, 0) < 0 ? -errno : 0;
}

static int send_one(const Tunnel *t, int fd, Frame *f) {
        Message m;

        begin(&m, t);
        add(&m, f);
        return flush(t, fd, &m, 0);
}

/* Packets from the @first on; with @together in one call. */
static int send_pieces(const Tunnel *t, int fd, Pool *pool, Frame *f, const Gso *g, uint32_t first,
                       uint32_t count, bool together) {
        Frame *pieces[SEGMENTS_MAX];
        uint32_t n = 0;
        Message m;
        int r = 0;

        begin(&m, t);
        while (n < count && (pieces[n] = gso_piece(pool, f, g, first + n, 1))) {
                add(&m, pieces[n++]);
                if (!together)
                        r = flush(t, fd, &m, 0);
        }
        if (n < count)
                r = -ENOMEM;
        else if (together)
                r = flush(t, fd, &m, (uint16_t) (count > 1 ? TUNNEL_HEADER + g->size : 0));
        for (uint32_t i = 0; i < n; i++)
                frame_release(pool, pieces[i]);
        return r;
}

int tunnel_write(const Tunnel *t, int fd, Pool *pool, Frame *f) {
        const Gso g = gso_look(f);
        uint32_t batch = DATAGRAM_MAX / (TUNNEL_HEADER + g.size);
        int r = 0;

        if (g.n < 2)
                return send_one(t, fd, f);
        if (batch > SEGMENTS_MAX)
                batch = SEGMENTS_MAX;
        for (uint32_t first = 0; r >= 0 && first < g.n; first += batch) {
                uint32_t count = g.n - first < batch ? g.n - first : batch;

                r = send_pieces(t, fd, pool, f, &g, first, count, true);
                /* An interface that takes no packets to be cut up later, or an older kernel. */
                if (r == -EIO || r == -EINVAL || r == -EMSGSIZE || r == -EOPNOTSUPP)
                        r = send_pieces(t, fd, pool, f, &g, first, count, false);
        }
        return r;
}
