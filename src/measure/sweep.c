/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "measure/stream.h"
#include "measure/sweep.h"

#define ETHERNET 18   /* addresses, type and checksum */
#define OFFERED  0.98 /* of what was asked for: less, and the sender is the limit */

static const int rfc2544[] = { 64, 128, 256, 512, 1024, 1280, 1518, 0 };

SweepOptions sweep_defaults(const Station *from, const Station *to) {
        return (SweepOptions){ .from = *from,
                               .to = *to,
                               .max_bps = 10e9,
                               .resolution = 0.01,
                               .trial_ns = 2 * NS_PER_S,
                               .stop = -EBADF };
}

typedef struct Trial {
        bool passed, limited; /* limited: the sender offered less than was asked for */
        double offered_bps, loss;
        bool overrun, stopped;
} Trial;

static int run_trial(const SweepOptions *o, int frame, double rate_bps, Trial *ret, Err *err) {
        autostream result = {};
        StreamOptions s = stream_defaults(&o->from, &o->to);
        double packet = frame - ETHERNET;
        int r;

        s.size = (size_t) packet - stream_overhead(&o->to);
        s.rate_bps = rate_bps * packet / frame;
        s.duration_ns = o->trial_ns;
        s.stop = o->stop;
        r = stream(&s, &result, err);
        if (r < 0)
                return r;
        *ret = (Trial){ .loss = stream_loss(&result),
                        .offered_bps = result.offered_bps * frame / packet,
                        .overrun = result.overrun > 0,
                        .stopped = result.stopped };
        ret->passed = result.received > 0 && ret->loss <= o->tolerance;
        ret->limited = ret->offered_bps < rate_bps * OFFERED;
        return 0;
}

static int search(const SweepOptions *o, SweepPoint *p, bool *ret_stopped, Err *err) {
        double low = 0, high = o->max_bps, next = o->max_bps;

        while (p->trials < SWEEP_TRIALS_MAX && high - low > o->resolution * high) {
                Trial t = {};
                int r = run_trial(o, p->frame, next, &t, err);

                if (r < 0)
                        return r;
                if (t.stopped) {
                        *ret_stopped = true;
                        return 0;
                }
                p->trials++;
                if (t.passed) {
                        low = next;
                        p->rate_bps = t.offered_bps;
                        p->packets = t.offered_bps / (p->frame * 8);
                        p->sender_limited = t.limited;
                } else {
                        p->loss_above = t.loss;
                        p->receiver_missed = p->receiver_missed || t.overrun;
                }
                /* Faster than it can, no trial is another one. */
                if (t.passed && t.limited)
                        return 0;
                if (!t.passed)
                        high = t.limited && t.offered_bps > low ? t.offered_bps : next;
                if (high >= o->max_bps && low > 0)
                        return 0;
                next = (low + high) / 2;
        }
        return 0;
}

static int check_options(const SweepOptions *o, Err *err) {
        for (int i = 0; i < SWEEP_SIZES_MAX && o->sizes[i]; i++)
                if (o->sizes[i] < 64 || o->sizes[i] > 9018)
                        return refuse(err, EINVAL, "a frame has 64 to 9018 bytes, not %d",
                                      o->sizes[i]);
        if (!(o->max_bps > 0) || !(o->resolution > 0) || o->resolution >= 1 ||
            !(o->tolerance >= 0) || o->tolerance >= 1 || o->trial_ns <= 0)
                return refuse(err, EINVAL,
                              "a sweep's rate and trials are above zero, its resolution and "
                              "tolerance below one");
        return 0;
}

int sweep(const SweepOptions *o, SweepResult *ret, Err *err) {
        const int *sizes = o->sizes[0] ? o->sizes : rfc2544;
        int least = ETHERNET + (int) stream_overhead(&o->to) + STREAM_MIN;
        int r = check_options(o, err);

        *ret = (SweepResult){};
        for (int i = 0; r >= 0 && i < SWEEP_SIZES_MAX && sizes[i] && !ret->stopped; i++) {
                SweepPoint *p = &ret->points[ret->n];

                p->frame = sizes[i] > least ? sizes[i] : least;
                r = search(o, p, &ret->stopped, err);
                if (r >= 0 && (p->trials > 0 || !ret->stopped))
                        ret->n++;
        }
        return r < 0 ? r : 0;
}
