/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/auto.h"
#include "measure/stream.h"

#define BATCH   32
#define BUFFER  (16 << 20)
#define BIN_NS  (100 * NS_PER_MS)
#define SPIN_NS 20000 /* sleeping for less than this takes longer */
#define LOOK_NS (10 * NS_PER_MS)

typedef struct Head {
        uint32_t session, number;
        int64_t sent_ns;
} Head;
_Static_assert(sizeof(Head) == STREAM_MIN, "a datagram is smaller than is said");

typedef struct Stream {
        const StreamOptions *o;
        StreamResult *result;
        int out, in, ended; /* ended: an eventfd, readable once all is sent */
        uint32_t session;
        uint64_t planned;
        double gap_ns;
        int64_t started_ns, sent_all_ns;
        size_t packet; /* bytes with IP and UDP */
        /* The receiver's own. */
        uint8_t *seen; /* a bit for each number */
        uint64_t expected;
        int64_t first_ns, last_ns, bin_ns;
        uint64_t bin_packets;
} Stream;

void stream_clear(StreamResult *r) {
        series_clear(&r->delay);
        series_clear(&r->throughput);
        *r = (StreamResult){};
}

size_t stream_overhead(const Station *to) {
        return to->address.family == AF_INET6 ? 48 : 28;
}

double stream_rate(const Station *to, size_t size, double datagrams) {
        return datagrams * (double) (size + stream_overhead(to)) * 8;
}

StreamOptions stream_defaults(const Station *from, const Station *to) {
        return (StreamOptions){ .from = *from,
                                .to = *to,
                                .rate_bps = stream_rate(to, 64, 100),
                                .size = 64,
                                .duration_ns = 5 * NS_PER_S,
                                .grace_ns = NS_PER_S,
                                .stop = -EBADF };
}

/* ---- sending ---- */

/* What is due at @now; no more than one batch, no more than is planned. */
static uint64_t due(const Stream *s, int64_t now, uint64_t next) {
        uint64_t until = (uint64_t) ((double) (now - s->started_ns) / s->gap_ns) + 1;
        uint64_t n;

        if (until > s->planned)
                until = s->planned;
        n = until > next ? until - next : 0;
        return n < BATCH ? n : BATCH;
}

static void sleep_until(int64_t until_ns) {
        struct timespec t = { until_ns / NS_PER_S, until_ns % NS_PER_S };

        if (until_ns - monotonic_ns() > SPIN_NS)
                (void) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* One that the system does not take is lost, as on a full queue: waiting would change the rate. */
static void send_batch(Stream *s, struct mmsghdr *messages, Head *heads, uint64_t next,
                       unsigned n) {
        int64_t now = monotonic_ns();

        for (unsigned i = 0; i < n; i++)
                heads[i] = (Head){ s->session, (uint32_t) (next + i), now };
        for (unsigned done = 0; done < n;) {
                int sent = sendmmsg(s->out, messages + done, n - done, MSG_DONTWAIT);

                if (sent > 0) {
                        done += (unsigned) sent;
                        continue;
                }
                if (errno == EINTR)
                        continue;
                s->result->error = -errno;
                s->result->refused++;
                done++;
        }
}

static void send_all(Stream *s) {
        static const uint8_t zeros[STREAM_MAX];
        Head heads[BATCH];
        struct iovec parts[BATCH][2];
        struct mmsghdr messages[BATCH] = {};
        int64_t end = s->started_ns + s->o->duration_ns, look = 0;
        uint64_t next = 0;

        for (int i = 0; i < BATCH; i++) {
                parts[i][0] = (struct iovec){ &heads[i], sizeof *heads };
                parts[i][1] = (struct iovec){ (void *) zeros, s->o->size - sizeof *heads };
                messages[i].msg_hdr.msg_iov = parts[i];
                messages[i].msg_hdr.msg_iovlen = 2;
        }
        while (next < s->planned) {
                int64_t now = monotonic_ns();
                uint64_t n = due(s, now, next);

                /* A sender that cannot keep up ends in time all the same. */
                if (now >= end + LOOK_NS)
                        break;
                if (now >= look) {
                        look = now + LOOK_NS;
                        if (probe_is_stopped(s->o->stop)) {
                                s->result->stopped = true;
                                break;
                        }
                }
                if (n == 0) {
                        int64_t wake = s->started_ns + (int64_t) ((double) next * s->gap_ns);

                        sleep_until(wake < look ? wake : look);
                        continue;
                }
                send_batch(s, messages, heads, next, (unsigned) n);
                next += n;
        }
        s->result->sent = next;
        s->sent_all_ns = monotonic_ns();
        s->result->seconds = (double) (s->sent_all_ns - s->started_ns) / 1e9;
}

/* ---- receiving ---- */

static void end_bin(Stream *s) {
        series_add(&s->result->throughput, (double) (s->bin_ns - s->started_ns) / 1e9,
                   (double) (s->bin_packets * s->packet * 8) / ((double) BIN_NS / 1e9) / 1e6);
        s->bin_packets = 0;
        s->bin_ns += BIN_NS;
}

static void take(Stream *s, const Head *head, int64_t arrived_ns) {
        StreamResult *r = s->result;
        uint8_t bit = (uint8_t) (1 << head->number % 8);

        if (head->session != s->session || head->number >= s->planned)
                return;
        while (arrived_ns >= s->bin_ns + BIN_NS)
                end_bin(s);
        s->bin_packets++;
        if (s->seen[head->number / 8] & bit) {
                r->duplicates++;
                return;
        }
        s->seen[head->number / 8] |= bit;
        if (head->number < s->expected) {
                r->reordered++;
                if (s->expected - head->number > r->extent)
                        r->extent = s->expected - head->number;
        } else
                s->expected = head->number + 1;
        if (r->received++ == 0)
                s->first_ns = arrived_ns;
        s->last_ns = arrived_ns;
        series_add(&r->delay, (double) (head->sent_ns - s->started_ns) / 1e9,
                   (double) (arrived_ns - head->sent_ns) / 1e6);
}

static void count_overrun(Stream *s, struct msghdr *m) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
                uint32_t dropped;

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
                        continue;
                memcpy(&dropped, CMSG_DATA(c), sizeof dropped);
                s->result->overrun = dropped;
        }
}

