/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "wire/gso.h"
#include "wire/random.h"
#include "wire/wire_internal.h"

#define READ_BATCH 64

static FateRules rules_of(const Direction *d) {
        const PlanStage *stage = &d->plan->stages[d->stage];
        const Trace *trace = d->plan->trace;

        return (FateRules){ .quality = &stage->quality,
                            .pattern = stage->pattern,
                            .trace = trace && (trace->has_delay || trace->has_loss) ? trace : NULL,
                            .origin_ns = d->trace_ns };
}

/*
 * The C library's readv() and writev() are points at which a thread can be cancelled, which nobody
 * does: the calls themselves are some percent cheaper in all.
 */
static ssize_t call_readv(int fd, const struct iovec *parts, int n) {
        return syscall(SYS_readv, fd, parts, n);
}

static ssize_t call_writev(int fd, const struct iovec *parts, int n) {
        return n == 1 ? syscall(SYS_write, fd, parts[0].iov_base, parts[0].iov_len)
                      : syscall(SYS_writev, fd, parts, n);
}

/* ---- changes of quality ---- */

/* Works out when there is something to do next. */
static void set_next(Direction *d) {
        int64_t next = path_next(&d->path);

        if (d->stage + 1 < d->plan->n) {
                int64_t step = d->schedule_ns + d->plan->stages[d->stage + 1].at_ns;

                if (step < next)
                        next = step;
        }
        if (next != d->next_ns) {
                d->next_ns = next;
                wire_heap_move(d->wire->set, d);
        }
}

static void enter_stage(Direction *d, size_t stage, int64_t now) {
        const PlanStage *to = &d->plan->stages[stage];

        d->stage = stage;
        path_set_rules(&d->path, &to->path, now, d->trace_ns);
}

Plan *direction_set_plan(Direction *d, Plan *plan, int64_t now) {
        Plan *old = d->plan;
        size_t stage;

        if (!old || !plan_same_schedule(&old->quality, &plan->quality))
                d->schedule_ns = now;
        if (!old || !plan_same_trace(&old->quality, &plan->quality))
                d->trace_ns = now;
        stage = plan_stage(plan, now - d->schedule_ns);
        if (!old || !plan_same_loss(&old->stages[d->stage].quality, &plan->stages[stage].quality)) {
                d->maker.bad = false;
                d->maker.pattern_k = d->maker.k;
        }
        if (plan->quality.has_seed)
                d->maker.seed = draw_seed(plan->quality.seed, (uint64_t) d->index);
        d->plan = plan;
        enter_stage(d, stage, now);
        set_next(d);
        return old;
}

void direction_begin(Direction *d, int64_t now) {
        d->schedule_ns = d->trace_ns = now;
        enter_stage(d, 0, now);
        set_next(d);
}

/* Goes through the stages that have begun by now, each at its time. */
static void follow_schedule(Direction *d, int64_t now) {
        while (d->stage + 1 < d->plan->n) {
                const PlanStage *from = &d->plan->stages[d->stage], *to = from + 1;

                if (d->schedule_ns + to->at_ns > now)
                        return;
                if (!plan_same_loss(&from->quality, &to->quality)) {
                        d->maker.bad = false;
                        d->maker.pattern_k = d->maker.k;
                }
                enter_stage(d, d->stage + 1, d->schedule_ns + to->at_ns);
        }
}

/* ---- out ---- */

static void drop(Direction *d, WireDrop why, uint64_t packets, uint64_t bytes) {
        d->stats.dropped[why] += packets;
        d->stats.dropped_bytes += bytes;
}

static bool write_out(Direction *d, Frame *f) {
        struct iovec parts[FRAME_PARTS];
        int n;

        if (d->wire->has_tunnel && d->index == 0)
                return tunnel_write(&d->wire->tunnel, d->out, &d->wire->set->pool, f) >= 0;
        n = frame_parts(f, parts);
        return call_writev(d->out, parts, n) >= 0;
}

static void write_frame(Direction *d, Frame *f, const Packet *packet) {
        int64_t now = wire_now(d->wire->set), late = now - packet->due_ns;

        if (!write_out(d, f)) {
                drop(d, WIRE_DROP_DOWN, packet->n, packet->bytes);
                return;
        }
        d->stats.frames++;
        d->stats.packets += packet->n;
        d->stats.bytes += packet->bytes;
        histogram_add(&d->stats.lateness, late);
        if (late > WIRE_OVERRUN_NS && !packet->is_overrun)
                d->stats.overruns += packet->n;
        if (d->wire->capture)
                capture_frame(d->wire, !d->index, now, PCAPNG_INBOUND, f);
}

