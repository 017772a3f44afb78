/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "wire/path.h"

#define NS_PER_SECOND 1000000000ULL
#define BATCH_NS      50000
#define DEFAULT_QUEUE 1000

static uint64_t bytes_in(uint64_t bps, uint64_t ns) {
        return (uint64_t) ((unsigned __int128) bps * ns / 8 / NS_PER_SECOND);
}

PathRules path_rules(const Quality *q, const Trace *trace) {
        PathRules rules = { .rate_bps = q->rate_bps,
                            .trace = trace,
                            .max_packets = UINT64_MAX,
                            .max_bytes = UINT64_MAX,
                            .codel = q->discipline == QUEUE_CODEL,
                            .keeps_order = !q->may_reorder };

        switch (q->queue_unit) {
        case QUEUE_DEFAULT:
                rules.max_packets = DEFAULT_QUEUE;
                break;
        case QUEUE_PACKETS:
                rules.max_packets = q->queue;
                break;
        case QUEUE_BYTES:
                rules.max_bytes = q->queue;
                break;
        case QUEUE_TIME:
                rules.max_bytes = bytes_in(trace ? trace->mean_bps : q->rate_bps, q->queue);
                break;
        }
        if (q->reorder > 0)
                rules.least_delay_ns = 0;
        else if (q->jitter_ns == 0)
                rules.least_delay_ns = q->delay_ns;
        else if (q->distribution == DELAY_UNIFORM && q->jitter_ns < q->delay_ns)
                rules.least_delay_ns = q->delay_ns - q->jitter_ns;
        return rules;
}

/* ---- flight ---- */

static void end_packet(Path *p, Packet *packet) {
        packet_queue_push(&p->ended, packet);
}

static void fly(Path *p, Packet *packet, int64_t departure) {
        packet->due_ns = departure < TIME_FAR ? departure + packet->delay_ns : TIME_FAR;
        if (p->rules.keeps_order && !packet->overtakes && packet->due_ns < p->latest_ns)
                packet->due_ns = p->latest_ns;
        p->in_flight += packet->n;
        if (packet->due_ns < p->latest_ns) {
                p->overtaking = packet_heap_add(p->overtaking, packet);
        } else {
                p->latest_ns = packet->due_ns;
                packet_queue_push(&p->flight, packet);
        }
}

/* ---- transmitter ---- */

/* When what is taken at @start has been sent. */
static int64_t send(Path *p, int64_t start, const Packet *packet) {
        unsigned __int128 work, takes;

        if (p->rules.trace)
                return trace_send(p->rules.trace, &p->cursor, start, packet->bytes);
        if (p->rules.rate_bps == 0)
                return start;
        if (start > p->free_ns)
                p->remainder = 0;
        work = (unsigned __int128) packet->bytes * 8 * NS_PER_SECOND + p->remainder;
        p->remainder = (uint64_t) (work % p->rules.rate_bps);
        takes = work / p->rules.rate_bps;
        return takes < (uint64_t) (TIME_FAR - start) ? start + (int64_t) takes : TIME_FAR;
}

static int64_t next_start(const Path *p) {
        int64_t arrival = p->queue.head->arrival_ns;

        return arrival > p->free_ns ? arrival : p->free_ns;
}

/* Takes out of the queue what has been begun by now. */
static void advance(Path *p, int64_t now) {
        while (p->queue.head) {
                int64_t start = next_start(p);
                Packet *packet;

                if (start > now)
                        return;
                packet = p->rules.codel ? codel_dequeue(&p->codel, start, &p->queue, &p->ended)
                                        : packet_queue_pop(&p->queue);
                if (!packet)
                        return;
                p->free_ns = send(p, start, packet);
                p->sending.start_ns = start;
                p->sending.bytes = packet->bytes;
                p->sending.size = packet->size;
                p->sending.n = packet->n;
                p->sending.arrives = packet->verdict == PACKET_ARRIVES;
                if (packet->verdict == PACKET_ARRIVES)
                        fly(p, packet, p->free_ns);
                else
                        end_packet(p, packet);
        }
}

void path_set_rules(Path *p, const PathRules *rules, int64_t now, int64_t origin_ns) {
        bool other = rules->trace != p->rules.trace || origin_ns != p->cursor.origin_ns;

        advance(p, now);
        if (rules->codel != p->rules.codel)
                p->codel = (Codel){};
        if (other)
                p->cursor = (TraceCursor){ .origin_ns = origin_ns };
        p->rules = *rules;
        p->remainder = 0;
        advance(p, now);
}

/* ---- queue ---- */

