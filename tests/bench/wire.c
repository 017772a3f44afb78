/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Measures the link emulator: tests/bench/wire [CASE…], inside of tests/testhost.
 *
 * Two network namespaces, a wire between their TAP devices.  The emulator's thread has the last
 * processor for itself and SCHED_FIFO, all senders and receivers share the first, also before
 * everybody else, so that a busy machine can be measured: for seconds, other processes get nothing
 * but what the kernel keeps for them (sched_rt_runtime_us).  Each case prints what it should be and
 * what it was; the status is 1 if a goal was missed.
 *
 * WIRE_PRIORITY=0: the emulator as other processes; WIRE_SECONDS=N: for each case.
 */

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/uio.h>
#include <time.h>

#include "wire/wire.h"
#include "wire_ends.h"

#define NS_PER_SECOND 1000000000LL
#define SECONDS       2

static WireEnd a, b;
static int priority = 10, missed;
static double seconds = SECONDS;

static int64_t clock_ns(clockid_t clock) {
        struct timespec t;

        clock_gettime(clock, &t);
        return t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

static int64_t now_ns(void) {
        return clock_ns(CLOCK_MONOTONIC);
}

static void must(bool ok, const char *what) {
        if (ok)
                return;
        fprintf(stderr, "wire: %s: %s\n", what, strerror(errno));
        exit(2);
}

static void stay_on(int cpu) {
        cpu_set_t cpus;

        CPU_ZERO(&cpus);
        CPU_SET((size_t) cpu, &cpus);
        (void) sched_setaffinity(0, sizeof cpus, &cpus);
}

static void before_others(void) {
        if (sched_setscheduler(0, SCHED_RR, &(struct sched_param){ .sched_priority = 1 }) < 0)
                fprintf(stderr, "wire: without real-time priority for the load\n");
}

static void goal(bool met, const char *text) {
        printf("  %s: %s\n", met ? "met" : "MISSED", text);
        missed += !met;
}

/* ---- a wire and its thread ---- */

typedef struct Bench {
        WireSet *set;
        Wire *wire;
} Bench;

static Bench begin(const char *there, const char *back) {
        WireOptions options = WIRE_OPTIONS_DEFAULT;
        Quality quality[2] = {};
        const char *texts[2] = { there, back };
        Bench bench = {};
        autoerr err = {};

        must(unshare(CLONE_NEWNET) == 0, "unshare");
        for (int i = 0; i < 2; i++) {
                autofree char *copy = strdup(texts[i]);

                for (char *rest = copy, *word; (word = strsep(&rest, ";"));) {
                        char *value = strchr(word, '=');

                        if (!value)
                                continue;
                        *value++ = '\0';
                        must(quality_set(&quality[i], word, value, &err) == 0, err.message);
                }
        }
        must(end_make(&a, "10.9.0.1") == 0 && end_make(&b, "10.9.0.2") == 0, "namespaces");
        options.priority = priority;
        options.cpu = (int) sysconf(_SC_NPROCESSORS_ONLN) - 1;
        bench.set = wire_set_new(&options, NULL, &err);
        must(bench.set, err.message);
        must(wire_add(bench.set, "bench", a.tap, b.tap, quality, 1, &bench.wire, &err) == 0,
             err.message);
        /* Without a priority of its own the thread takes over that of its maker. */
        if (priority == 0)
                (void) sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){});
        must(wire_set_start(bench.set, &err) == 0, err.message);
        before_others();
        quality_clear(&quality[0]);
        quality_clear(&quality[1]);
        return bench;
}

