/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <math.h>

#include "wire/codel.h"

/* The time to the next drop shrinks with the square root of their number: TCP's rate, which goes
 * with the inverse square root of its losses, then falls in proportion. */
static int64_t control_law(int64_t t, uint32_t count) {
        return t + (int64_t) (CODEL_INTERVAL_NS / sqrt(count));
}

/* Takes the next one; *ret_late: it and those before waited for too long, for so long. */
static Packet *take(Codel *c, int64_t now, PacketQueue *queue, bool *ret_late) {
        Packet *p = packet_queue_pop(queue);

        *ret_late = false;
        if (!p || now - p->arrival_ns < CODEL_TARGET_NS || queue->bytes <= queue->size_max)
                c->first_above_ns = 0;
        else if (c->first_above_ns == 0)
                c->first_above_ns = now + CODEL_INTERVAL_NS;
        else
                *ret_late = now >= c->first_above_ns;
        return p;
}

static void drop(Packet *p, PacketQueue *dropped) {
        p->verdict = PACKET_CODEL;
        packet_queue_push(dropped, p);
}

static Packet *go_on(Codel *c, int64_t now, Packet *p, bool late, PacketQueue *queue,
                     PacketQueue *dropped) {
        c->dropping = late;
        while (c->dropping && now >= c->drop_next_ns) {
                drop(p, dropped);
                c->count++;
                p = take(c, now, queue, &c->dropping);
                if (c->dropping)
                        c->drop_next_ns = control_law(c->drop_next_ns, c->count);
        }
        return p;
}

/* If the last time is not long ago, the rate of drops that was right then is a good one to begin
 * with. */
static Packet *begin(Codel *c, int64_t now, Packet *p, PacketQueue *queue, PacketQueue *dropped) {
        uint32_t delta = c->count - c->last_count;
        bool late;

        drop(p, dropped);
        p = take(c, now, queue, &late);
        c->dropping = true;
        c->count = delta > 1 && now - c->drop_next_ns < 16LL * CODEL_INTERVAL_NS ? delta : 1;
        c->last_count = c->count;
        c->drop_next_ns = control_law(now, c->count);
        return p;
}

Packet *codel_dequeue(Codel *c, int64_t now, PacketQueue *queue, PacketQueue *dropped) {
        bool late;
        Packet *p = take(c, now, queue, &late);

        if (!p)
                c->dropping = false;
        else if (c->dropping)
                p = go_on(c, now, p, late, queue, dropped);
        else if (late)
                p = begin(c, now, p, queue, dropped);
        return p;
}
