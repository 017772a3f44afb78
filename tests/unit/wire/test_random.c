/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdbool.h>

#include "test.h"
#include "wire/random.h"

TEST(the_hash_is_that_of_splitmix64) {
        const uint64_t step = 0x9e3779b97f4a7c15;

        /* The first numbers of its generator from seed 0. */
        expect(draw_mix(step) == 0xe220a8397b1dcdaf);
        expect(draw_mix(2 * step) == 0x6e789e6aa1b965f4);
        expect(draw_mix(3 * step) == 0x06c45d188009454f);
}

TEST(draws_fill_the_unit_interval_evenly) {
        int tenths[10] = {};
        double sum = 0;

        for (uint64_t k = 0; k < 100000; k++) {
                double u = draw_unit(draw(7, DRAW_LOSS, k));

                expect(u >= 0 && u < 1);
                tenths[(int) (u * 10)]++;
                sum += u;
        }
        for (int i = 0; i < 10; i++)
                expect(tenths[i] > 9600 && tenths[i] < 10400);
        expect(sum > 49700 && sum < 50300);
}

TEST(draws_for_other_properties_seeds_and_packets_have_nothing_in_common) {
        int same = 0;

        for (uint64_t k = 0; k < 10000; k++) {
                bool a = draw_unit(draw(7, DRAW_LOSS, k)) < 0.5;

                same += a == (draw_unit(draw(7, DRAW_CORRUPT, k)) < 0.5);
                same += a == (draw_unit(draw(8, DRAW_LOSS, k)) < 0.5);
                same += a == (draw_unit(draw(7, DRAW_LOSS, k + 1)) < 0.5);
                same += a == (draw_unit(draw(draw_seed(7, 1), DRAW_LOSS, k)) < 0.5);
        }
        expect(same > 19700 && same < 20300);
}