static void arrive(Direction *d, Packet *packet, bool reordered) {
        Frame *f = (Frame *) packet;

        if (reordered)
                d->stats.reordered += packet->n;
        if (packet->corrupt) {
                d->stats.corrupted += packet->n;
                frame_finish_checksum(f);
                frame_flip(f, packet->choice);
        }
        write_frame(d, f, packet);
        if (packet->duplicate) {
                d->stats.duplicated += packet->n;
                write_frame(d, f, packet);
        }
}

static int leave_by(Direction *d, int64_t now) {
        Packet *packet;
        bool reordered;
        int n = 0;

        while ((packet = path_leave(&d->path, now, &reordered))) {
                if (packet->verdict == PACKET_ARRIVES) {
                        arrive(d, packet, reordered);
                        n++;
                } else
                        drop(d, packet->verdict == PACKET_LOST ? WIRE_DROP_LOSS : WIRE_DROP_CODEL,
                             packet->n, packet->bytes);
                frame_release(&d->wire->set->pool, (Frame *) packet);
        }
        return n;
}

int direction_run(Direction *d, int64_t now) {
        int n;

        follow_schedule(d, now);
        n = leave_by(d, now);
        set_next(d);
        return n;
}

void direction_drop_all(Direction *d, int64_t now) {
        Packet *packet;

        follow_schedule(d, now);
        while ((packet = path_empty(&d->path))) {
                drop(d, WIRE_DROP_CUT, packet->n, packet->bytes);
                frame_release(&d->wire->set->pool, (Frame *) packet);
        }
        set_next(d);
}

/* ---- in ---- */

/* Sends @count packets of a frame on their way, which share a fate; as many as the queue takes. */
static void enter(Direction *d, Frame *f, const Gso *g, uint32_t first, uint32_t count,
                  const Fate *fate, int64_t now) {
        uint32_t room = path_room(&d->path, now, g->size, count);
        uint32_t all = gso_bytes(g, first, count), bytes = room ? gso_bytes(g, first, room) : 0;
        Frame *piece = f;

        if (room < count)
                drop(d, WIRE_DROP_QUEUE, count - room, all - bytes);
        if (room == 0)
                return;
        if (room < g->n)
                piece = gso_piece(&d->wire->set->pool, f, g, first, room);
        else
                f->refs++;
        if (!piece) {
                drop(d, WIRE_DROP_MEMORY, room, bytes);
                return;
        }
        piece->packet = (Packet){ .n = (uint16_t) room,
                                  .bytes = bytes,
                                  .size = room == 1 ? bytes : g->size,
                                  .delay_ns = fate->delay_ns,
                                  .verdict = fate->lost ? PACKET_LOST : PACKET_ARRIVES,
                                  .overtakes = fate->overtakes,
                                  .corrupt = fate->corrupt,
                                  .duplicate = fate->duplicate,
                                  .is_overrun = d->is_behind,
                                  .choice = fate->choice };
        path_enter(&d->path, &piece->packet, now);
}

/* Groups a frame's packets by their fates; in most frames all have the same. */
static void accept_frame(Direction *d, Frame *f, const Gso *g, int64_t now) {
        FateRules rules = rules_of(d);
        bool plain = d->plan->stages[d->stage].plain;
        uint32_t batch = path_batch(&d->path, g->size), first = 0;
        Fate fate = fate_next(&d->maker, &rules, now), next = fate;

        if (plain)
                d->maker.k += g->n - 1;
        while (first < g->n) {
                uint32_t end = plain ? g->n : first + 1;

                while (!plain && end < g->n) {
                        next = fate_next(&d->maker, &rules, now);
                        if (!fate_equal(&fate, &next) || end - first == batch)
                                break;
                        end++;
                }
                while (first < end) {
                        uint32_t count = end - first < batch ? end - first : batch;

                        enter(d, f, g, first, count, &fate, now);
                        first += count;
                }
                fate = next;
        }
}

