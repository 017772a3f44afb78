/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <math.h>

#include "test.h"
#include "wire/codel.h"

#define MS 1000000LL
#define N  20000

/* A queue at a bottleneck that takes @tx_ns for each packet, with packets every @gap_ns. */
typedef struct Bottleneck {
        Packet packets[N];
        PacketQueue queue, dropped;
        Codel codel;
        int64_t now, next_arrival, sojourn;
        int arrived, sent;
        int64_t drops[N]; /* their times */
        int n_drops;
} Bottleneck;

static void arrive_until(Bottleneck *b, int64_t gap_ns, int64_t now) {
        while (b->arrived < N && b->next_arrival <= now) {
                Packet *p = &b->packets[b->arrived++];

                *p = (Packet){ .arrival_ns = b->next_arrival, .n = 1, .bytes = 1500, .size = 1500 };
                packet_queue_push(&b->queue, p);
                b->next_arrival += gap_ns;
        }
}

static void run(Bottleneck *b, int64_t gap_ns, int64_t tx_ns, int64_t until) {
        for (; b->now < until; b->now += tx_ns) {
                Packet *p;

                arrive_until(b, gap_ns, b->now);
                p = codel_dequeue(&b->codel, b->now, &b->queue, &b->dropped);
                for (Packet *d; (d = packet_queue_pop(&b->dropped));) {
                        expect(d->verdict == PACKET_CODEL);
                        b->drops[b->n_drops++] = b->now;
                }
                if (p) {
                        b->sent++;
                        b->sojourn = b->now - p->arrival_ns;
                }
        }
}

TEST(nothing_is_dropped_while_packets_wait_for_less_than_the_target) {
        static Bottleneck b;

        run(&b, MS, MS, 10000 * MS);
        expect(b.n_drops == 0 && b.sent == 10000);
}

TEST(a_burst_that_is_gone_within_the_interval_is_let_through) {
        static Bottleneck b;

        for (int i = 0; i < 90; i++) {
                b.packets[i] = (Packet){ .n = 1, .bytes = 1500, .size = 1500 };
                packet_queue_push(&b.queue, &b.packets[i]);
        }
        b.arrived = N;
        run(&b, 0, MS, 90 * MS);
        expect(b.n_drops == 0 && b.sent == 90);
}

TEST(the_first_drop_comes_an_interval_after_the_target_was_passed) {
        static Bottleneck b;

        run(&b, MS, 2 * MS, 2000 * MS);
        /* Packet n leaves at 2n ms and arrived at n ms: the sixth waits for 5 ms. */
        expect(b.drops[0] == 10 * MS + CODEL_INTERVAL_NS);
}

TEST(drops_come_closer_with_the_square_root_of_their_number) {
        static Bottleneck b;
        double next;

        run(&b, MS, 2 * MS, 2000 * MS);
        next = (double) b.drops[0];
        for (int i = 1; i < 20; i++) {
                next += CODEL_INTERVAL_NS / sqrt(i);
                expect((double) b.drops[i] >= next - 1 && (double) b.drops[i] < next + 2 * MS);
        }
}

TEST(dropping_ends_when_the_queue_is_short_and_goes_on_where_it_was_soon_after) {
        static Bottleneck b;
        uint32_t count;
        int before;

        run(&b, MS, 2 * MS, 1500 * MS);
        expect(b.codel.dropping);
        count = b.codel.count;
        expect(count > 10);
        b.next_arrival = b.now + 10 * MS;
        while (b.queue.head)
                run(&b, MS, MS / 10, b.now + MS / 10);
        run(&b, MS, MS / 10, b.now + MS);
        expect(!b.codel.dropping);
        before = b.n_drops;
        b.next_arrival = b.now;
        run(&b, MS, 2 * MS, b.now + 300 * MS);
        expect(b.n_drops > before && b.codel.last_count > 1);
}

TEST(the_last_packet_of_full_size_is_never_dropped) {
        static Bottleneck b;

        /* Each waits for 20 ms, but behind it there is never more than one. */
        run(&b, 20 * MS, 20 * MS, 100 * MS);
        b.next_arrival = b.now - 20 * MS;
        run(&b, 20 * MS, 20 * MS, 20000 * MS);
        expect(b.n_drops == 0 && b.sojourn == 20 * MS);
}