uint64_t path_queued(Path *p, int64_t now, uint64_t *ret_bytes) {
        uint64_t packets, bytes;

        advance(p, now);
        packets = p->queue.packets;
        bytes = p->queue.bytes;
        if (p->free_ns > now && p->sending.n > 0) {
                uint64_t sent = 0;

                if (p->sending.n > 1) {
                        sent = (uint64_t) ((unsigned __int128) p->sending.bytes *
                                           (uint64_t) (now - p->sending.start_ns) /
                                           (uint64_t) (p->free_ns - p->sending.start_ns));
                        sent /= p->sending.size;
                }
                packets += p->sending.n - sent;
                bytes += p->sending.bytes - sent * p->sending.size;
        }
        *ret_bytes = bytes;
        return packets;
}

PathGauges path_gauges(Path *p, int64_t now) {
        PathGauges g;
        uint64_t sending, sending_bytes;

        g.queued = path_queued(p, now, &g.queued_bytes);
        g.in_flight = p->in_flight;
        sending = g.queued - p->queue.packets;
        sending_bytes = g.queued_bytes - p->queue.bytes;
        /* What is being sent has its place in flight already, or is known to be lost. */
        if (p->sending.arrives)
                g.in_flight -= sending;
        else {
                g.queued -= sending;
                g.queued_bytes -= sending_bytes;
        }
        return g;
}

uint32_t path_room(Path *p, int64_t now, uint32_t size, uint32_t n) {
        uint64_t bytes, packets, room;

        if (p->rules.rate_bps == 0 && !p->rules.trace)
                return n;
        packets = path_queued(p, now, &bytes);
        if (packets == 0 && n == 1)
                return 1;
        room = p->rules.max_packets > packets ? p->rules.max_packets - packets : 0;
        if (p->rules.max_bytes != UINT64_MAX) {
                uint64_t by_bytes =
                        p->rules.max_bytes > bytes ? (p->rules.max_bytes - bytes) / size : 0;

                if (by_bytes < room)
                        room = by_bytes;
        }
        if (packets == 0 && room == 0)
                return 1;
        return room < n ? (uint32_t) room : n;
}

uint32_t path_batch(const Path *p, uint32_t size) {
        uint64_t n;

        if (p->rules.trace || p->rules.codel)
                return 1;
        if (p->rules.rate_bps == 0)
                return UINT16_MAX;
        n = bytes_in(p->rules.rate_bps, BATCH_NS) / size;
        return n < 1 ? 1 : n > UINT16_MAX ? UINT16_MAX : (uint32_t) n;
}

void path_enter(Path *p, Packet *packet, int64_t now) {
        packet->arrival_ns = now;
        packet->order = p->n_entered++;
        packet_queue_push(&p->queue, packet);
        advance(p, now);
}

/* ---- the end ---- */

/* Whether the first of the heap comes before the first in order. */
static bool heap_is_first(const Path *p) {
        return p->overtaking &&
               (!p->flight.head || packet_is_before(p->overtaking, p->flight.head));
}

static Packet *take_from_heap(Path *p) {
        Packet *packet = p->overtaking;

        p->overtaking = packet_heap_pop(packet);
        p->in_flight -= packet->n;
        return packet;
}

static Packet *take_in_order(Path *p) {
        Packet *packet = packet_queue_pop(&p->flight);

        if (packet)
                p->in_flight -= packet->n;
        return packet;
}

Packet *path_leave(Path *p, int64_t now, bool *ret_reordered) {
        Packet *packet;

        *ret_reordered = false;
        advance(p, now);
        packet = packet_queue_pop(&p->ended);
        if (packet)
                return packet;
        if (heap_is_first(p)) {
                *ret_reordered = true;
                return p->overtaking->due_ns <= now ? take_from_heap(p) : NULL;
        }
        return p->flight.head && p->flight.head->due_ns <= now ? take_in_order(p) : NULL;
}

int64_t path_next(const Path *p) {
        int64_t next = INT64_MAX;

        if (p->ended.head)
                return INT64_MIN;
        if (p->flight.head)
                next = p->flight.head->due_ns;
        if (p->overtaking && p->overtaking->due_ns < next)
                next = p->overtaking->due_ns;
        if (p->queue.head) {
                /* Sent later, but not there before: then it is early enough to work it out. */
                int64_t delay = p->queue.head->delay_ns, start = next_start(p);

                if (p->rules.least_delay_ns < delay)
                        delay = p->rules.least_delay_ns;
                if (start + delay < next)
                        next = start + delay;
        }
        return next;
}

Packet *path_empty(Path *p) {
        Packet *packet = packet_queue_pop(&p->ended);

        if (!packet)
                packet = packet_queue_pop(&p->queue);
        if (!packet && p->overtaking)
                packet = take_from_heap(p);
        if (!packet)
                packet = take_in_order(p);
        if (!packet) {
                p->free_ns = p->latest_ns = 0;
                p->sending.n = 0;
                p->codel = (Codel){};
        }
        return packet;
}