/* True if there was something. */
static bool receive_batch(Stream *s) {
        Head heads[BATCH];
        char control[BATCH][128];
        struct iovec parts[BATCH];
        struct mmsghdr messages[BATCH] = {};
        int n;

        for (int i = 0; i < BATCH; i++) {
                parts[i] = (struct iovec){ &heads[i], sizeof *heads };
                messages[i].msg_hdr.msg_iov = &parts[i];
                messages[i].msg_hdr.msg_iovlen = 1;
                messages[i].msg_hdr.msg_control = control[i];
                messages[i].msg_hdr.msg_controllen = sizeof control[i];
        }
        n = recvmmsg(s->in, messages, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++) {
                count_overrun(s, &messages[i].msg_hdr);
                if (messages[i].msg_len >= sizeof *heads)
                        take(s, &heads[i], probe_arrival_ns(&messages[i].msg_hdr));
        }
        return n > 0;
}

/* Until the sender is done and either nothing is missing or the grace is over. */
static void *receive_all(void *context) {
        Stream *s = context;
        struct pollfd fds[] = { { .fd = s->in, .events = POLLIN },
                                { .fd = s->ended, .events = POLLIN } };
        int64_t until = INT64_MAX;

        probe_sleep_exactly();
        while (monotonic_ns() < until) {
                if (receive_batch(s))
                        continue;
                if (until == INT64_MAX && fds[1].revents) {
                        until = s->sent_all_ns + s->o->grace_ns;
                        fds[1].fd = -1;
                }
                if (until != INT64_MAX &&
                    (s->result->received >= s->result->sent || s->result->stopped))
                        break;
                (void) poll(fds, 2, 10);
        }
        if (s->bin_packets > 0 && s->last_ns - s->bin_ns > BIN_NS / 2)
                end_bin(s);
        return NULL;
}

/* ---- both ---- */

static int check_options(const StreamOptions *o, Err *err) {
        if (o->size < STREAM_MIN || o->size > STREAM_MAX)
                return refuse(err, EINVAL, "a datagram has %d to %d bytes of data", STREAM_MIN,
                              STREAM_MAX);
        if (!(o->rate_bps > 0) || o->duration_ns <= 0)
                return refuse(err, EINVAL, "a stream's rate and duration are above zero");
        if (o->from.address.family != o->to.address.family)
                return refuse(err, EINVAL, "a stream's ends are both of IPv4 or both of IPv6");
        return 0;
}