static void end(Bench *bench) {
        WireSetStats s;

        wire_set_stats(bench->set, &s);
        printf("  thread: %.1f s of processor, %.1f s of them watching the clock, %ju wake-ups, "
               "median %.1f us late; waited %.1f ms for others\n",
               (double) s.processor_ns / 1e9, (double) s.spinning_ns / 1e9, (uintmax_t) s.wakeups,
               (double) histogram_quantile(&s.wake, 0.5) / 1e3, (double) s.waited_ns / 1e6);
        for (int i = 0; i < 2; i++) {
                WireStats w;

                wire_stats(bench->wire, i, &w);
                printf("  %s: %ju packets in %ju frames; lateness us: median %.1f, 90%% %.1f, 99%% "
                       "%.1f, max %.1f; overruns %ju; dropped",
                       i ? "b to a" : "a to b", (uintmax_t) w.packets, (uintmax_t) w.frames,
                       (double) histogram_quantile(&w.lateness, 0.5) / 1e3,
                       (double) histogram_quantile(&w.lateness, 0.9) / 1e3,
                       (double) histogram_quantile(&w.lateness, 0.99) / 1e3,
                       (double) w.lateness.max_ns / 1e3, (uintmax_t) w.overruns);
                for (int j = 0; j < WIRE_DROP_REASONS; j++)
                        printf(" %s %ju", wire_drop_names[j], (uintmax_t) w.dropped[j]);
                printf("\n");
        }
        bench->set = wire_set_free(bench->set);
        close(a.netns);
        close(b.netns);
}

/* ---- traffic ---- */

static struct sockaddr_in peer(const char *address, int port) {
        struct sockaddr_in s = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };

        inet_pton(AF_INET, address, &s.sin_addr);
        return s;
}

static int socket_at(const WireEnd *end, int type, int protocol) {
        int s;

        must(end_enter(end) == 0, "setns");
        s = socket(type == SOCK_RAW && protocol != IPPROTO_ICMP ? AF_PACKET : AF_INET,
                   type | SOCK_CLOEXEC, protocol);
        must(s >= 0, "socket");
        return s;
}

static uint16_t checksum(const uint16_t *p, size_t n) {
        uint32_t sum = 0;

        for (; n > 1; n -= 2)
                sum += *p++;
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return (uint16_t) ~sum;
}