/* Whether what is read now may have been there for a long time. */
static bool is_behind(const Direction *d, int64_t now) {
        return d->wire->set->was_kept || (d->behind_ns && now - d->behind_ns > WIRE_OVERRUN_NS);
}

static void receive_frame(Direction *d, Frame *f, int64_t now) {
        Gso g = gso_look(f);
        uint32_t bytes = gso_bytes(&g, 0, g.n);

        d->is_behind = is_behind(d, now);
        if (d->is_behind)
                d->stats.overruns += g.n;
        d->stats.arrived += g.n;
        d->stats.arrived_bytes += bytes;
        if (d->wire->capture)
                capture_frame(d->wire, d->index, now, PCAPNG_OUTBOUND, f);
        if (d->wire->is_cut)
                drop(d, WIRE_DROP_CUT, g.n, bytes);
        else
                accept_frame(d, f, &g, now);
}

/* There is no memory for it: the set's frame will be read into again. */
static void refuse_frame(Direction *d, Frame *f, int64_t now) {
        Gso g = gso_look(f);
        FateRules rules = rules_of(d);

        d->stats.arrived += g.n;
        d->stats.arrived_bytes += gso_bytes(&g, 0, g.n);
        drop(d, WIRE_DROP_MEMORY, g.n, gso_bytes(&g, 0, g.n));
        /* Its packets have their numbers all the same. */
        for (uint32_t i = 0; i < g.n; i++)
                (void) fate_next(&d->maker, &rules, now);
        f->rest = NULL;
        f->rest_length = 0;
}

/* Gives the set another frame to read into, so that @set->frame is free to go; false: without
 * memory it is not. */
static bool replace_frame(WireSet *set, bool with_rest) {
        Frame *frame = pool_take(&set->pool);
        uint8_t *rest = frame && with_rest ? pool_take_rest(&set->pool) : NULL;

        if (!frame || (with_rest && !rest)) {
                frame_release(&set->pool, frame);
                return false;
        }
        set->frame = frame;
        if (with_rest)
                set->rest = rest;
        return true;
}

static ssize_t read_in(const Direction *d, Frame *f) {
        uint8_t *rest = d->wire->set->rest;
        struct iovec parts[2] = { { f->data, FRAME_HEADER + FRAME_HEAD }, { rest, FRAME_REST } };
        ssize_t length;

        if (d->wire->has_tunnel && d->index == 1)
                return tunnel_read(&d->wire->tunnel, d->in, f, rest);
        length = call_readv(d->in, parts, 2);
        return length < 0 ? -errno : length;
}

/* 1: a frame was read, and *written came out; 0: there is none; else it is over with this
 * descriptor. */
static int read_frame(Direction *d, int *written) {
        WireSet *set = d->wire->set;
        Frame *f = set->frame;
        ssize_t length = read_in(d, f);
        size_t head;
        int64_t now;

        if (length == -EBADMSG) /* of somebody else, and for nobody here */
                return 1;
        if (length < 0)
                return length == -EAGAIN || length == -EINTR || length == -EIO ? 0 : (int) length;
        if (length <= FRAME_HEADER)
                return length == 0 ? -ENODATA : 1;
        now = wire_now(set);
        follow_schedule(d, now);
        head = (size_t) length - FRAME_HEADER;
        f->head_length = (uint16_t) (head < FRAME_HEAD ? head : FRAME_HEAD);
        f->rest_length = (uint32_t) (head - f->head_length);
        f->rest = f->rest_length ? set->rest : NULL;
        if (replace_frame(set, f->rest)) {
                receive_frame(d, f, now);
                frame_release(&set->pool, f);
        } else {
                refuse_frame(d, f, now);
        }
        *written += leave_by(d, now);
        return 1;
}

int direction_receive(Direction *d) {
        int n = 0, written = 0, r = 1;
        int64_t begin = wire_now(d->wire->set);

        while (n < READ_BATCH && (r = read_frame(d, &written)) > 0)
                n++;
        if (n < READ_BATCH)
                d->behind_ns = 0;
        else if (d->behind_ns == 0)
                d->behind_ns = begin;
        if (r < 0)
                direction_unwatch(d);
        set_next(d);
        return n + written;
}

void direction_unwatch(Direction *d) {
        if (d->is_watched)
                (void) epoll_ctl(d->wire->set->epoll, EPOLL_CTL_DEL, d->in, NULL);
        d->is_watched = false;
}
