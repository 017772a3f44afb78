/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <math.h>

#include "test.h"
#include "wire/fate.h"

#define MS 1000000LL
#define N  200000

static Quality quality_of(const char *key, const char *value) {
        Quality q = {};

        expect(quality_set(&q, key, value, NULL) == 0);
        return q;
}

TEST(a_cable_does_nothing) {
        Quality q = {};
        FateRules rules = { .quality = &q };
        FateMaker m = { .seed = 1 };
        Fate fate = fate_next(&m, &rules, 0);

        expect(fate_is_plain(&rules) && m.k == 1);
        expect(!fate.lost && !fate.corrupt && !fate.duplicate && !fate.overtakes &&
               fate.delay_ns == 0);
}

TEST(the_kth_packet_always_has_the_same_fate) {
        Quality q = quality_of("loss", "20%");
        FateRules rules = { .quality = &q };
        FateMaker a = { .seed = 42 }, b = { .seed = 42 }, c = { .seed = 43 };
        char first[65] = {};
        int same = 0;

        for (int k = 0; k < 64; k++)
                first[k] = fate_next(&a, &rules, k * MS).lost ? '1' : '0';
        /* Bit for bit, on every machine and in every version. */
        expect_str(first, "1001000100100011001000000000000001000010100010001110101001000000");
        /* Other properties and other times change nothing. */
        q.corrupt = q.duplicate = q.reorder = 0.5;
        q.jitter_ns = MS;
        for (int k = 0; k < 64; k++)
                expect(fate_next(&b, &rules, 7).lost == (first[k] == '1'));
        for (int k = 0; k < 64; k++)
                same += fate_next(&c, &rules, 7).lost == (first[k] == '1');
        expect(same < 60);
}

TEST(shares_are_what_they_say) {
        Quality q = quality_of("loss", "10%");
        FateRules rules = { .quality = &q };
        FateMaker m = { .seed = 5 };
        int lost = 0, corrupt = 0, duplicate = 0, overtakes = 0;

        q.corrupt = 0.2;
        q.duplicate = 0.3;
        q.reorder = 0.4;
        q.delay_ns = 10 * MS;
        expect(!fate_is_plain(&rules));
        for (int k = 0; k < N; k++) {
                Fate fate = fate_next(&m, &rules, 0);

                lost += fate.lost;
                corrupt += fate.corrupt;
                duplicate += fate.duplicate;
                overtakes += fate.overtakes;
                expect(fate.delay_ns == (fate.overtakes ? 0 : 10 * MS));
                expect(!fate.lost || (!fate.corrupt && !fate.duplicate && !fate.overtakes));
        }
        expect(fabs(lost / (double) N - 0.1) < 0.003);
        expect(fabs(corrupt / (double) N - 0.9 * 0.2) < 0.004);
        expect(fabs(duplicate / (double) N - 0.9 * 0.3) < 0.004);
        expect(fabs(overtakes / (double) N - 0.9 * 0.4) < 0.004);
}

TEST(gilbert_elliott_loses_in_bursts_as_long_as_its_chain_says) {
        Quality q = quality_of("loss", "gemodel 2% 25%");
        FateRules rules = { .quality = &q };
        FateMaker m = { .seed = 11 };
        int lost = 0, bursts = 0;
        bool before = false;

        for (int k = 0; k < N; k++) {
                bool now = fate_next(&m, &rules, 0).lost;

                lost += now;
                bursts += now && !before;
                before = now;
        }
        /* Stationary share p / (p + r), mean length 1 / r. */
        expect(fabs(lost / (double) N - 0.02 / 0.27) < 0.004);
        expect(fabs(lost / (double) bursts - 4) < 0.15);
}

TEST(gilbert_elliott_has_losses_of_its_own_in_each_state) {
        Quality q = quality_of("loss", "gemodel 50% 50% 80% 10%");
        FateRules rules = { .quality = &q };
        FateMaker m = { .seed = 12 };
        int lost = 0;

        for (int k = 0; k < N; k++)
                lost += fate_next(&m, &rules, 0).lost;
        expect(fabs(lost / (double) N - 0.45) < 0.005);
}

TEST(a_pattern_is_followed_packet_by_packet_from_its_beginning) {
        autoptr(Pattern) pattern = NULL;
        Quality q = { .loss = LOSS_PATTERN };
        FateRules rules = { .quality = &q };
        FateMaker m = { .seed = 1, .k = 100, .pattern_k = 100 };

        expect(pattern_parse("00101", 5, "p", &pattern, NULL) == 0);
        rules.pattern = pattern;
        for (int k = 0; k < 20; k++)
                expect(fate_next(&m, &rules, 0).lost == ("00101"[k % 5] == '1'));
}

TEST(a_trace_brings_delays_and_losses_of_its_own) {
        static const char text[] = "time,rate,delay,loss\n0,1mbit,5ms,0%\n1,1mbit,9ms,100%\n";
        autoptr(Trace) trace = NULL;
        Quality q = { .delay_ns = MS };
        FateRules rules = { .quality = &q, .origin_ns = 500 * MS };
        FateMaker m = { .seed = 1 };
        Fate fate;

        expect(trace_parse(text, sizeof text - 1, "t", &trace, NULL) == 0);
        rules.trace = trace;
        expect(!fate_is_plain(&rules));
        fate = fate_next(&m, &rules, 600 * MS);
        expect(!fate.lost && fate.delay_ns == 6 * MS);
        fate = fate_next(&m, &rules, 1600 * MS);
        expect(fate.lost && fate.delay_ns == 10 * MS);
}

static void measure(DelayDistribution distribution, double *ret_mean, double *ret_deviation,
                    double *ret_least) {
        Quality q = { .delay_ns = 1000 * MS, .jitter_ns = 10 * MS, .distribution = distribution };
        double sum = 0, squares = 0, least = 1e9;

        for (uint64_t k = 0; k < N; k++) {
                double x = (double) (fate_delay(&q, 3, k) - q.delay_ns) / (double) q.jitter_ns;

                sum += x;
                squares += x * x;
                least = fmin(least, x);
        }
        *ret_mean = sum / N;
        *ret_deviation = sqrt(squares / N - sum / N * sum / N);
        *ret_least = least;
}

TEST(delays_are_distributed_around_their_mean_as_they_say) {
        double mean, deviation, least;

        measure(DELAY_UNIFORM, &mean, &deviation, &least);
        expect(fabs(mean) < 0.01 && fabs(deviation - sqrt(1 / 3.0)) < 0.01 && least >= -1);
        measure(DELAY_NORMAL, &mean, &deviation, &least);
        expect(fabs(mean) < 0.01 && fabs(deviation - 1) < 0.01 && least < -3.5);
        measure(DELAY_PARETO, &mean, &deviation, &least);
        expect(fabs(mean) < 0.02 && fabs(deviation - 1) < 0.2 && least > -0.58);
        measure(DELAY_PARETONORMAL, &mean, &deviation, &least);
        expect(fabs(mean) < 0.02 && fabs(deviation - 1) < 0.2 && least > -3);
}

TEST(no_delay_is_negative) {
        Quality q = { .delay_ns = MS, .jitter_ns = 10 * MS, .distribution = DELAY_NORMAL };
        bool is_cut = false;

        for (uint64_t k = 0; k < 1000; k++) {
                expect(fate_delay(&q, 3, k) >= 0);
                is_cut |= fate_delay(&q, 3, k) == 0;
        }
        expect(is_cut);
}