/* The kernel's time of arrival, which ping(8) uses, too; 0 if there is none. */
static int64_t receive_timed(int s, void *to, size_t size, ssize_t *ret_n) {
        char control[128];
        struct iovec part = { to, size };
        struct msghdr m = { .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof control };
        struct cmsghdr *c;
        struct timespec t = {};

        *ret_n = recvmsg(s, &m, 0);
        c = *ret_n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
        if (c && c->cmsg_type == SO_TIMESTAMPNS)
                memcpy(&t, CMSG_DATA(c), sizeof t);
        return t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

/*
 * Round-trip times of @n echo requests from a to b, one every @gap_us, in the order of their
 * return; what has not come back a second after the last is lost.
 */
static int ping(int n, int gap_us, size_t size, int64_t *times) {
        int s = socket_at(&a, SOCK_RAW, IPPROTO_ICMP), sent = 0, got = 0, one = 1;
        struct sockaddr_in to = peer("10.9.0.2", 0);
        uint8_t packet[2048] = {}, reply[2048];
        int64_t *sent_at = calloc((size_t) n, sizeof *sent_at), next = now_ns();

        must(sent_at, "memory");
        must(setsockopt(s, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) == 0, "timestamps");
        while (got < n) {
                struct icmphdr *h = (struct icmphdr *) packet,
                               *back = (struct icmphdr *) (reply + 20);
                int64_t now = now_ns(), until = sent < n ? next : next + NS_PER_SECOND;
                struct timespec wait = { 0, until > now ? until - now : 0 };
                struct pollfd p = { .fd = s, .events = POLLIN };

                if (wait.tv_nsec >= NS_PER_SECOND)
                        wait = (struct timespec){ 1, 0 };
                if (ppoll(&p, 1, &wait, NULL) > 0) {
                        ssize_t r;
                        int64_t at = receive_timed(s, reply, sizeof reply, &r);
                        int i = ntohs(back->un.echo.sequence);

                        if (r >= 28 && back->type == ICMP_ECHOREPLY && i < sent)
                                times[got++] = at - sent_at[i];
                } else if (sent == n)
                        break;
                if (sent < n && now_ns() >= next) {
                        *h = (struct icmphdr){ .type = ICMP_ECHO };
                        h->un.echo.sequence = htons((uint16_t) sent);
                        h->checksum = checksum((uint16_t *) packet, sizeof *h + size);
                        sent_at[sent++] = clock_ns(CLOCK_REALTIME);
                        (void) !sendto(s, packet, sizeof *h + size, 0, (struct sockaddr *) &to,
                                       sizeof to);
                        next += gap_us * 1000LL;
                }
        }
        free(sent_at);
        close(s);
        return got;
}

static int compare_times(const void *x, const void *y) {
        int64_t p = *(const int64_t *) x, q = *(const int64_t *) y;

        return p < q ? -1 : p > q;
}

typedef struct Flood {
        pthread_t thread;
        int socket;
        struct sockaddr_in to;
        size_t size;
        volatile bool stop;
        volatile uint64_t sent;
        int64_t gap_ns;
} Flood;

/* Packets that begin with their number. */
static void *flood_main(void *context) {
        Flood *f = context;
        uint8_t bytes[2048] = {};
        int64_t next = now_ns();

        stay_on(0);
        while (!f->stop) {
                uint64_t number = f->sent;

                memcpy(bytes, &number, sizeof number);
                if (sendto(f->socket, bytes, f->size, 0, (struct sockaddr *) &f->to, sizeof f->to) >
                    0)
                        f->sent++;
                if (f->gap_ns) {
                        struct timespec t;

                        next += f->gap_ns;
                        if (next < now_ns() + 20000)
                                continue; /* a timer costs more than that */
                        t = (struct timespec){ next / NS_PER_SECOND, next % NS_PER_SECOND };
                        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
                }
        }
        return NULL;
}

static void flood_begin(Flood *f, bool back, size_t size, int64_t gap_ns) {
        *f = (Flood){ .socket = socket_at(back ? &b : &a, SOCK_DGRAM, 0),
                      .to = peer(back ? "10.9.0.1" : "10.9.0.2", 9),
                      .size = size,
                      .gap_ns = gap_ns };
        pthread_create(&f->thread, NULL, flood_main, f);
}

static void flood_end(Flood *f) {
        f->stop = true;
        pthread_join(f->thread, NULL);
        close(f->socket);
}

/* ---- cases ---- */

static void case_floor(const char *delay, int64_t nominal) {
        autofree char *text = NULL;
        static int64_t times[2000];
        Bench bench;
        int n;

        must(asprintf(&text, "delay=%s", delay) > 0, "memory");
        bench = begin(text, text);
        (void) ping(3, 1000, 56, times);
        n = ping((int) (seconds * 200), 5000, 56, times);
        qsort(times, (size_t) n, sizeof *times, compare_times);
        printf("rtt floor, %s each way: %d echoes, us above nominal: least %.1f, median %.1f, 99%% "
               "%.1f\n",
               delay, n, (double) (times[0] - nominal) / 1e3,
               (double) (times[n / 2] - nominal) / 1e3,
               (double) (times[n * 99 / 100] - nominal) / 1e3);
        goal(n > 0 && times[n / 2] - nominal < 100000 && times[0] >= nominal,
             "within 100 us of nominal");
        end(&bench);
}

static void case_rate(const char *rate, double bps, size_t payload) {
        int64_t gap_ns = (int64_t) ((double) (payload + 42) * 8e9 / bps / 1.3), began, took;
        autofree char *text = NULL;
        WireStats before[2], after[2];
        Flood floods[2];
        Bench bench;

        must(asprintf(&text, "rate=%s;queue=200ms", rate) > 0, "memory");
        bench = begin(text, text);
        for (int i = 0; i < 2; i++)
                flood_begin(&floods[i], i, payload, gap_ns);
        usleep(1000000); /* until the queue is full */
        began = now_ns();
        for (int i = 0; i < 2; i++)
                wire_stats(bench.wire, i, &before[i]);
        usleep((useconds_t) (seconds * 1e6));
        took = now_ns() - began;
        for (int i = 0; i < 2; i++)
                wire_stats(bench.wire, i, &after[i]);
        for (int i = 0; i < 2; i++)
                flood_end(&floods[i]);
        printf("rate %s both ways, packets of %zu bytes, offered 1.3 times:", rate, payload + 42);
        for (int i = 0; i < 2; i++) {
                double share =
                        (double) (after[i].bytes - before[i].bytes) * 8e9 / (double) took / bps;

                printf("%s%.4f of it\n", i ? "" : "\n", share);
                goal(share > 0.99 && share < 1.01, "mean within 1 %");
        }
        end(&bench);
}

/* The numbers of all packets that arrive, in their order. */
static void case_order(const char *quality) {
        Bench bench = begin(quality, "");
        struct sockaddr_in at = peer("10.9.0.2", 9);
        struct timeval patience = { .tv_sec = 1 };
        int s = socket_at(&b, SOCK_DGRAM, 0), size = 1 << 24;
        uint64_t number, last = 0, n = 0, wrong = 0;
        int64_t times[2];
        Flood flood;
        int64_t until;

        must(bind(s, (struct sockaddr *) &at, sizeof at) == 0, "bind");
        setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
        /* What waits for an answer to ARP may be overtaken by what comes after it. */
        (void) ping(2, 1000, 56, times);
        flood_begin(&flood, false, 200, 100000);
        until = now_ns() + (int64_t) (seconds * 1e9);
        while (now_ns() < until && recv(s, &number, sizeof number, MSG_TRUNC) > 0) {
                wrong += n > 0 && number <= last;
                last = number;
                n++;
        }
        flood_end(&flood);
        close(s);
        printf("order, '%s': %ju of %ju packets came before an earlier one\n", quality,
               (uintmax_t) wrong, (uintmax_t) n);
        goal(wrong == 0 && n > 0, "none where order is kept");
        end(&bench);
}

static void case_queue(const char *rate, double bps, const char *queue, double bytes) {
        autofree char *text = NULL;
        static int64_t times[4000];
        double theory = bytes * 8e9 / bps + 20e6, measured;
        Bench bench;
        Flood flood;
        int n;

        must(asprintf(&text, "rate=%s;queue=%s;delay=10ms", rate, queue) > 0, "memory");
        bench = begin(text, "delay=10ms");
        flood_begin(&flood, false, 1472, (int64_t) (1514 * 8e9 / bps / 1.2));
        usleep(500000);
        /* Many echoes find the queue full and are dropped; those that do not see all of it. */
        n = ping((int) (seconds * 200), 5000, 1472, times);
        flood_end(&flood);
        qsort(times, (size_t) n, sizeof *times, compare_times);
        measured = n ? (double) times[n / 2] : 0;
        printf("full queue of %s at %s, 10 ms each way: %d echoes, median %.3f ms, theory %.3f ms\n",
               queue, rate, n, measured / 1e6, theory / 1e6);
        goal(measured > theory * 0.95 && measured < theory * 1.05, "within 5 % of theory");
        end(&bench);
}

static void case_lateness(const char *quality, int gap_us) {
        WireStats stats;
        Bench bench = begin(quality, quality);
        Flood flood;

        flood_begin(&flood, false, 200, gap_us * 1000LL);
        usleep(200000);
        wire_clear_stats(bench.wire);
        usleep((useconds_t) (seconds * 1e6));
        flood_end(&flood);
        wire_stats(bench.wire, 0, &stats);
        printf("lateness, %s, a packet every %d us:\n", quality, gap_us);
        goal(histogram_quantile(&stats.lateness, 0.5) < 5000, "median under 5 us");
        end(&bench);
}

static void *sink_main(void *context) {
        static uint8_t bytes[1 << 20];
        int s = accept(*(int *) context, NULL, NULL);

        stay_on(0);
        while (s >= 0 && recv(s, bytes, sizeof bytes, MSG_TRUNC) > 0)
                ;
        close(s);
        return NULL;
}

static void case_gso(const char *quality) {
        struct sockaddr_in to = peer("10.9.0.2", 5001);
        static uint8_t bytes[1 << 18];
        WireSetStats used_before, used;
        WireStats before, after;
        double gbps, processor;
        Bench bench = begin(quality, quality);
        int listener = socket_at(&b, SOCK_STREAM, 0), s;
        int64_t began, until;
        pthread_t sink;

        must(bind(listener, (struct sockaddr *) &to, sizeof to) == 0 && listen(listener, 1) == 0,
             "listen");
        pthread_create(&sink, NULL, sink_main, &listener);
        s = socket_at(&a, SOCK_STREAM, 0);
        must(connect(s, (struct sockaddr *) &to, sizeof to) == 0, "connect");
        for (until = now_ns() + NS_PER_SECOND / 2; now_ns() < until;)
                must(send(s, bytes, sizeof bytes, 0) > 0, "send");
        wire_stats(bench.wire, 0, &before);
        wire_set_stats(bench.set, &used_before);
        began = now_ns();
        for (until = began + (int64_t) (seconds * 1e9); now_ns() < until;)
                must(send(s, bytes, sizeof bytes, 0) > 0, "send");
        wire_stats(bench.wire, 0, &after);
        wire_set_stats(bench.set, &used);
        gbps = (double) (after.bytes - before.bytes) * 8 / (double) (now_ns() - began);
        processor = (double) (used.processor_ns - used_before.processor_ns -
                              (used.spinning_ns - used_before.spinning_ns)) /
                    (double) (now_ns() - began);
        close(s);
        pthread_join(sink, NULL);
        close(listener);
        printf("one TCP stream of GSO frames, '%s': %.2f Gbit/s with %.2f of a processor, %.1f "
               "Gbit/s with all of it\n",
               quality, gbps, processor, gbps / processor);
        goal(gbps / processor > 10, "10 Gbit/s on one processor");
        end(&bench);
}

/* Frames of a protocol that nobody speaks: sent past the queueing discipline, dropped on arrival.
 */
static void *packets_main(void *context) {
        Flood *f = context;
        enum { BATCH = 64 };
        static uint8_t frame[1514] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };
        struct iovec part = { frame, sizeof frame };
        struct mmsghdr batch[BATCH];

        stay_on(0);
        memset(batch, 0, sizeof batch);
        for (int i = 0; i < BATCH; i++)
                batch[i].msg_hdr = (struct msghdr){ .msg_iov = &part, .msg_iovlen = 1 };
        while (!f->stop) {
                int n = sendmmsg(f->socket, batch, BATCH, 0);

                if (n > 0)
                        f->sent += (uint64_t) n;
        }
        return NULL;
}

