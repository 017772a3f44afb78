/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "test.h"
#include "wire/packet.h"
#include "wire/random.h"

TEST(a_queue_is_first_in_first_out_and_knows_what_it_holds) {
        PacketQueue q = {};
        Packet a = { .n = 3, .bytes = 4000, .size = 1500 }, b = { .n = 1, .bytes = 60, .size = 60 };

        packet_queue_push(&q, &a);
        packet_queue_push(&q, &b);
        expect(q.packets == 4 && q.bytes == 4060 && q.size_max == 1500);
        expect(packet_queue_pop(&q) == &a && packet_queue_pop(&q) == &b);
        expect(!packet_queue_pop(&q) && q.packets == 0 && q.bytes == 0);
        packet_queue_push(&q, &b);
        expect(packet_queue_pop(&q) == &b);
}

TEST(a_heap_gives_back_in_order_of_time_and_then_of_arrival) {
        static Packet packets[5000];
        Packet *heap = NULL, *last = NULL;
        int n = 0;

        /* Some are taken out in between: what was added last is then not at its end. */
        for (uint64_t k = 0; k < 5000; k++) {
                packets[k].due_ns = (int64_t) (draw(1, DRAW_JITTER, k) % 500);
                packets[k].order = k;
                heap = packet_heap_add(heap, &packets[k]);
                if (k % 5 == 4) {
                        for (uint64_t i = 0; i <= k; i++)
                                expect(packets[i].n || !packet_is_before(&packets[i], heap));
                        heap->n = 1;
                        heap = packet_heap_pop(heap);
                        n++;
                }
        }
        for (; heap; heap = packet_heap_pop(heap), n++) {
                expect(!last || packet_is_before(last, heap));
                last = heap;
        }
        expect(n == 5000);
}
