/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <math.h>

#include "wire/fate.h"
#include "wire/random.h"

bool fate_is_plain(const FateRules *rules) {
        const Quality *q = rules->quality;

        return q->loss == LOSS_NONE && !(q->corrupt > 0) && !(q->duplicate > 0) &&
               !(q->reorder > 0) && q->jitter_ns == 0 && !(rules->trace && rules->trace->has_loss);
}

static bool happens(double p, uint64_t seed, DrawFor property, uint64_t k) {
        return p > 0 && draw_unit(draw(seed, property, k)) < p;
}

/* Box and Muller's transform of the two halves of a draw. */
static double normal(uint64_t bits) {
        double u = ((double) (bits >> 32) + 0.5) * 0x1p-32;
        double angle = (double) (bits & 0xffffffff) * 0x1p-32 * 2 * M_PI;

        return sqrt(-2 * log(u)) * cos(angle);
}

/* Of exponent 3, the least for which there is a variance; brought to mean 0 and variance 1. */
static double pareto(uint64_t bits) {
        double u = 1 - draw_unit(bits);

        return (1 / cbrt(u) - 1.5) / sqrt(0.75);
}

int64_t fate_delay(const Quality *q, uint64_t seed, uint64_t k) {
        double deviation = 0, delay;
        uint64_t bits;

        if (q->jitter_ns == 0)
                return q->delay_ns;
        bits = draw(seed, DRAW_JITTER, k);
        switch (q->distribution) {
        case DELAY_UNIFORM:
                deviation = 2 * draw_unit(bits) - 1;
                break;
        case DELAY_NORMAL:
                deviation = normal(bits);
                break;
        case DELAY_PARETO:
                deviation = pareto(bits);
                break;
        case DELAY_PARETONORMAL:
                /* Of two independent draws, and of variance 1 again. */
                deviation = (0.25 * normal(bits) + 0.75 * pareto(draw_mix(bits))) / sqrt(0.625);
                break;
        }
        delay = (double) q->delay_ns + deviation * (double) q->jitter_ns;
        return delay > 0 ? (int64_t) delay : 0;
}

static bool is_lost(FateMaker *m, const FateRules *rules, const TraceRow *row) {
        const Quality *q = rules->quality;
        double p = row && rules->trace->has_loss ? row->loss : 0;

        switch (q->loss) {
        case LOSS_NONE:
                break;
        case LOSS_INDEPENDENT:
                p = 1 - (1 - p) * (1 - q->loss_p);
                break;
        case LOSS_GILBERT_ELLIOTT:
                if (happens(m->bad ? q->loss_r : q->loss_p, m->seed, DRAW_LOSS_STATE, m->k))
                        m->bad = !m->bad;
                p = 1 - (1 - p) * (1 - (m->bad ? q->loss_bad : q->loss_good));
                break;
        case LOSS_PATTERN:
                if (rules->pattern && pattern_is_lost(rules->pattern, m->k - m->pattern_k))
                        return true;
                break;
        }
        return happens(p, m->seed, DRAW_LOSS, m->k);
}

Fate fate_next(FateMaker *m, const FateRules *rules, int64_t now) {
        const Quality *q = rules->quality;
        const TraceRow *row = rules->trace ? trace_row(rules->trace, rules->origin_ns, now) : NULL;
        Fate fate = {};

        fate.lost = is_lost(m, rules, row);
        fate.delay_ns = fate_delay(q, m->seed, m->k);
        if (row && rules->trace->has_delay)
                fate.delay_ns += row->delay_ns;
        if (!fate.lost) {
                fate.corrupt = happens(q->corrupt, m->seed, DRAW_CORRUPT, m->k);
                fate.duplicate = happens(q->duplicate, m->seed, DRAW_DUPLICATE, m->k);
                fate.overtakes = happens(q->reorder, m->seed, DRAW_REORDER, m->k);
        }
        if (fate.corrupt)
                fate.choice = draw(m->seed, DRAW_CORRUPT_BIT, m->k);
        if (fate.overtakes)
                fate.delay_ns = 0;
        m->k++;
        return fate;
}
