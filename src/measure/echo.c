/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <string.h>

#include "base/auto.h"
#include "measure/echo.h"

#define WARM_UP_NS (500 * NS_PER_MS) /* between requests that nobody answers */

#define HEADER 8 /* type, code, checksum, identifier, sequence: the same in both versions */

/* What stands at the beginning of the data. */
typedef struct Stamp {
        uint64_t session;
        uint32_t target, sequence;
        int64_t sent_ns;
} Stamp;
_Static_assert(sizeof(Stamp) == ECHO_MIN, "a request is smaller than is said");

static int only_replies(int fd, int family) {
        struct icmp_filter four = { ~(1U << ICMP_ECHOREPLY) };
        struct icmp6_filter six;
        int r;

        ICMP6_FILTER_SETBLOCKALL(&six);
        ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &six);
        r = family == AF_INET6 ? setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &six, sizeof six)
                               : setsockopt(fd, SOL_RAW, ICMP_FILTER, &four, sizeof four);
        return r < 0 ? -errno : 0;
}

int echo_open(int netns, int family, Err *err) {
        int protocol = family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, on = 1, r;
        autoclose int fd = probe_socket(netns, family, SOCK_RAW, protocol, err);

        if (fd < 0)
                return fd;
        r = only_replies(fd, family);
        if (r >= 0)
                r = probe_stamp_arrivals(fd);
        if (r < 0)
                return fail(err, r, "cannot set up a socket for echo requests");
        /* Routers' answers become errors of the socket instead of silence. */
        if (family == AF_INET6)
                (void) setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
        else
                (void) setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
        probe_buffers(fd, 1 << 20);
        return take_fd(fd);
}

/* RFC 1071; that of ICMPv6 is the kernel's to fill in. */
static uint16_t checksum(const uint8_t *bytes, size_t size) {
        uint32_t sum = 0;

        for (size_t i = 0; i + 1 < size; i += 2)
                sum += (uint32_t) bytes[i] << 8 | bytes[i + 1];
        if (size % 2)
                sum += (uint32_t) bytes[size - 1] << 8;
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return (uint16_t) ~sum;
}

int echo_send(int fd, const Address *to, const Echo *echo, size_t size) {
        static const uint8_t zeros[ECHO_MAX];
        Stamp stamp = { echo->session, echo->target, echo->sequence, echo->sent_ns };
        uint8_t head[HEADER + sizeof stamp] = {};
        struct iovec parts[] = { { head, sizeof head },
                                 { (void *) zeros,
                                   size > sizeof stamp ? size - sizeof stamp : 0 } };
        struct sockaddr_storage name;
        struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
        socklen_t length;
        int family = to ? to->family : AF_UNSPEC;
        uint16_t sum;

        if (!to) {
                length = sizeof name;
                if (getsockname(fd, (struct sockaddr *) &name, &length) < 0)
                        return -errno;
                family = name.ss_family;
        } else {
                m.msg_namelen = probe_sockaddr(to, 0, &name);
                m.msg_name = &name;
        }
        head[0] = family == AF_INET6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
        memcpy(head + 4, &echo->session, 2);
        head[6] = (uint8_t) (echo->sequence >> 8);
        head[7] = (uint8_t) echo->sequence;
        memcpy(head + HEADER, &stamp, sizeof stamp);
        if (family != AF_INET6) {
                /* Zeros behind it change no sum. */
                sum = checksum(head, sizeof head);
                head[2] = (uint8_t) (sum >> 8);
                head[3] = (uint8_t) sum;
        }
        return sendmsg(fd, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void drain_errors(int fd) {
        char control[256];
        struct msghdr m = { .msg_control = control, .msg_controllen = sizeof control };

        while (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
                m.msg_controllen = sizeof control;
}

int echo_receive(int fd, int family, uint64_t session, Echo *ret) {
        uint8_t bytes[60 + HEADER + sizeof(Stamp)];
        char control[256];
        struct iovec part = { bytes, sizeof bytes };
        struct msghdr m = { .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof control };
        ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
        size_t skip;
        Stamp stamp;

        if (n < 0) {
                int r = -errno;

                if (r != -EAGAIN)
                        drain_errors(fd);
                return r;
        }
        /* A raw socket of IPv4 gives the IP header as well. */
        skip = family == AF_INET6 || n == 0 ? 0 : (size_t) (bytes[0] & 15) * 4;
        if ((size_t) n < skip + HEADER + sizeof stamp ||
            bytes[skip] != (family == AF_INET6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY))
                return 0;
        memcpy(&stamp, bytes + skip + HEADER, sizeof stamp);
        if (stamp.session != session)
                return 0;
        *ret = (Echo){ stamp.session, stamp.target, stamp.sequence, stamp.sent_ns,
                       probe_arrival_ns(&m) };
        return 1;
}

bool echo_warm_up(int netns, const Address *to, int64_t patience_ns, int stop) {
        autoclose int fd = echo_open(netns, to->family, NULL);
        Echo echo = { .session = probe_session() }, got;
        int64_t end = monotonic_ns() + patience_ns;

        while (fd >= 0 && monotonic_ns() < end) {
                int64_t until = monotonic_ns() + WARM_UP_NS;
                int r = 0;

                (void) echo_send(fd, to, &echo, ECHO_MIN);
                while (r != -ECANCELED && monotonic_ns() < until) {
                        r = probe_wait(fd, POLLIN, stop, until < end ? until : end);
                        if (r > 0 && echo_receive(fd, to->family, echo.session, &got) > 0)
                                return true;
                        if (r <= 0)
                                break;
                }
                if (r == -ECANCELED)
                        return false;
        }
        return false;
}