static void case_packets(const char *quality) {
        WireSetStats used_before, used;
        WireStats before, after;
        struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = 0 };
        struct ifreq request = { .ifr_name = "eth1" };
        int one = 1;
        double pps, processor;
        Bench bench = begin(quality, quality);
        int64_t began, took;
        Flood f = { .socket = socket_at(&a, SOCK_RAW, 0) };

        must(ioctl(f.socket, SIOCGIFINDEX, &request) == 0, "index");
        to.sll_ifindex = request.ifr_ifindex;
        must(bind(f.socket, (struct sockaddr *) &to, sizeof to) == 0, "bind");
        must(setsockopt(f.socket, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) == 0,
             "bypass");
        pthread_create(&f.thread, NULL, packets_main, &f);
        usleep(300000);
        wire_stats(bench.wire, 0, &before);
        wire_set_stats(bench.set, &used_before);
        began = now_ns();
        usleep((useconds_t) (seconds * 1e6));
        wire_stats(bench.wire, 0, &after);
        wire_set_stats(bench.set, &used);
        took = now_ns() - began;
        flood_end(&f);
        pps = (double) (after.packets - before.packets) * 1e9 / (double) took;
        processor = (double) (used.processor_ns - used_before.processor_ns -
                              (used.spinning_ns - used_before.spinning_ns)) /
                    (double) took;
        printf("packets of 1514 bytes, '%s': %.0f a second with %.2f of a processor, %.0f with all "
               "of it\n",
               quality, pps, processor, pps / processor);
        goal(pps / processor > 400000, "400000 packets a second on one processor");
        end(&bench);
}