static int plan(Stream *s, Err *err) {
        const StreamOptions *o = s->o;
        double count;

        s->packet = o->size + stream_overhead(&o->to);
        s->gap_ns = (double) s->packet * 8 * 1e9 / o->rate_bps;
        count = ceil((double) o->duration_ns / s->gap_ns);
        if (o->count > 0 && count > (double) o->count)
                count = (double) o->count;
        if (count > STREAM_COUNT_MAX)
                return err_hint(err,
                                refuse(err, EINVAL, "a stream has at most %d datagrams, not %.0f",
                                       STREAM_COUNT_MAX, count),
                                "make it shorter, or its datagrams larger");
        s->planned = (uint64_t) count;
        s->seen = calloc(s->planned / 8 + 1, 1);
        if (!s->seen || series_name(&s->result->delay, "delay", "ms") < 0 ||
            series_name(&s->result->throughput, "throughput", "Mbit/s") < 0)
                return fail(err, ENOMEM, "cannot keep track of a stream");
        return 0;
}

static int open_ends(Stream *s, Err *err) {
        const StreamOptions *o = s->o;
        struct sockaddr_storage name;
        socklen_t size;
        int on = 1, port;

        s->in = probe_socket(o->to.netns, o->to.address.family, SOCK_DGRAM, 0, err);
        if (s->in < 0)
                return s->in;
        port = probe_bind(s->in, &o->to.address, err);
        if (port < 0)
                return port;
        s->out = probe_socket(o->from.netns, o->from.address.family, SOCK_DGRAM, 0, err);
        if (s->out < 0)
                return s->out;
        if (probe_stamp_arrivals(s->in) < 0 ||
            setsockopt(s->in, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on) < 0)
                return fail(err, errno, "cannot have arrivals stamped");
        probe_buffers(s->in, BUFFER);
        probe_buffers(s->out, BUFFER);
        size = probe_sockaddr(&o->to.address, (uint16_t) port, &name);
        if (connect(s->out, (struct sockaddr *) &name, size) < 0)
                return fail(err, errno, "there is no way from one end to the other");
        s->ended = eventfd(0, EFD_CLOEXEC);
        return s->ended < 0 ? fail(err, errno, "cannot make an eventfd") : 0;
}

static void conclude(Stream *s) {
        StreamResult *r = s->result;
        double bits = (double) s->packet * 8, span = (double) (s->last_ns - s->first_ns) / 1e9;

        r->asked_bps = s->o->rate_bps;
        if (r->seconds > 0)
                r->offered_bps = (double) (r->sent - r->refused) * bits / r->seconds;
        /* From the first to the last are one interval fewer than datagrams. */
        if (r->received > 1 && span > 0)
                r->received_bps = (double) (r->received - 1) * bits / span;
}

static int run(Stream *s, Err *err) {
        CpuMark before = {}, after = {};
        pthread_t receiver;
        int r, marked = cpu_mark(&before);

        s->started_ns = monotonic_ns() + NS_PER_MS;
        s->bin_ns = s->started_ns;
        r = pthread_create(&receiver, NULL, receive_all, s);
        if (r != 0)
                return fail(err, r, "cannot start a thread");
        probe_sleep_exactly();
        sleep_until(s->started_ns);
        send_all(s);
        (void) eventfd_write(s->ended, 1);
        pthread_join(receiver, NULL);
        if (marked >= 0 && cpu_mark(&after) >= 0)
                s->result->cpu = cpu_between(&before, &after);
        if (s->result->delay.failed || s->result->throughput.failed)
                return fail(err, ENOMEM, "cannot keep a stream's delays");
        conclude(s);
        return 0;
}

int stream(const StreamOptions *o, StreamResult *ret, Err *err) {
        Stream s = { .o = o,
                     .result = ret,
                     .out = -EBADF,
                     .in = -EBADF,
                     .ended = -EBADF,
                     .session = (uint32_t) probe_session() };
        int r = check_options(o, err);

        *ret = (StreamResult){};
        if (r >= 0)
                r = plan(&s, err);
        if (r >= 0)
                r = open_ends(&s, err);
        if (r >= 0)
                r = run(&s, err);
        close_fd(s.out);
        close_fd(s.in);
        close_fd(s.ended);
        free(s.seen);
        if (r < 0)
                stream_clear(ret);
        return r;
}