static int packet_socket(const char *name) {
        struct sockaddr_ll at = { .sll_family = AF_PACKET };
        struct ifreq request = {};
        int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

        strcpy(request.ifr_name, name);
        must(s >= 0 && ioctl(s, SIOCGIFINDEX, &request) == 0, "packet socket");
        at.sll_ifindex = request.ifr_ifindex;
        must(bind(s, (struct sockaddr *) &at, sizeof at) == 0, "bind");
        return s;
}

/* Packets in turn over so many wires of one thread. */
static void case_many(int n, int pps) {
        static const uint8_t frame[200] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };
        int *sockets = calloc((size_t) n, sizeof *sockets), made = 0;
        Bench bench = begin("delay=5ms", "delay=5ms");
        Wire **wires = calloc((size_t) n, sizeof *wires);
        Histogram late = {};
        uint64_t packets = 0, overruns = 0;
        int64_t began, next;
        Quality q[2] = { { .delay_ns = 5000000 }, { .delay_ns = 5000000 } };
        int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        must(sockets && wires && s >= 0, "memory");
        for (; made < n; made++) {
                char names[2][16];
                int taps[2];

                for (int i = 0; i < 2; i++) {
                        snprintf(names[i], sizeof names[i], "%c%d", "cd"[i], made);
                        taps[i] = tap_open(names[i], NULL);
                        must(taps[i] >= 0 && end_set(s, SIOCSIFFLAGS, names[i], NULL) == 0, "tap");
                }
                must(wire_add(bench.set, names[0], taps[0], taps[1], q, 1, &wires[made], NULL) == 0,
                     "wire");
                sockets[made] = packet_socket(names[0]);
        }
        sleep(1); /* what the kernel says over new interfaces */
        for (int i = 0; i < n; i++)
                wire_clear_stats(wires[i]);
        began = next = now_ns();
        for (int i = 0; now_ns() - began < (int64_t) (seconds * 1e9); i = (i + 1) % n) {
                (void) !send(sockets[i], frame, sizeof frame, 0);
                for (next += NS_PER_SECOND / pps; now_ns() < next;)
                        ;
        }
        usleep(50000);
        for (int i = 0; i < n; i++) {
                WireStats w;

                wire_stats(wires[i], 0, &w);
                histogram_merge(&late, &w.lateness);
                packets += w.packets;
                overruns += w.overruns;
        }
        printf("%d wires, %d packets a second over all: %ju packets, lateness us: median %.1f, 90%% "
               "%.1f, 99%% %.1f; overruns %ju\n",
               n, pps, (uintmax_t) packets, (double) histogram_quantile(&late, 0.5) / 1e3,
               (double) histogram_quantile(&late, 0.9) / 1e3,
               (double) histogram_quantile(&late, 0.99) / 1e3, (uintmax_t) overruns);
        goal(histogram_quantile(&late, 0.5) < 5000, "median under 5 us");
        end(&bench);
        for (int i = 0; i < n; i++)
                close(sockets[i]);
        free(sockets);
        free(wires);
        close(s);
}

static bool wanted(int argc, char **argv, const char *name) {
        for (int i = 1; i < argc; i++)
                if (strcmp(argv[i], name) == 0)
                        return true;
        return argc == 1;
}

int main(int argc, char **argv) {
        char *text = getenv("WIRE_PRIORITY");

        if (text)
                priority = atoi(text);
        text = getenv("WIRE_SECONDS");
        if (text)
                seconds = atof(text);
        setvbuf(stdout, NULL, _IOLBF, 0);
        stay_on(0);
        before_others();
        if (wanted(argc, argv, "floor")) {
                case_floor("0ms", 0);
                case_floor("1ms", 2000000);
                case_floor("10ms", 20000000);
        }
        if (wanted(argc, argv, "rate")) {
                case_rate("1mbit", 1e6, 1472);
                case_rate("10mbit", 10e6, 1472);
                case_rate("100mbit", 100e6, 1472);
                case_rate("100mbit", 100e6, 100);
                case_rate("1gbit", 1e9, 1472);
        }
        if (wanted(argc, argv, "queue")) {
                case_queue("10mbit", 10e6, "64kb", 43 * 1514);
                case_queue("100mbit", 100e6, "100p", 100 * 1514);
                case_queue("10mbit", 10e6, "50ms", 41 * 1514);
        }
        if (wanted(argc, argv, "order")) {
                case_order("delay=5ms;jitter=5ms");
                case_order("delay=5ms;jitter=1ms;distribution=normal;rate=50mbit;loss=1%");
        }
        if (wanted(argc, argv, "lateness")) {
                case_lateness("delay=5ms", 1000);
                case_lateness("delay=5ms", 100);
                case_lateness("delay=5ms;jitter=2ms;order=free", 100);
        }
        if (wanted(argc, argv, "gso")) {
                case_gso("");
                case_gso("delay=1ms");
                case_gso("rate=10gbit;queue=4mb");
        }
        if (wanted(argc, argv, "packets")) {
                case_packets("");
                case_packets("delay=1ms");
                case_packets("rate=10gbit;delay=1ms;loss=1%");
        }
        if (wanted(argc, argv, "many")) {
                case_many(100, 10000);
                case_many(1000, 10000);
        }
        return missed > 0;
}
